//! A configuration with its keys and secrets, the nodes that it names, and what `spandrel doctor` says of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::control::guarded;
use crate::run::{free_port, told};

/// What a node answers, by method; what is not there is refused as an unknown method.
pub type Answers = Arc<Mutex<BTreeMap<&'static str, Value>>>;

/// A node that speaks JSON-RPC. With a password it lets nobody else in.
pub async fn node(answers: Answers, password: Option<&'static str>) -> String {
    async fn answer(
        State((answers, password)): State<(Answers, Option<&'static str>)>,
        headers: HeaderMap,
        Json(asked): Json<Value>,
    ) -> Response {
        let sent = headers.get("authorization").is_some();
        if password.is_some() && !sent {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let answers = answers.lock().unwrap();
        let method = asked["method"].as_str().unwrap();
        let found = match method {
            "eth_getCode" | "eth_call" => {
                let to = asked["params"][0]["to"].as_str().or(asked["params"][0].as_str()).unwrap().to_lowercase();
                answers.iter().find(|(name, _)| **name == format!("{method} {to}")).or(answers.get_key_value(method))
            }
            _ => answers.get_key_value(method),
        };
        let body = match found {
            Some((_, result)) => json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }),
            None => {
                json!({ "jsonrpc": "2.0", "id": asked["id"], "error": { "code": -32601, "message": "unknown method" } })
            }
        };
        Json(body).into_response()
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer).with_state((answers, password));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// An EVM node of chain `number` on which everything has code, and whose account is poor.
pub fn evm(number: u64) -> Answers {
    let zero = |bytes: usize| format!("0x{}", "00".repeat(bytes));
    let block = json!({
        "hash": zero(32), "parentHash": zero(32), "sha3Uncles": zero(32), "miner": zero(20), "stateRoot": zero(32),
        "transactionsRoot": zero(32), "receiptsRoot": zero(32), "logsBloom": zero(256), "difficulty": "0x0",
        "number": "0x9", "gasLimit": "0x1c9c380", "gasUsed": "0x0", "extraData": "0x", "mixHash": zero(32),
        "nonce": zero(8), "baseFeePerGas": "0x7", "size": "0x200", "uncles": [], "transactions": [],
        "timestamp": format!("{:#x}", spandrel::clock::unix_now()),
    });
    Arc::new(Mutex::new(BTreeMap::from([
        ("eth_chainId", json!(format!("{number:#x}"))),
        ("eth_simulateV1", json!([])),
        ("eth_getBlockByNumber", block),
        ("eth_getCode", json!("0x6000")),
        ("eth_getBalance", json!("0x5")),
    ])))
}

/// A Bitcoin node of the example's chain.
pub fn bitcoin() -> Answers {
    let genesis = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206";
    Arc::new(Mutex::new(BTreeMap::from([("getblockcount", json!(120)), ("getblockhash", json!(genesis))])))
}

/// A configuration whose nodes are at these addresses, with the keys that it asks for, and the secrets in the environment.
pub struct Ward {
    folder: tempfile::TempDir,
}

pub const SECRET: &str = "correct horse";

impl Ward {
    /// `nodes` replace the relayer's three Bitcoin nodes, the verifier's, and the destination's.
    pub fn new(nodes: [&str; 5]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        guarded(folder.path());
        let path = folder.path().join("spandrel.toml");
        let mut text = std::fs::read_to_string(&path).unwrap();
        let places = ["18443", "18444", "18445", "18453", "8545"].map(|port| format!("http://127.0.0.1:{port}"));
        for (place, node) in places.iter().zip(nodes) {
            assert!(text.contains(&format!("\"{place}\"")), "{place}");
            text = text.replace(&format!("\"{place}\""), &format!("\"{node}\""));
        }
        let keystore =
            spandrel_signer::Keystore::open(folder.path().join("keys"), spandrel_signer::Hardness::Dev).unwrap();
        let password = spandrel_signer::Secret::new(SECRET.to_owned()).unwrap();
        keystore.create("relayer", &password).unwrap();
        let verifier = keystore.create("verifier", &password).unwrap();
        text = text.replace("0x1111111111111111111111111111111111111111", &verifier.address.to_string());
        std::fs::write(&path, text).unwrap();
        Self { folder }
    }

    /// Nodes that are not there, at addresses with a secret in them.
    pub fn away() -> Self {
        let dead: Vec<String> = (0..5).map(|_| format!("http://127.0.0.1:{}/t0ken", free_port())).collect();
        Self::new([&dead[0], &dead[1], &dead[2], &dead[3], &dead[4]])
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn edit(&self, from: &str, to: &str) {
        let path = self.path().join("spandrel.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spandrel"));
        command.current_dir(self.path()).args(["doctor", "--json"]);
        for name in
            ["BITCOIN_RPC", "SECOND_BITCOIN_RPC", "THIRD_BITCOIN_RPC", "RELAYER", "VERIFIER", "VERIFIER_BITCOIN_RPC"]
        {
            command.env(format!("{name}_PASSWORD"), SECRET);
        }
        command.env("SPANDREL_WEBHOOK_KEY", "a key of 32 bytes or more, which nobody is shown");
        command
    }

    /// What it says, with its exit code; never a secret.
    pub async fn look(&self, command: Command) -> (i32, Value) {
        let mut command = command;
        let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let told = told(&output);
        for secret in [SECRET, "which nobody is shown", "t0ken"] {
            assert!(!told.contains(secret), "{told}");
        }
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}")))
    }
}

/// The row called `what`; where it is wrong or warned of it says how to mend it.
pub fn row<'a>(report: &'a Value, what: &str) -> &'a Value {
    let rows = report["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["what"] == what).unwrap_or_else(|| panic!("{what}: {report:#}"));
    assert_eq!(row["state"] == "wrong" || row["state"] == "warn", row["mend"].is_string(), "{row}");
    row
}

pub fn wrong(report: &Value, what: &str, parts: &[&str]) {
    let row = row(report, what);
    assert_eq!(row["state"], "wrong", "{row}");
    let text = format!("{} {}", row["found"].as_str().unwrap(), row["mend"].as_str().unwrap());
    assert!(parts.iter().all(|part| text.contains(part)), "{parts:?}: {text}");
}

pub const CHAIN: &str = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";

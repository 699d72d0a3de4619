//! `spandrel doctor`: each thing that can be wrong is told apart, with how to mend it, and no secret is.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use spandrel_core::ledger::{Commit, Ledger};
use spandrel_engine::{Alarms, Sentinel};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_store::Sqlite;
use spandrel_watchers::pool::{Counts, Health, Standing, TOLERATED_DISSENT};
use spandrel_watchers::sentinel::SourceView;

use crate::control::guarded;
use crate::run::{ends, free_port, silent_book, told};

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

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_runs_every_node_is_named_with_how_to_mend_it() {
    let ward = Ward::away();
    let (code, report) = ward.look(ward.command()).await;
    assert_eq!((code, &report["well"]), (5, &false.into()), "{report:#}");
    for who in ["node 1", "node 2", "node 3", "node of verifier"] {
        wrong(&report, &format!("bitcoin {CHAIN} {who}"), &["127.0.0.1", "start the node"]);
    }
    wrong(&report, "destination eip155:31337 node", &["127.0.0.1", "start the node"]);
    for what in ["destination eip155:31337 contracts", "destination eip155:31337 account", "database", "clock"] {
        assert_eq!(row(&report, what)["state"], "skipped");
    }
    for what in ["configuration", "api.webhook_key", "account key relayer", "verifier key verifier"] {
        assert_eq!(row(&report, what)["state"], "ok", "{report:#}");
    }
    assert_eq!(report["wrong"], 5);
    assert!(!ward.path().join("spandrel.sqlite").exists(), "nothing is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_wrongly_is_told_apart() {
    let (chain, target) = (bitcoin(), evm(31_337));
    let other = bitcoin();
    other.lock().unwrap().insert("getblockhash", json!("00".repeat(32)));
    let locked = node(bitcoin(), Some(SECRET)).await;
    let nodes = [
        node(chain, None).await,
        node(other, None).await,
        locked,
        node(bitcoin(), None).await,
        node(target.clone(), None).await,
    ];
    let ward = Ward::new([&nodes[0], &nodes[1], &nodes[2], &nodes[3], &nodes[4]]);
    let (code, report) = ward.look(ward.command()).await;
    assert_eq!(code, 5);
    assert_eq!(row(&report, &format!("bitcoin {CHAIN} node 1"))["state"], "ok", "{report:#}");
    wrong(&report, &format!("bitcoin {CHAIN} node 2"), &["block 0: expected 0x06226e46", "found 0x0000", "network"]);
    assert_eq!(row(&report, &format!("bitcoin {CHAIN} node 3"))["state"], "ok", "a password lets in: {report:#}");
    assert_eq!(row(&report, "destination eip155:31337 node")["state"], "ok", "{report:#}");
    assert_eq!(row(&report, "clock")["state"], "ok", "{report:#}");
    assert_eq!(row(&report, "destination eip155:31337 inbox")["state"], "ok", "{report:#}");
    wrong(&report, "destination eip155:31337 account", &["expected at least", "found 5", "send it"]);

    let inbox = "eth_getCode 0x7777777777777777777777777777777777777777";
    target.lock().unwrap().insert(inbox, json!("0x"));
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "destination eip155:31337 inbox", &["expected a contract at 0x7777", "found none"]);
    target.lock().unwrap().remove("eth_simulateV1");
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "destination eip155:31337 node", &["unknown method", "eth_simulateV1"]);
    target.lock().unwrap().insert("eth_chainId", json!("0x1"));
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "destination eip155:31337 node", &["chain id: expected 31337, found 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_secrets_and_the_ledger_are_looked_at() {
    let nodes = [
        node(bitcoin(), None).await,
        node(bitcoin(), None).await,
        node(bitcoin(), None).await,
        node(bitcoin(), None).await,
        node(evm(31_337), None).await,
    ];
    let ward = Ward::new([&nodes[0], &nodes[1], &nodes[2], &nodes[3], &nodes[4]]);
    let mut command = ward.command();
    command.env("RELAYER_PASSWORD", "another").env_remove("BITCOIN_RPC_PASSWORD").env("SPANDREL_WEBHOOK_KEY", "short");
    let (_, report) = ward.look(command).await;
    wrong(&report, "account key relayer", &["wrong password or damaged file", "env:RELAYER_PASSWORD"]);
    wrong(&report, &format!("bitcoin {CHAIN} node 1"), &["env:BITCOIN_RPC_PASSWORD: expected a value, found none set"]);
    wrong(&report, "api.webhook_key", &["expected at least 32 bytes", "env:SPANDREL_WEBHOOK_KEY"]);

    ward.edit("name = \"verifier\"", "name = \"relayer\"");
    ward.edit("env:VERIFIER_PASSWORD", "env:RELAYER_PASSWORD");
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "verifier key relayer", &["expected a member of the set of epoch 1, found 0x"]);
    ward.edit(
        "name = \"relayer\", password = \"env:RELAYER_PASSWORD\" }\n# Most wei",
        "name = \"nobody\", password = \"env:RELAYER_PASSWORD\" }\n# Most wei",
    );
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "account key nobody", &["nobody", "spandrel keys new nobody"]);

    let path = ward.path().join("spandrel.sqlite");
    let store = Sqlite::open(&path).await.unwrap();
    let chain: spandrel_verifiers::ChainId = CHAIN.parse().unwrap();
    let halt = Some((chain, "a final block was replaced".to_owned()));
    store.commit(Commit { now: 1, halt, ..Commit::default() }).await.unwrap();
    store.close().await;
    let (_, report) = ward.look(ward.command()).await;
    assert_eq!(row(&report, "database")["state"], "ok", "{report:#}");
    wrong(&report, &format!("chain {CHAIN}"), &["halted: a final block was replaced", "spandrel acknowledge"]);
    std::fs::write(&path, "").unwrap();
    for beside in ["-wal", "-shm"] {
        std::fs::remove_file(format!("{}{beside}", path.display())).unwrap_or_default();
    }
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "database", &["schema: expected version", "found 0", "spandrel db migrate"]);
    std::fs::write(&path, "no database at all, but long enough to be looked at as one").unwrap();
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "database", &["not a database", "backup"]);
}

/// What sentinels paused for stands in the ledger, also while the process that found it is down.
#[tokio::test(flavor = "multi_thread")]
async fn what_sentinels_found_is_told_until_guardians_have_lifted_it() {
    let ward = Ward::away();
    let config = spandrel::config::Config::read(&ward.path().join("spandrel.toml")).unwrap();
    let nodes: Arc<dyn SourceView> = Arc::new(Disputed);
    let book = silent_book(&config).await;
    let chain: spandrel_verifiers::ChainId = CHAIN.parse().unwrap();
    let sources = BTreeMap::from([(chain.clone(), nodes)]);
    let sentinel = Sentinel::new(book.clone(), Vec::new(), sources, Vec::new(), Alarms::default());
    sentinel.look_once().await.unwrap();
    let scope = Scope::Chain { chain };
    let (_, report) = ward.look(ward.command()).await;
    let what = format!("sentinels: {scope}");
    wrong(&report, &what, &["nodes_disagree", "node-0 has shown other blocks", "runbook", "spandrel resume"]);
    book.record_risk(RiskEvent::Resumed { scope }).await.unwrap();
    let (_, report) = ward.look(ward.command()).await;
    assert!(report["rows"].as_array().unwrap().iter().all(|row| row["what"] != what.as_str()), "{report:#}");
    book.ledger().close().await;
}

/// A node that has shown other blocks than the rest for too long.
struct Disputed;

impl Health for Disputed {
    fn standings(&self) -> Vec<Standing> {
        let dissents_for = Some(TOLERATED_DISSENT * 2);
        vec![Standing { name: "node-0".to_owned(), is_open: false, dissents_for, counts: Counts::default() }]
    }
}

impl SourceView for Disputed {
    fn highest(&self) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async { None })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_a_price_feed_is_asked_for_a_price_that_is_believed() {
    const FEED: &str = "eth_call 0x00000000000000000000000000000000000fee00";
    let word = |number: u64| format!("{number:064x}");
    // 64,123.5 with some confidence, eight digits behind the point, as Pyth tells it.
    let told = |confidence: u64, at: u64| {
        let exponent = format!("{}f8", "ff".repeat(31));
        json!(format!("0x{}{}{exponent}{}", word(6_412_350_000_000), word(confidence), word(at)))
    };
    let (now, publishing, elsewhere) = (spandrel::clock::unix_now(), evm(31_337), evm(1));
    publishing.lock().unwrap().insert(FEED, told(1_200_000_000, now));
    elsewhere.lock().unwrap().insert(FEED, told(1_200_000_000, now));
    let feeds =
        [node(publishing.clone(), None).await, node(elsewhere, None).await, "http://127.0.0.1:1/t0ken".to_owned()];
    let ward = Ward::away();
    let asset = format!("{CHAIN}/slip44:0");
    let id = "00".repeat(32);
    let feed = format!(
        "[[price_feed]]\nasset = \"{asset}\"\nchain = \"eip155:31337\"\n\
         contract = \"0x00000000000000000000000000000000000fee00\"\ndigits = 6\nevery_seconds = 10\nquorum = 2\n\
         nodes = {feeds:?}\npublisher = {{ kind = \"pyth\", id = \"0x{id}\" }}\n\n[[wide.destination]]"
    );
    ward.edit("[[wide.destination]]", &feed);
    let (_, report) = ward.look(ward.command()).await;
    let of = |position: u64| format!("price of {asset} node {position}");
    let first = row(&report, &of(1));
    assert!(first["state"] == "ok" && first["found"].as_str().unwrap().starts_with("64123500000 with"), "{first}");
    wrong(&report, &of(2), &["eip155:31337", "eip155:1", "correct `nodes`"]);
    wrong(&report, &of(3), &["127.0.0.1:1", "start the node"]);

    for untold in [told(1_200_000_000, now - 1_000_000), told(6_000_000_000_000, now), told(0, now + 1_000_000)] {
        publishing.lock().unwrap().insert(FEED, untold);
        let (_, report) = ward.look(ward.command()).await;
        wrong(&report, &of(1), &["expected one of the last", "found 64123500000", "still published to"]);
    }
    publishing.lock().unwrap().insert(FEED, json!("0x"));
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, &of(1), &["correct `nodes`"]);
}

/// Signers would answer nobody, and nobody would say why.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_key_that_signers_do_not_answer_is_told_by_doctor_and_check() {
    let ward = Ward::away();
    let bus = |by: &str| {
        let key = "request_key = { name = \"requests\", password = \"env:RELAYER_PASSWORD\" }";
        let server = "url = \"tls://127.0.0.1:1\"\nname = \"main\"\ncredentials = \"env:NO_SUCH_SEED\"";
        format!("[bus]\n{server}\n{key}\nrequests_by = [\"{by}\"]\n[telemetry]")
    };
    let stranger = "0xffffffffffffffffffffffffffffffffffffffff";
    ward.edit("[telemetry]", &bus(stranger));
    let check = ["config", "check"];
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "request key requests", &["requests", "spandrel keys new requests"]);
    ends(ward.path(), &check, 1, &["bus.request_key: expected requests in", "found no such key"]);

    let keystore = spandrel_signer::Keystore::open(ward.path().join("keys"), spandrel_signer::Hardness::Dev).unwrap();
    let made = keystore.create("requests", &spandrel_signer::Secret::new(SECRET.to_owned()).unwrap()).unwrap();
    let (_, report) = ward.look(ward.command()).await;
    let found = format!("expected one of bus.requests_by, found {}", made.address);
    wrong(&report, "request key requests", &[&found, "put its address into bus.requests_by"]);
    let refused = format!("bus.request_key: expected one whose address is in bus.requests_by, found {}", made.address);
    ends(ward.path(), &check, 1, &[&refused]);

    ward.edit(stranger, &made.address.to_string());
    let (_, report) = ward.look(ward.command()).await;
    assert_eq!(row(&report, "request key requests")["state"], "ok", "{report:#}");
    ends(ward.path(), &check, 0, &["ok"]);
}

#[test]
fn a_configuration_that_does_not_read_is_the_first_thing_to_mend() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["doctor"], 5, &["configuration", "WRONG", "spandrel.toml", "To mend"]);
    let text = spandrel::config::EXAMPLE.replace("pause_seconds", "pause_secs");
    std::fs::write(folder.path().join("spandrel.toml"), text).unwrap();
    ends(folder.path(), &["doctor"], 5, &["configuration", "pause_secs"]);
}

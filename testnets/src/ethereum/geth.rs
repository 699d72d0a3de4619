//! A real geth that a consensus client drives, where one is given: a chain of its own on loopback ports, killed when dropped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use alloy::providers::{DynProvider, Provider};
use alloy_primitives::{B256, U256};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::accounts::{self, DEV_KEYS};
use super::binary::{free_port, on_path};
use super::{EthereumTestnetError, anvil};

const PROGRAM: &str = "geth";

/// Names the binary when it is not on `PATH`.
const GETH_ENV: &str = "SPANDREL_GETH";

/// Longest wait for the JSON-RPC.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for its index of transactions.
const INDEX_TIMEOUT: Duration = Duration::from_secs(60);

/// How geth is started.
#[derive(Clone, Debug)]
pub struct GethOptions {
    /// EIP-155 chain number.
    pub chain_id: u64,
    /// Whether Prague's rules hold from genesis; Cancun's hold in any case.
    pub prague: bool,
}

/// A running geth. Dropping it kills the process and deletes its data.
pub struct Geth {
    process: Child,
    url: String,
    engine_url: String,
    secret: PathBuf,
    genesis_hash: B256,
    chain_id: u64,
    _data: TempDir,
}

impl Geth {
    /// The binary that `SPANDREL_GETH` names, else the first `geth` on `PATH`.
    pub fn find() -> Option<PathBuf> {
        std::env::var_os(GETH_ENV).map(PathBuf::from).or_else(|| on_path(PROGRAM))
    }

    /// Starts the binary at `path` on a new chain. It makes no blocks by itself: a consensus client does.
    ///
    /// # Errors
    /// [`EthereumTestnetError::DidNotStart`] if it does not run, or does not answer within half a minute.
    pub async fn start(path: &Path, options: GethOptions) -> Result<Self, EthereumTestnetError> {
        let data = TempDir::new().map_err(did_not_start)?;
        let genesis = data.path().join("genesis.json");
        std::fs::write(&genesis, genesis_of(&options).to_string()).map_err(did_not_start)?;
        let secret = data.path().join("jwt");
        std::fs::write(&secret, format!("{:x}", B256::from(rand::random::<[u8; 32]>()))).map_err(did_not_start)?;
        // It listens for peers on every interface unless a file says otherwise, whatever the number of peers.
        let config = data.path().join("geth.toml");
        std::fs::write(&config, "[Node.P2P]\nListenAddr = \"127.0.0.1:0\"\n").map_err(did_not_start)?;
        let folder = data.path().join("chain");
        let made = Command::new(path)
            .arg("--datadir")
            .arg(&folder)
            .args(["--state.scheme", "hash", "init"])
            .arg(&genesis)
            .output()
            .await;
        let made = made.map_err(did_not_start)?;
        if !made.status.success() {
            return Err(did_not_start(String::from_utf8_lossy(&made.stderr)));
        }
        let (port, engine_port) = (free_port().map_err(did_not_start)?, free_port().map_err(did_not_start)?);
        let process = Command::new(path)
            .arg("--datadir")
            .arg(&folder)
            .arg("--config")
            .arg(&config)
            .args(["--networkid", &options.chain_id.to_string()])
            .args(["--http", "--http.addr", "127.0.0.1", "--http.api", "eth,net,web3"])
            .args(["--http.port", &port.to_string()])
            .args(["--authrpc.addr", "127.0.0.1", "--authrpc.port", &engine_port.to_string()])
            .arg("--authrpc.jwtsecret")
            .arg(&secret)
            .args(["--nodiscover", "--maxpeers", "0", "--nat", "none", "--ipcdisable"])
            // States of blocks that became final are asked for later.
            .args(["--syncmode", "full", "--gcmode", "archive", "--state.scheme", "hash"])
            // A wallet that asks what others tip, where nobody sends, tips 1 wei.
            .args(["--miner.gasprice", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(did_not_start)?;
        let url = format!("http://127.0.0.1:{port}");
        let engine_url = format!("http://127.0.0.1:{engine_port}");
        let provider = anvil::connect(&url)?;
        let genesis_hash = tokio::time::timeout(START_TIMEOUT, answered(&provider))
            .await
            .map_err(|_| did_not_start(format!("no answer after {START_TIMEOUT:?}")))?;
        let chain_id = options.chain_id;
        Ok(Self { process, url, engine_url, secret, genesis_hash, chain_id, _data: data })
    }

    /// JSON-RPC endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where a consensus client drives it.
    pub fn engine_url(&self) -> &str {
        &self.engine_url
    }

    /// File with the secret that the consensus client shows.
    pub fn secret(&self) -> &Path {
        &self.secret
    }

    /// Hash of block 0.
    pub fn genesis_hash(&self) -> B256 {
        self.genesis_hash
    }

    /// The EIP-155 number it was started with.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Returns once it tells of transactions: until it has indexed a first block that it was given, it answers with an
    /// error.
    ///
    /// # Errors
    /// [`EthereumTestnetError::DidNotStart`] when that takes over a minute.
    pub async fn indexed(&self) -> Result<(), EthereumTestnetError> {
        let provider = anvil::connect(&self.url)?;
        let indexed = async {
            while provider.get_transaction_receipt(B256::ZERO).await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let late = |_| did_not_start(format!("no index of transactions after {INDEX_TIMEOUT:?}"));
        tokio::time::timeout(INDEX_TIMEOUT, indexed).await.map_err(late)
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Signers of the funded accounts, the same as anvil's.
    pub fn signers(&self) -> Vec<alloy::signers::local::PrivateKeySigner> {
        accounts::signers(DEV_KEYS.len())
    }
}

/// Hash of block 0, once the node answers.
async fn answered(provider: &DynProvider) -> B256 {
    loop {
        if let Ok(Some(block)) = provider.get_block_by_number(0.into()).await {
            return block.header.hash;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A proof-of-stake chain from block 0 on, whose development accounts are rich.
fn genesis_of(options: &GethOptions) -> Value {
    let blobs = json!({ "target": 3, "max": 6, "baseFeeUpdateFraction": 3_338_477 });
    let mut config = json!({
        "chainId": options.chain_id,
        "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0, "byzantiumBlock": 0,
        "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0, "berlinBlock": 0, "londonBlock": 0,
        "terminalTotalDifficulty": 0, "terminalTotalDifficultyPassed": true,
        "shanghaiTime": 0, "cancunTime": 0,
        "blobSchedule": { "cancun": blobs, "prague": blobs },
    });
    if options.prague {
        config["pragueTime"] = json!(0);
    }
    let balance = U256::from(10).pow(U256::from(24));
    let rich = accounts::signers(DEV_KEYS.len());
    let alloc: serde_json::Map<String, Value> =
        rich.iter().map(|signer| (signer.address().to_string(), json!({ "balance": balance }))).collect();
    json!({
        "config": config, "alloc": alloc, "difficulty": "0x0", "gasLimit": "0x1c9c380", "timestamp": "0x0",
        "extraData": "0x", "baseFeePerGas": "0x3b9aca00",
    })
}

fn did_not_start(reason: impl ToString) -> EthereumTestnetError {
    EthereumTestnetError::DidNotStart { program: PROGRAM, reason: reason.to_string() }
}

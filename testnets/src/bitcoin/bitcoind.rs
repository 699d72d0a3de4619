//! A real Bitcoin Core in regtest: a process of its own in a temporary directory, on loopback ports. Its wallet is not
//! used: it may have been built without one.

use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bitcoin::{Address, Script, Transaction, TxOut, Txid};
use rand::Rng;
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::endpoint::RpcEndpoint;
use super::error::NodeError;
use super::purse::Purse;
use super::regtest::RegtestNode;

/// Names the binary when it is not on `PATH`.
pub const BITCOIND_ENV: &str = "SPANDREL_BITCOIND";

const READY: &str = "init message: Done loading";
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running `bitcoind -regtest`, and keys of ours to mine to; killed when dropped.
pub struct Bitcoind {
    rpc: RpcEndpoint,
    purse: Purse,
    zmq_endpoint: String,
    process: Child,
    _directory: TempDir,
}

impl Bitcoind {
    /// The binary that `SPANDREL_BITCOIND` names, else the first `bitcoind` on `PATH`.
    pub fn find() -> Option<PathBuf> {
        if let Some(named) = std::env::var_os(BITCOIND_ENV) {
            return Some(PathBuf::from(named));
        }
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("bitcoind")).find(|candidate| candidate.is_file())
    }

    /// Starts the binary at `path` on free ports and waits until it says that it is loaded.
    ///
    /// # Errors
    /// [`NodeError`] if the binary does not run, ends early, or takes over a minute.
    pub async fn start(path: &Path) -> Result<Self, NodeError> {
        let directory = TempDir::new().map_err(NodeError::io("make a data directory"))?;
        let [rpc_port, zmq_port] = free_ports()?;
        let zmq_endpoint = format!("tcp://127.0.0.1:{zmq_port}");
        let password = hex::encode(rand::rng().random::<[u8; 16]>());
        write_config(directory.path(), rpc_port, &zmq_endpoint, &password)?;

        let mut process = Command::new(path)
            .arg(format!("-datadir={}", directory.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(NodeError::io(format!("start {}", path.display())))?;
        let output = process.stdout.take().ok_or_else(|| NodeError::Ended { log: "no output".to_owned() })?;
        let mut lines = BufReader::new(output).lines();
        let ready = tokio::time::timeout(START_LIMIT, wait_until_ready(&mut lines)).await;
        ready.map_err(|_| NodeError::Ended { log: format!("not loaded within {START_LIMIT:?}") })??;
        tokio::spawn(drain(lines));

        let rpc = RpcEndpoint::new(&format!("http://127.0.0.1:{rpc_port}"), "spandrel", &password)?;
        let purse = Purse::new(rpc.clone(), &rand::rng().random::<[u8; 32]>())?;
        tracing::info!(rpc = rpc_port, zmq = zmq_port, "bitcoind started");
        Ok(Self { rpc, purse, zmq_endpoint, process, _directory: directory })
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// [`NodeError`] if it does not answer or its end cannot be waited for.
    pub async fn stop(mut self) -> Result<(), NodeError> {
        self.rpc.call("stop", json!([])).await?;
        self.process.wait().await.map_err(NodeError::io("wait for bitcoind"))?;
        Ok(())
    }
}

impl RegtestNode for Bitcoind {
    fn rpc(&self) -> &RpcEndpoint {
        &self.rpc
    }

    fn zmq_endpoint(&self) -> &str {
        &self.zmq_endpoint
    }

    async fn new_address(&self) -> Result<Address, NodeError> {
        self.purse.new_address().await
    }

    async fn send(&self, script: &Script, value: u64) -> Result<Txid, NodeError> {
        self.purse.pay(script, value).await
    }

    async fn sign(&self, tx: Transaction, prevouts: &[TxOut]) -> Result<Transaction, NodeError> {
        self.purse.sign(tx, prevouts).await
    }
}

/// Ports that were free just now. Both are held until both are known, so they differ.
fn free_ports() -> Result<[u16; 2], NodeError> {
    let bind = || TcpListener::bind("127.0.0.1:0").map_err(NodeError::io("find a free port"));
    let (first, second) = (bind()?, bind()?);
    let port = |listener: &TcpListener| {
        listener.local_addr().map(|address| address.port()).map_err(NodeError::io("read a free port"))
    };
    Ok([port(&first)?, port(&second)?])
}

/// The password goes into a file only the owner reads, never on the command line.
fn write_config(directory: &Path, rpc_port: u16, zmq_endpoint: &str, password: &str) -> Result<(), NodeError> {
    let text = format!(
        "regtest=1\nserver=1\nlisten=0\ndnsseed=0\ndiscover=0\ntxindex=1\ndisablewallet=1\nprinttoconsole=1\n\
         rpcuser=spandrel\nrpcpassword={password}\n\
         zmqpubrawblock={zmq_endpoint}\nzmqpubhashblock={zmq_endpoint}\nzmqpubsequence={zmq_endpoint}\n\
         [regtest]\nrpcbind=127.0.0.1\nrpcallowip=127.0.0.1\nrpcport={rpc_port}\n"
    );
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(directory.join("bitcoin.conf")).map_err(NodeError::io("write bitcoin.conf"))?;
    file.write_all(text.as_bytes()).map_err(NodeError::io("write bitcoin.conf"))
}

async fn wait_until_ready(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<(), NodeError> {
    let mut last: VecDeque<String> = VecDeque::new();
    while let Some(line) = lines.next_line().await.map_err(NodeError::io("read bitcoind's output"))? {
        if line.contains(READY) {
            return Ok(());
        }
        if last.len() == 5 {
            last.pop_front();
        }
        last.push_back(line);
    }
    Err(NodeError::Ended { log: last.make_contiguous().join("; ") })
}

/// Reads on, so that the process never blocks on a full pipe.
async fn drain(mut lines: Lines<BufReader<ChildStdout>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::trace!(%line, "bitcoind");
    }
}

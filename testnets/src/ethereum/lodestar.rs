//! A real Lodestar, where one is given: a development chain of its own in one process, with eight validators.
//!
//! Lodestar cannot be taken for granted on a machine, so nothing depends on it. By default it runs its own mock of an
//! execution engine, whose blocks have no state: enough for everything that concerns consensus. [`LodestarOptions::over`]
//! lets it drive a geth instead.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::{ChainConfig, Fork};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::binary::free_port;
use super::{EthereumTestnetError, Geth, network_of};

const PROGRAM: &str = "lodestar";

/// Names the executable.
const LODESTAR_ENV: &str = "SPANDREL_LODESTAR";

/// The newest fork of its chain, when it is not the newest that is known here: `deneb`, `electra` or `fulu`. An older
/// Lodestar knows fewer.
const FORK_ENV: &str = "SPANDREL_LODESTAR_FORK";

/// Longest wait for the Beacon API.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What Lodestar logs once the Beacon API listens.
const LISTENING: &str = "Started REST API server";

/// How to start Lodestar.
#[derive(Clone, Debug)]
pub struct LodestarOptions {
    /// Seconds a slot lasts: the minimal preset was seen to finalize at 3 and more, never at 1.
    pub seconds_per_slot: u64,
    /// The newest fork, active from genesis like all before it.
    pub fork: Fork,
    /// Arguments that say what it does for an execution engine.
    execution: Vec<String>,
}

impl Default for LodestarOptions {
    fn default() -> Self {
        let fork = match std::env::var(FORK_ENV).as_deref() {
            Ok("deneb") => Fork::Deneb,
            Ok("electra") => Fork::Electra,
            _ => Fork::Fulu,
        };
        Self { seconds_per_slot: 3, fork, execution: vec!["--execution.engineMock".to_owned()] }
    }
}

impl LodestarOptions {
    /// Drives `geth` instead of a mock.
    #[must_use]
    pub fn over(mut self, geth: &Geth) -> Self {
        let chain = geth.chain_id().to_string();
        let secret = geth.secret().display().to_string();
        let genesis = geth.genesis_hash().to_string();
        let pairs = [
            ("--execution.urls", geth.engine_url()),
            ("--jwtSecret", &secret),
            ("--genesisEth1Hash", &genesis),
            ("--params.DEPOSIT_CHAIN_ID", &chain),
            ("--params.DEPOSIT_NETWORK_ID", &chain),
        ];
        self.execution = pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect();
        self
    }

    /// Whether its execution client must know Prague.
    pub fn has_prague(&self) -> bool {
        self.fork >= Fork::Electra
    }
}

/// A running Lodestar. Dropping it kills the process and deletes its data.
pub struct Lodestar {
    process: Child,
    url: String,
    _data: TempDir,
}

impl Lodestar {
    /// The executable that `SPANDREL_LODESTAR` names, if it is set.
    pub fn find() -> Option<PathBuf> {
        std::env::var_os(LODESTAR_ENV).map(PathBuf::from)
    }

    /// Starts the executable at `path`, in the minimal preset, with the Beacon API on loopback.
    ///
    /// # Errors
    /// [`EthereumTestnetError::DidNotStart`] if it does not run, or its API does not listen within a minute.
    pub async fn start(path: &Path, options: LodestarOptions) -> Result<Self, EthereumTestnetError> {
        let data = TempDir::new().map_err(did_not_start)?;
        // Lodestar cannot tell which port it was given, so free ones are chosen for it.
        let (port, peers) = (free_port().map_err(did_not_start)?, free_port().map_err(did_not_start)?);
        let program = std::fs::canonicalize(path).map_err(did_not_start)?;
        let mut process = Command::new(program)
            // It leaves its genesis where it stands.
            .current_dir(data.path())
            .env("LODESTAR_PRESET", "minimal")
            .args(["dev", "--genesisValidators", "8", "--startValidators", "0..7", "--reset"])
            .args(["--rest", "--rest.address", "127.0.0.1", "--rest.namespace", "*"])
            .args(["--rest.port", &port.to_string(), "--rest.swaggerUI", "false"])
            .args(["--beaconNodes", &format!("http://127.0.0.1:{port}")])
            .args(["--listenAddress", "127.0.0.1", "--port", &peers.to_string(), "--discv5", "false"])
            .args(["--params.TERMINAL_TOTAL_DIFFICULTY", "0"])
            .arg("--dataDir")
            .arg(data.path())
            .args(["--params.SECONDS_PER_SLOT", &options.seconds_per_slot.to_string()])
            .args(fork_arguments(options.fork))
            .args(options.execution)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(did_not_start)?;
        let stdout = process.stdout.take().ok_or_else(|| did_not_start("it has no standard output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let listening = async {
            let mut last = String::new();
            while let Some(line) = lines.next_line().await.map_err(did_not_start)? {
                if line.contains(LISTENING) {
                    return Ok(());
                }
                last = line;
            }
            Err(did_not_start(format!("it ended; its last line was {last:?}")))
        };
        tokio::time::timeout(START_TIMEOUT, listening)
            .await
            .map_err(|_| did_not_start(format!("no Beacon API after {START_TIMEOUT:?}")))??;
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                tracing::trace!(target: "lodestar", "{line}");
            }
        });
        Ok(Self { process, url: format!("http://127.0.0.1:{port}"), _data: data })
    }

    /// Base URL of the Beacon API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What its light clients must know.
    ///
    /// # Errors
    /// When it does not tell.
    pub async fn network(&self, chain: ChainId) -> Result<ChainConfig, EthereumTestnetError> {
        network_of(chain, &self.get("beacon/genesis").await?, &self.get("config/spec").await?)
    }

    /// Root of the final block, once there is one that is not genesis.
    ///
    /// # Errors
    /// When there is none after `patience`.
    pub async fn first_finality(&self, patience: Duration) -> Result<B256, EthereumTestnetError> {
        let finalized = async {
            loop {
                let header = self.get("beacon/headers/finalized").await?;
                let slot = header["data"]["header"]["message"]["slot"].as_str().unwrap_or("0");
                if slot != "0" {
                    let root = header["data"]["root"].as_str().unwrap_or_default();
                    return root.parse().map_err(|_| failed("beacon/headers/finalized", format!("root {root:?}")));
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let late = |_| failed("beacon/headers/finalized", format!("nothing is final after {patience:?}"));
        tokio::time::timeout(patience, finalized).await.map_err(late)?
    }

    async fn get(&self, call: &str) -> Result<Value, EthereumTestnetError> {
        let answer = reqwest::get(format!("{}/eth/v1/{call}", self.url)).await.map_err(|error| failed(call, error))?;
        answer.json().await.map_err(|error| failed(call, error))
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }
}

/// Every fork up to the newest wanted one, active from genesis.
fn fork_arguments(newest: Fork) -> Vec<String> {
    let all = [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu];
    let wanted = all.iter().filter(|fork| **fork <= newest);
    wanted
        .flat_map(|fork| [format!("--params.{}_FORK_EPOCH", format!("{fork:?}").to_uppercase()), "0".to_owned()])
        .collect()
}

fn did_not_start(reason: impl ToString) -> EthereumTestnetError {
    EthereumTestnetError::DidNotStart { program: PROGRAM, reason: reason.to_string() }
}

fn failed(call: &str, reason: impl ToString) -> EthereumTestnetError {
    EthereumTestnetError::Rpc { method: call.to_owned(), reason: reason.to_string() }
}

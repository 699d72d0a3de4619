//! A real Lodestar, when one is configured: a development chain of its own in one process, with eight validators.
//!
//! Lodestar cannot be taken for granted on a machine, so nothing depends on it. By default it runs its own mock of an
//! execution engine, whose blocks have no state: enough for everything that concerns consensus. Arguments can pair it
//! with an execution client.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::EthereumTestnetError;

const PROGRAM: &str = "lodestar";

/// Longest wait for the Beacon API.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What Lodestar logs once the Beacon API listens.
const LISTENING: &str = "Started REST API server";

/// How to start Lodestar.
#[derive(Clone, Debug)]
pub struct LodestarOptions {
    /// Seconds a slot lasts: the minimal preset was seen to finalize at 3 and more, never at 1.
    pub seconds_per_slot: u64,
    /// Whether Fulu is active from genesis; Electra is in any case.
    pub fulu: bool,
    /// Arguments that replace the mock execution engine, such as `--execution.urls` and `--jwtSecret`.
    pub execution: Option<Vec<String>>,
}

impl Default for LodestarOptions {
    fn default() -> Self {
        Self { seconds_per_slot: 3, fulu: true, execution: None }
    }
}

/// A running Lodestar. Dropping it kills the process and deletes its data.
pub struct Lodestar {
    process: Child,
    url: String,
    _data: TempDir,
}

impl Lodestar {
    /// Starts the program that `SPANDREL_LODESTAR` names, in the minimal preset, with the Beacon API on loopback.
    ///
    /// Errors: [`EthereumTestnetError::NotFound`] when the variable is not set or names no file.
    pub async fn start(options: LodestarOptions) -> Result<Self, EthereumTestnetError> {
        let binary = find()?;
        let data = TempDir::new().map_err(did_not_start)?;
        // Lodestar cannot tell which port it was given, so a free one is chosen for it.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(did_not_start)?.port();
        let mut process = Command::new(binary)
            .env("LODESTAR_PRESET", "minimal")
            .args(["dev", "--genesisValidators", "8", "--startValidators", "0..7", "--reset"])
            .args(["--rest", "--rest.address", "127.0.0.1", "--rest.namespace", "*"])
            .args(["--rest.port", &port.to_string(), "--server", &format!("http://127.0.0.1:{port}")])
            .args(["--listenAddress", "127.0.0.1", "--discv5", "false"])
            .arg("--dataDir")
            .arg(data.path())
            .args(["--params.SECONDS_PER_SLOT", &options.seconds_per_slot.to_string()])
            .args(fork_arguments(options.fulu))
            .args(options.execution.unwrap_or_else(|| vec!["--execution.engineMock".to_owned()]))
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

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }
}

fn find() -> Result<PathBuf, EthereumTestnetError> {
    let named = std::env::var_os("SPANDREL_LODESTAR").map(PathBuf::from);
    named.clone().filter(|file| file.is_file()).ok_or_else(|| EthereumTestnetError::NotFound {
        program: PROGRAM,
        looked_at: named.map_or("SPANDREL_LODESTAR".to_owned(), |file| format!("SPANDREL_LODESTAR={}", file.display())),
        install: "set SPANDREL_LODESTAR to a Lodestar executable",
    })
}

/// Every fork up to the newest wanted one, active from genesis.
fn fork_arguments(fulu: bool) -> Vec<String> {
    let mut names = vec!["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA"];
    names.extend(fulu.then_some("FULU"));
    names.iter().flat_map(|name| [format!("--params.{name}_FORK_EPOCH"), "0".to_owned()]).collect()
}

fn did_not_start(reason: impl ToString) -> EthereumTestnetError {
    EthereumTestnetError::DidNotStart { program: PROGRAM, reason: reason.to_string() }
}

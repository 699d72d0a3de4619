//! A real NATS server on a loopback port, whose users may publish and hear what they are told.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nkeys::KeyPair;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Names the binary when it is not on `PATH`.
pub const NATS_ENV: &str = "SPANDREL_NATS";

const START_LIMIT: Duration = Duration::from_secs(20);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A key could not be made.
    #[error("nkey: {0}")]
    Key(String),
    /// It does not take connections.
    #[error("nats-server: not listening within {START_LIMIT:?}")]
    Silent,
}

fn io(what: &'static str) -> impl FnOnce(std::io::Error) -> NatsError {
    move |source| NatsError::Io { what, source }
}

/// Somebody who may connect.
#[derive(Clone)]
pub struct NatsUser {
    /// The nkey's seed: a secret.
    pub seed: String,
    public: String,
    publishes: Vec<String>,
    hears: Vec<String>,
}

impl NatsUser {
    /// A user with a key of its own, and these subjects.
    ///
    /// # Errors
    /// When the key cannot be made.
    pub fn new(publishes: &[&str], hears: &[&str]) -> Result<Self, NatsError> {
        let key = KeyPair::new_user();
        let seed = key.seed().map_err(|error| NatsError::Key(error.to_string()))?;
        let owned = |subjects: &[&str]| subjects.iter().map(|subject| (*subject).to_owned()).collect();
        Ok(Self { seed, public: key.public_key(), publishes: owned(publishes), hears: owned(hears) })
    }
}

/// A running server; killed when dropped.
pub struct NatsServer {
    binary: PathBuf,
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl NatsServer {
    /// The binary that `SPANDREL_NATS` names, else the first `nats-server` on `PATH`.
    pub fn find() -> Option<PathBuf> {
        if let Some(named) = std::env::var_os(NATS_ENV) {
            return Some(PathBuf::from(named));
        }
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("nats-server")).find(|candidate| candidate.is_file())
    }

    /// Starts the binary on a free port, for these users and messages of at most `max_payload` bytes.
    ///
    /// # Errors
    /// When it does not run or does not listen.
    pub async fn start(binary: PathBuf, users: &[NatsUser], max_payload: usize) -> Result<Self, NatsError> {
        let folder = TempDir::new().map_err(io("make a folder"))?;
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(io("find a port"))?.port();
        let mut text =
            format!("host: 127.0.0.1\nport: {port}\nmax_payload: {max_payload}\nauthorization {{ users = [\n");
        for user in users {
            let quoted = |subjects: &[String]| format!("{subjects:?}");
            let (publishes, hears) = (quoted(&user.publishes), quoted(&user.hears));
            // Writing to a text does not fail.
            writeln!(
                text,
                "  {{ nkey: {}, permissions: {{ publish: {publishes}, subscribe: {hears} }} }}",
                user.public
            )
            .map_err(|_| NatsError::Key("no text".to_owned()))?;
        }
        text.push_str("] }\n");
        std::fs::write(folder.path().join("nats.conf"), text).map_err(io("write nats.conf"))?;
        let mut server = Self { binary, folder, port, process: None };
        server.resume().await?;
        Ok(server)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills it.
    ///
    /// # Errors
    /// When it cannot be.
    pub async fn kill(&mut self) -> Result<(), NatsError> {
        match self.process.take() {
            Some(mut process) => process.kill().await.map_err(io("kill nats-server")),
            None => Ok(()),
        }
    }

    /// Starts it again where it was.
    ///
    /// # Errors
    /// When it does not run or does not listen.
    pub async fn resume(&mut self) -> Result<(), NatsError> {
        let process = Command::new(&self.binary)
            .arg("-c")
            .arg(self.folder.path().join("nats.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(io("start nats-server"))?;
        self.process = Some(process);
        let listening = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(START_LIMIT, listening).await.map_err(|_| NatsError::Silent)
    }
}

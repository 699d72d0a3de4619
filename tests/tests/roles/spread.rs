//! A bridge in many processes.

use std::net::SocketAddr;
use std::path::PathBuf;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result};
use spandrel::config::{BusConfig, Config, KeyRef};
use spandrel::demo::bridge::Bridge;
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel_signer::{Hardness, Keystore, SecretRef};
use spandrel_store::{ApiScope, Sqlite};
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_testnets::nats::{NatsServer, NatsUser};
use spandrel_tests::demo::{held, mine};
use spandrel_tests::process;
use spandrel_tests::user::{User, deposit_script, id_of, served};
use tokio::process::Child;

use crate::collector::Collector;
use crate::members::{NAME, Users};

/// Satoshis of each order.
pub const AMOUNT: u64 = 50_000;

/// Its processes, and what they share.
pub struct Spread {
    pub chains: Chains,
    pub bridge: Bridge,
    pub user: User,
    pub server: NatsServer,
    pub users: Users,
    /// The relayer's key for what it asks, and its address.
    requests: (KeyRef, Address),
    pub verifiers: Vec<Child>,
    _others: Vec<Child>,
    pub collector: Collector,
    collecting: SocketAddr,
    pub folder: tempfile::TempDir,
}

impl Spread {
    pub async fn start(binary: PathBuf) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let chains = Chains::start(&RealNodes::default()).await?;
        let bridge = Bridge::build(&chains, folder.path()).await?;
        let password = bridge.config.destination[0].account.password.clone();
        let key = Keystore::open(&bridge.config.keystore, Hardness::Dev)?.create("requests", &password.read()?)?;
        let requests = (KeyRef { name: key.name, password }, key.address);
        let users = Users::new(&bridge.config)?;
        let server = NatsServer::start(binary, &users.all(), 8 << 20).await?;
        let api = served(Default::default())?;
        let store = Sqlite::open(&bridge.config.database).await?;
        let collector = Collector::default();
        let collecting = collector.start().await?;
        let mut spread = Self {
            user: User::new(api.listen, &store, &[ApiScope::TransfersWrite]).await?,
            chains,
            bridge,
            server,
            users,
            requests,
            verifiers: Vec::new(),
            _others: Vec::new(),
            collector,
            collecting,
            folder,
        };
        let mut others = vec![
            spread.role("relayer", "relayer", &spread.users.relayer, |_| {})?,
            spread.role("watcher", "watcher", &spread.users.relayer, |_| {})?,
            spread.role("api", "api", &spread.users.relayer, |config| config.api = Some(api))?,
        ];
        for (n, own) in spread.bridge.config.signer.iter().enumerate() {
            let only = |config: &mut Config| config.signer = vec![own.clone()];
            let (_, user) = &spread.users.signers[n];
            others.push(spread.role("signer", &format!("signer-{n}"), user, only)?);
        }
        spread._others = others;
        spread.verifiers =
            (0..spread.bridge.config.verifier.len()).map(|n| spread.verifier(n)).collect::<Result<_>>()?;
        Ok(spread)
    }

    /// Starts one of the verifiers.
    pub fn verifier(&self, n: usize) -> Result<Child> {
        let own = self.bridge.config.verifier.get(n).context("a verifier")?.clone();
        let only = |config: &mut Config| config.verifier = vec![own];
        self.role("verifier", &format!("verifier-{n}"), &self.users.verifiers[n].1, only)
    }

    /// Starts a role on a configuration of its own, without the keys of the others.
    fn role(&self, role: &str, name: &str, user: &NatsUser, own: impl FnOnce(&mut Config)) -> Result<Child> {
        let credentials = self.folder.path().join(format!("{name}.nkey"));
        std::fs::write(&credentials, &user.seed)?;
        let mut config = self.bridge.config.clone();
        config.bus = Some(BusConfig {
            url: self.server.url(),
            name: NAME.to_owned(),
            credentials: Some(SecretRef::File(credentials)),
            ca: None,
            requests_by: [self.requests.1].into(),
            request_key: (!matches!(role, "verifier" | "signer")).then(|| self.requests.0.clone()),
        });
        (config.verifier, config.signer) = (Vec::new(), Vec::new());
        if matches!(role, "verifier" | "signer") {
            config.database = self.folder.path().join("there-is-no-ledger-here/spandrel.sqlite");
        }
        own(&mut config);
        config.check()?;
        config.telemetry.log = "trace".to_owned();
        config.telemetry.otlp = Some(format!("http://{}/{name}", self.collecting));
        let path = self.folder.path().join(format!("{name}.toml"));
        std::fs::write(&path, toml::to_string(&config)?)?;
        let log = std::fs::File::options().create(true).append(true).open(self.log(name))?;
        process::start_telling(&[role, "--config", path.to_str().context("a UTF-8 path")?], log)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    /// Orders a transfer from Bitcoin and deposits; its id.
    pub async fn deposit(&self, lane: &str, recipient: Address) -> Result<String> {
        let source = self.chains.bitcoin_id();
        let order = self.user.order(("source", source.as_str()), AMOUNT, lane, recipient).await?;
        self.chains.bitcoin.pay(&deposit_script(&order["instructions"])?, AMOUNT).await?;
        Ok(id_of(&order)?.to_owned())
    }

    /// What was paid to a recipient.
    pub async fn paid(&self, recipient: Address) -> Result<U256> {
        held(&self.chains, &self.bridge, 0, recipient).await
    }

    /// What goes on while Bitcoin is mined.
    pub async fn while_mined<T>(&self, going_on: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = going_on => done,
            error = mine(&self.chains) => Err(error),
        }
    }
}

/// Plays on a spread bridge once its API answers.
pub async fn beside_a_spread_bridge(play: impl AsyncFnOnce(&mut Spread) -> Result<()>) -> Result<()> {
    let Some(binary) = NatsServer::find() else {
        println!("skipped: no nats-server: SPANDREL_NATS names it");
        return Ok(());
    };
    let mut spread = Spread::start(binary).await?;
    spread.user.require_answer().await?;
    play(&mut spread).await
}

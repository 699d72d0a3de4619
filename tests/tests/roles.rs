//! Every role in a process of its own, over a real NATS server: relayer, watcher and API over one ledger, verifiers and
//! signers with nothing but their keys and nodes. Skipped where there is no server: `SPANDREL_NATS` names it, and `make
//! test` sets that.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::post;
use bitcoin::address::NetworkUnchecked;
use futures::StreamExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use spandrel::clock::unix_now;
use spandrel::config::{ApiConfig, BusConfig, Config, KeyRef, RoleConfig};
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::traces::trace_of;
use spandrel_api::issue_key;
use spandrel_bus::{Hears, Nats, NatsOptions};
use spandrel_contracts::WrappedToken;
use spandrel_engine::{Bus, Message};
use spandrel_signer::{Hardness, Keystore, SecretRef};
use spandrel_store::{ApiGrant, ApiScope, Sqlite, TenantClass};
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_testnets::nats::{NatsServer, NatsUser};
use spandrel_tests::{PATIENCE, process};
use spandrel_verifiers::{DepositId, SignedVerdict, Verdict};
use tokio::process::Child;

const AMOUNT: u64 = 50_000;
/// x-only key of the user's refund: twice the generator point.
const REFUND_KEY: &str = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
/// First part of every subject.
const NAME: &str = "e2e";

/// What takes the spans of all processes, each at a path of its own.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

impl Collector {
    /// Listens; the address.
    async fn start(&self) -> Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/{process}", post(Self::take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    async fn take(State(collector): State<Self>, Path(process): Path<String>, body: Bytes) -> StatusCode {
        let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans).map(|span| (process.clone(), span));
        collector.0.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
        StatusCode::OK
    }

    /// The spans of a deposit's trace, as process and name.
    fn trace(&self, deposit: DepositId) -> BTreeSet<(String, String)> {
        let spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = spans.iter().filter(|(_, span)| span.trace_id == trace_of(deposit).to_bytes());
        own.map(|(process, span)| (process.clone(), span.name.clone())).collect()
    }

    /// Waits until a deposit's trace has one of these spans from as many processes of each role.
    async fn require(&self, deposit: DepositId, expected: &[(&str, &str, usize)]) -> Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let trace = self.trace(deposit);
            let missing = expected.iter().find(|(role, name, count)| {
                let told = trace.iter().filter(|(process, span)| process.starts_with(role) && span == name);
                told.count() < *count
            });
            let Some(missing) = missing else {
                println!("trace {:?}: {trace:?}", trace_of(deposit));
                return Ok(());
            };
            ensure!(tokio::time::Instant::now() < deadline, "{missing:?} is missing: {trace:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// A bridge in many processes.
struct Spread {
    chains: Chains,
    bridge: Bridge,
    api: String,
    key: String,
    server: NatsServer,
    users: Users,
    /// The relayer's key for what it asks, and its address.
    requests: (KeyRef, Address),
    verifiers: Vec<Child>,
    _others: Vec<Child>,
    collector: Collector,
    collecting: SocketAddr,
    folder: tempfile::TempDir,
}

/// Who may do what on the bus, as `docs/operations/bus.md` has it.
struct Users {
    relayer: NatsUser,
    /// With the address of each.
    verifiers: Vec<(Address, NatsUser)>,
    signers: Vec<(Address, NatsUser)>,
}

impl Users {
    fn new(config: &Config) -> Result<Self> {
        let keys = Keystore::open(&config.keystore, Hardness::Dev)?.list()?;
        let own = |role: &RoleConfig, words: [&str; 2], asked: &str| {
            let found = keys.iter().find(|info| info.name == role.key.name).context("its key")?;
            let subjects = words.map(|word| format!("{NAME}.answer.{:#x}.{word}", found.address));
            let user = NatsUser::new(&subjects.each_ref().map(String::as_str), &[asked])?;
            anyhow::Ok((found.address, user))
        };
        let verifiers = config.verifier.iter().map(|role| own(role, ["verdict", "doubt"], "e2e.ask.evidence"));
        let signers = config.signer.iter().map(|role| own(role, ["attestation", "unseen"], "e2e.ask.attest"));
        Ok(Self {
            relayer: NatsUser::new(&["e2e.ask.>"], &["e2e.answer.>"])?,
            verifiers: verifiers.collect::<Result<_>>()?,
            signers: signers.collect::<Result<_>>()?,
        })
    }

    fn all(&self) -> Vec<NatsUser> {
        let members = self.verifiers.iter().chain(&self.signers).map(|(_, user)| user.clone());
        std::iter::once(self.relayer.clone()).chain(members).collect()
    }
}

impl Spread {
    async fn start(binary: PathBuf) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let chains = Chains::start(&RealNodes::default()).await?;
        let bridge = Bridge::build(&chains, folder.path()).await?;
        let password = bridge.config.destination[0].account.password.clone();
        let key = Keystore::open(&bridge.config.keystore, Hardness::Dev)?.create("requests", &password.read()?)?;
        let requests = (KeyRef { name: key.name, password }, key.address);
        let users = Users::new(&bridge.config)?;
        let server = NatsServer::start(binary, &users.all(), 8 << 20).await?;
        let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let grant = ApiGrant { scopes: [ApiScope::TransfersWrite].into(), class: TenantClass::Partner };
        let (secret, key) = issue_key("roles", grant, unix_now(), &mut rand::rng());
        Sqlite::open(&bridge.config.database).await?.add_api_key(&key).await?;
        let collector = Collector::default();
        let collecting = collector.start().await?;
        let mut spread = Self {
            api: format!("http://{listen}"),
            key: secret.reveal(),
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
            spread.role("api", "api", &spread.users.relayer, |config| config.api = Some(api(listen)))?,
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
    fn verifier(&self, n: usize) -> Result<Child> {
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

    /// No process has logged a secret, at any level and of any crate.
    fn require_silence(&self) -> Result<()> {
        let users = self.users.all().into_iter().map(|user| user.seed);
        let mut secrets = vec![("API key", self.key.clone())];
        secrets.extend(users.map(|seed| ("bus seed", seed)));
        let config = &self.bridge.config;
        let keys = config.verifier.iter().chain(&config.signer).map(|role| &role.key);
        for key in keys.chain(config.destination.iter().map(|target| &target.account)) {
            secrets.push(("keystore password", key.password.read()?.expose().to_owned()));
        }
        for node in config.bitcoin.iter().flat_map(|source| &source.nodes) {
            secrets.push(("Bitcoin RPC password", node.password.read()?.expose().to_owned()));
        }
        let mut told = 0;
        for entry in std::fs::read_dir(self.folder.path())? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "log") {
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            ensure!(text.contains("INFO"), "{} tells nothing", path.display());
            told += 1;
            for (what, secret) in &secrets {
                ensure!(secret.len() >= 16, "{what}: too short to be looked for");
                ensure!(!text.contains(secret), "{}: a {what} was logged", path.display());
            }
        }
        ensure!(told == 3 + config.signer.len() + config.verifier.len(), "{told} logs");
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<Value> {
        Ok(Client::new().get(format!("{}{path}", self.api)).send().await?.error_for_status()?.json().await?)
    }

    async fn post(&self, path: &str, key: &str, body: Value) -> Result<Value> {
        let request = Client::new().post(format!("{}{path}", self.api)).bearer_auth(&self.key).json(&body);
        let answer = request.header("Idempotency-Key", key).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{path}: {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// Orders a transfer from Bitcoin and deposits; its id.
    async fn deposit(&self, lane: &str, recipient: Address) -> Result<String> {
        let routes = self.get("/v1/routes").await?;
        let source = self.chains.bitcoin_id();
        let mut routes = routes.as_array().context("routes")?.iter();
        let route = routes.find(|route| route["source"] == source.as_str()).context("a route")?;
        let quote = json!({ "route": route["id"], "amount": AMOUNT.to_string(), "lane": lane });
        let quote = self.post("/v1/quotes", "", quote).await?;
        let order = json!({ "quote": quote["id"], "recipient": recipient, "refund_key": REFUND_KEY });
        let order = self.post("/v1/transfers", &recipient.to_string(), order).await?;
        let address = order["instructions"]["address"].as_str().context("address")?;
        let address: bitcoin::Address<NetworkUnchecked> = address.parse()?;
        self.chains.bitcoin.pay(&address.require_network(bitcoin::Network::Regtest)?.script_pubkey(), AMOUNT).await?;
        Ok(order["transfer"]["id"].as_str().context("id")?.to_owned())
    }

    /// The events of a transfer, from a stream of the API's process: what other processes store wakes it.
    async fn follow(&self, id: &str) -> Result<Vec<String>> {
        let request = Client::new().get(format!("{}/v1/transfers/{id}/events", self.api));
        let response = request.header("Accept", "text/event-stream").send().await?.error_for_status()?;
        let (mut chunks, mut text) = (response.bytes_stream(), String::new());
        let whole = async {
            while let Some(chunk) = chunks.next().await {
                text.push_str(std::str::from_utf8(&chunk?)?);
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, whole).await.with_context(|| format!("no end of {id}"))??;
        Ok(text.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::to_owned).collect())
    }

    /// Waits until a transfer has this status.
    async fn until(&self, id: &str, status: &str) -> Result<Value> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let transfer = self.get(&format!("/v1/transfers/{id}")).await?;
            if transfer["status"] == status {
                return Ok(transfer);
            }
            ensure!(tokio::time::Instant::now() < deadline, "not {status}: {transfer}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The deposit of an order.
    async fn seen(&self, id: &str) -> Result<DepositId> {
        let transfer = self.get(&format!("/v1/transfers/{id}")).await?;
        Ok(DepositId(transfer["deposit"].as_str().context("deposit")?.parse()?))
    }

    async fn paid(&self, recipient: Address) -> Result<U256> {
        let (provider, _) = wallet(&self.chains.destination, 0)?;
        Ok(WrappedToken::new(self.bridge.target.wrapped[0], provider).balanceOf(recipient).call().await?)
    }

    async fn answers(&self) -> Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while self.get("/v1/status").await.is_err() {
            ensure!(tokio::time::Instant::now() < deadline, "the API does not answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Mines until it is dropped.
    async fn mine(&self) -> anyhow::Error {
        loop {
            if let Err(error) = self.chains.bitcoin.mine(1).await {
                return error.into();
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    }

    /// Speaks on the bus with a verifier's stolen key to it: verdicts that no verifier signed.
    async fn lie(&self, bus: &Nats, deposit: &str) -> Result<()> {
        let deposit_id = DepositId(deposit.parse()?);
        let transfer = self.get(&format!("/v1/transfers/{deposit}")).await?;
        let proof = Client::new().get(format!("{}/v1/transfers/{deposit}/proof", self.api)).send().await?;
        let proof: Value = proof.error_for_status()?.json().await?;
        let root = proof["root"].as_str().context("root")?.parse()?;
        ensure!(transfer["status"] == "proven", "{transfer}");
        for seed in 1..=3u8 {
            let key = spandrel_signer::LocalKey::from_bytes(&[seed; 32])?;
            let checkpoint =
                spandrel_verifiers::Checkpoint { chain: self.chains.bitcoin_id(), height: 1, root, time: unix_now() };
            let verdict = Verdict { deposit_id, checkpoint, epoch: 1 };
            let domain = spandrel::wiring::domain(&self.bridge.config.destination[0]);
            let signed: SignedVerdict = spandrel_signer::sign_verdict(&key, verdict, &domain).await?;
            bus.publish(Message::Verdict(Box::new(signed))).await?;
        }
        Ok(())
    }
}

fn api(listen: std::net::SocketAddr) -> ApiConfig {
    let rate = std::num::NonZeroU32::MIN.saturating_add(999);
    ApiConfig {
        listen,
        anonymous_per_second: rate,
        key_per_second: rate,
        partner_per_second: rate,
        own_keys_per_hour: None,
        open_orders_per_address: spandrel_api::http::OPEN_ORDERS,
        tls: None,
        max_streams: 8,
        streams_per_caller: 8,
        webhook_key: None,
        refused_webhook_networks: Vec::new(),
        proxies: None,
        vaults: Default::default(),
    }
}

fn server() -> Option<PathBuf> {
    let found = NatsServer::find();
    if found.is_none() {
        println!("skipped: no nats-server: SPANDREL_NATS names it");
    }
    found
}

/// Runs `play` on a spread bridge while blocks are mined.
async fn beside_a_spread_bridge(play: impl AsyncFnOnce(&mut Spread) -> Result<()>) -> Result<()> {
    let Some(binary) = server() else { return Ok(()) };
    let mut spread = Spread::start(binary).await?;
    spread.answers().await?;
    play(&mut spread).await
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_go_through_processes_that_share_nothing_but_ledger_and_bus() -> Result<()> {
    beside_a_spread_bridge(async |spread| {
        let (slow, fast) = (Address::repeat_byte(0xb1), Address::repeat_byte(0xb2));
        let slow_id = spread.deposit("light_client", slow).await?;
        let fast_id = spread.deposit("fast", fast).await?;
        let follow = async { tokio::try_join!(spread.follow(&slow_id), spread.follow(&fast_id)) };
        let (slow_events, fast_events) = tokio::select! {
            followed = follow => followed?,
            error = spread.mine() => return Err(error),
        };
        ensure!(slow_events.iter().any(|event| event == "verified"), "{slow_events:?}");
        ensure!(fast_events.iter().any(|event| event == "attested"), "{fast_events:?}");
        ensure!(fast_events.last().is_some_and(|event| event == "settled"), "{fast_events:?}");
        ensure!((spread.paid(slow).await?, spread.paid(fast).await?) == (U256::from(AMOUNT), U256::from(AMOUNT)));
        ensure!(!spread.folder.path().join("there-is-no-ledger-here").exists());
        // One trace a transfer, whatever process is at it, though nobody tells anybody a trace's id.
        let (slow_deposit, fast_deposit) = (spread.seen(&slow_id).await?, spread.seen(&fast_id).await?);
        let by_all = [
            ("watcher", "observed", 1),
            ("watcher", "build_evidence", 1),
            ("verifier", "verify", 2),
            ("relayer", "verified", 1),
            ("relayer", "submit", 1),
            ("relayer", "transfer", 1),
        ];
        spread.collector.require(slow_deposit, &by_all).await?;
        spread.collector.require(fast_deposit, &[&by_all[..], &[("signer", "sight", 2)]].concat()).await?;
        ensure!(trace_of(slow_deposit) != trace_of(fast_deposit));
        spread.require_silence()
    })
    .await
}

/// Says more than anyone can read, until it is dropped.
async fn flood(bus: &Nats) -> anyhow::Error {
    loop {
        for n in 0..10_000_u64 {
            let deposit = DepositId(U256::from(n).into());
            let said = bus.publish(Message::Doubt { deposit, reason: "d".repeat(400) }).await;
            if said.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Without a quorum of verifiers nothing is proven, whatever is said on the bus; when the server and the verifiers are back,
/// what waited goes on, whatever a stolen key floods the bus with.
#[tokio::test(flavor = "multi_thread")]
async fn a_lying_bus_proves_nothing_and_a_bus_that_was_away_loses_nothing() -> Result<()> {
    beside_a_spread_bridge(async |spread| {
        for verifier in &mut spread.verifiers[1..] {
            verifier.kill().await?;
        }
        let recipient = Address::repeat_byte(0xb3);
        let id = spread.deposit("light_client", recipient).await?;
        let waiting = tokio::select! {
            waiting = spread.until(&id, "proven") => waiting?,
            error = spread.mine() => return Err(error),
        };
        let deposit = waiting["deposit"].as_str().context("deposit")?.to_owned();
        let (member, user) = &spread.users.verifiers[0];
        let (url, name, members) = (spread.server.url(), NAME.to_owned(), Default::default());
        let options = NatsOptions { url, name, credentials: Some(user.seed.clone()), ca: None, members };
        let liar = Nats::connect(options, Hears::Evidence, 16).await?.speaking_as(*member);
        while !liar.is_connected() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        spread.lie(&liar, &deposit).await?;
        spread.server.kill().await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let still = spread.get(&format!("/v1/transfers/{id}")).await?;
        ensure!(still["status"] == "proven" && spread.paid(recipient).await?.is_zero(), "{still}");
        spread.server.resume().await?;
        spread.verifiers = vec![spread.verifier(1)?, spread.verifier(2)?];
        let events = tokio::select! {
            events = spread.follow(&id) => events?,
            error = spread.mine() => return Err(error),
            error = flood(&liar) => return Err(error),
        };
        ensure!(spread.paid(recipient).await? == U256::from(AMOUNT), "{events:?}");
        Ok(())
    })
    .await
}

//! A served API over a real ledger, and a client as a user would be.

mod bridge;
#[path = "../../busy/mod.rs"]
mod busy;
pub mod document;
mod told;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy::primitives::{Address, B256};
use axum::Router;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use spandrel_api::http::{OPEN_ORDERS, OwnKeys, Patience, Port, Proxies, Rates, Room, TIMEOUT, Tls, router, serve};
use spandrel_api::webhooks::{Egress, Reach, Resolve, SystemResolver, WebhookKey, Webhooks};
use spandrel_api::{Catalog, Denominations, Live, Service, SourceKind, WATCH, issue_key};
use spandrel_core::{Event, Input, Transfer};
use spandrel_engine::{Book, Change, Clock, Observer};
use spandrel_risk::{Corridor, Lane, RiskPolicy};
use spandrel_signer::Secret;
use spandrel_store::{ApiGrant, ApiScope, Sqlite, TenantClass};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{AssetId, ChainId, Deposit, DepositId, LanePreference};
use tempfile::TempDir;

pub use bridge::*;
use busy::Busy;
pub use told::*;

/// A clock that tests move.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration.as_secs());
    }
}

struct Waking(Live);

impl Observer for Waking {
    fn stored(&self, transfer: &Transfer, _: &[Event]) {
        self.0.changed(&transfer.deposit);
    }
    fn refused(&self, _: DepositId, reason: &str) {
        panic!("refused: {reason}");
    }
}

pub const WEBHOOK_KEY: &str = "the key of all webhook secrets, 32 bytes or more";

/// What a world is made with.
pub struct Options {
    /// Requests a second of anonymous callers.
    pub rate: u32,
    /// Connections at once.
    pub places: Room,
    /// How long peers may take their time.
    pub patience: Patience,
    /// The proxies before it.
    pub proxies: Option<Proxies>,
    pub reach: Reach,
    /// Networks to which no webhook may lead.
    pub refused: Vec<&'static str>,
    pub resolver: Arc<dyn Resolve>,
    pub store: Sqlite,
    /// Where the ledger is, while it is needed.
    pub folder: Option<TempDir>,
    pub clock: TestClock,
    pub own_keys: Option<OwnKeys>,
    /// Orders that wait, of one address that orders with keys which users get by themselves.
    pub open_orders: NonZeroU32,
    /// A token that crosses from Ethereum too, and the vault there that takes it.
    pub token: Option<(Address, AssetId)>,
    /// How amounts are written; of coins it is known.
    pub denominations: Denominations,
    /// Makes the limits other than they are.
    pub tune: fn(&mut RiskPolicy),
    /// How long a request takes at most.
    pub longest: Duration,
    /// How long a transfer is followed at a time.
    pub watch: Duration,
    /// What the port proves who it is with, and whom the client trusts, PEM.
    pub tls: Option<(Tls, String)>,
    /// Chains that may be late, and from which age of their last block on.
    pub late_after: BTreeMap<ChainId, u64>,
}

impl Options {
    /// A ledger on a file, as it is served: one in memory ends with its connection, and a caller that hangs up in the
    /// middle of a read may end that.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            rate: 10_000,
            places: Room { all: 1_000, each: 1_000 },
            patience: Patience::default(),
            proxies: None,
            reach: Reach::PublicAndLoopback,
            refused: Vec::new(),
            resolver: Arc::new(SystemResolver),
            store: Sqlite::open(folder.path().join("ledger.db")).await.unwrap(),
            folder: Some(folder),
            clock: TestClock(Arc::new(AtomicU64::new(NOW))),
            own_keys: Some(OwnKeys::per_hour(NonZeroU32::new(3).unwrap(), NonZeroU32::MAX)),
            open_orders: OPEN_ORDERS,
            token: None,
            denominations: Denominations::default(),
            tune: |_| {},
            longest: TIMEOUT,
            watch: WATCH,
            tls: None,
            late_after: BTreeMap::new(),
        }
    }
}

pub struct World {
    pub service: Arc<Service>,
    pub book: Arc<Book<Sqlite, TestClock>>,
    pub store: Sqlite,
    pub clock: TestClock,
    pub key: String,
    pub base: String,
    address: SocketAddr,
    /// What is served, for who calls it without a connection.
    pub app: Router,
    client: Client,
    folder: Option<TempDir>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Options::new().await).await
    }

    /// Anonymous callers may ask `rate` times a second, holders of a key four times as often, partners sixteen times.
    pub async fn with_rate(rate: u32) -> Self {
        Self::with(Options { rate, ..Options::new().await }).await
    }

    /// No more connections at once than this.
    pub async fn with_places(places: Room) -> Self {
        Self::with(Options { places, ..Options::new().await }).await
    }

    pub async fn with(options: Options) -> Self {
        let Options { rate, places, patience, reach, resolver, store, folder, clock, own_keys, open_orders, .. } =
            options;
        let Options { denominations, longest, token, tune, tls, watch, late_after, proxies, refused, .. } = options;
        let (mut policy, mut sources, live) = (policy(), sources(), Live::default());
        if let Some((vault, asset)) = token {
            let corridor = Corridor { source: ethereum(), destination: destination(), asset, lane: Lane::LightClient };
            policy.risk.limits.insert(corridor, limits(500_000, 0));
            policy.risk = RiskPolicy::of_corridors(policy.risk.limits);
            sources[1].kind = SourceKind::Evm { vault };
        }
        tune(&mut policy.risk);
        let observer = Arc::new(Waking(live.clone()));
        let book = Arc::new(Book::open(store.clone(), clock.clone(), policy.clone(), observer).await.unwrap());
        let (risk, time) = (book.clone(), clock.clone());
        let service = Service::open(
            store.clone(),
            policy.clone(),
            Catalog::new(&policy, sources).denominated(denominations),
            Arc::new(move || {
                let now = risk.risk_now();
                (now.state, now.limits)
            }),
            live,
            Arc::new(move || time.now()),
            watch,
        );
        let service = service.await.unwrap();
        let key = WebhookKey::new(Secret::new(WEBHOOK_KEY.to_owned()).unwrap()).unwrap();
        let egress =
            Egress::new(reach, refused.iter().map(|network| network.parse().unwrap()).collect(), resolver).unwrap();
        let service = Arc::new(service.with_webhooks(Webhooks::new(key, egress)).with_late_after(late_after));
        let per_second = |rate| NonZeroU32::new(rate).unwrap();
        let rates = Rates::new(per_second(rate), per_second(4 * rate), per_second(16 * rate));
        let rates = rates.with_open_orders(open_orders);
        let app = router(service.clone(), rates, Room { all: 8, each: 6 }, own_keys, longest);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tls, trusted) = tls.unzip();
        let base = format!("{}://{address}", if tls.is_some() { "https" } else { "http" });
        let port = Port::new(listener, tls).with_patience(patience).behind(proxies);
        tokio::spawn(serve(port, app.clone(), places, std::future::pending()));
        let client = match trusted {
            Some(pem) => {
                Client::builder().tls_certs_only(reqwest::Certificate::from_pem_bundle(pem.as_bytes()).unwrap())
            }
            None => Client::builder(),
        };
        let client = client.build().unwrap();
        let mut world = Self { service, book, store, folder, clock, key: String::new(), base, address, app, client };
        world.key = world.new_key(&[ApiScope::TransfersWrite, ApiScope::WebhooksWrite]).await;
        world
    }

    pub async fn new_key(&self, scopes: &[ApiScope]) -> String {
        self.key_of_class(TenantClass::Standard, scopes).await
    }

    pub async fn key_of_class(&self, class: TenantClass, scopes: &[ApiScope]) -> String {
        let grant = ApiGrant { scopes: scopes.iter().copied().collect(), class };
        let (secret, key) = issue_key("tests", grant, NOW, &mut rand::rng());
        self.store.add_api_key(&key).await.unwrap();
        secret.reveal()
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base)).json(body)
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(format!("{}{path}", self.base))
    }

    pub fn put(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.put(format!("{}{path}", self.base)).json(body)
    }

    /// Another process writes to the ledger, until [`Busy::end`]: whoever else would write waits.
    pub async fn keep_busy(&self) -> Busy {
        Busy::with(&self.ledger()).await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The ledger's files, by name.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let folder = self.folder.as_ref().expect("a ledger on a file");
        let paths = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        paths.map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect()
    }

    /// The ledger's file.
    pub fn ledger(&self) -> std::path::PathBuf {
        self.folder.as_ref().expect("a ledger on a file").path().join("ledger.db")
    }

    /// What is remembered for readers is forgotten by now.
    pub async fn second_later(&self) {
        tokio::time::sleep(Duration::from_millis(1_050)).await;
    }

    /// The ledger as another process has it.
    pub async fn another(&self) -> Sqlite {
        Sqlite::open(self.ledger()).await.unwrap()
    }

    /// The id of the route from `source`.
    pub async fn route(&self, source: &ChainId) -> String {
        let routes = answer(self.get("/v1/routes"), StatusCode::OK).await;
        let route = routes.as_array().unwrap().iter().find(|route| route["source"] == source.as_str()).unwrap();
        route["id"].as_str().unwrap().to_owned()
    }

    pub async fn quote(&self, source: &ChainId, amount: u64) -> Value {
        let body = json!({ "route": self.route(source).await, "amount": amount.to_string() });
        answer(self.post("/v1/quotes", &body), StatusCode::CREATED).await
    }

    pub fn order(&self, quote: &Value, idempotency_key: &str) -> RequestBuilder {
        let body = json!({ "quote": quote["id"], "recipient": RECIPIENT, "refund_key": REFUND_KEY });
        self.post("/v1/transfers", &body).bearer_auth(&self.key).header("Idempotency-Key", idempotency_key)
    }

    pub fn register(&self, key: &str, url: &str, idempotency_key: &str) -> RequestBuilder {
        let request = self.post("/v1/webhooks", &json!({ "url": url })).bearer_auth(key);
        request.header("Idempotency-Key", idempotency_key)
    }

    /// `rotate` or `test` of a webhook.
    pub fn on_webhook(&self, key: &str, id: &str, action: &str, idempotency_key: &str) -> RequestBuilder {
        let request = self.post(&format!("/v1/webhooks/{id}/{action}"), &json!({})).bearer_auth(key);
        request.header("Idempotency-Key", idempotency_key)
    }

    /// The watcher sees the deposit of an order in block 100.
    pub async fn deposit(&self, order: &Value, transaction: B256) -> DepositId {
        self.deposit_from(order, transaction, REFUND_KEY.parse().unwrap()).await
    }

    /// The same, by `sender`.
    pub async fn deposit_from(&self, order: &Value, transaction: B256, sender: B256) -> DepositId {
        let transfer = &order["transfer"];
        let text = |field: &str| transfer[field].as_str().unwrap().to_owned();
        let source = ChainId::parse(&text("source")).unwrap();
        let expiry = humantime::parse_rfc3339(&text("expires_at")).unwrap();
        let deposit = Deposit {
            version: Deposit::VERSION,
            source_bridge: policy().sources[&source],
            source_key: transaction,
            asset: AssetId::parse(&text("asset")).unwrap(),
            amount: text("amount").parse().unwrap(),
            destination_chain: ChainId::parse(&text("destination")).unwrap(),
            destination_bridge: Address::repeat_byte(7).into_word(),
            recipient: text("recipient").parse().unwrap(),
            sender,
            lane: LanePreference::Any,
            expiry: expiry.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(),
            source_chain: source,
        };
        let id = deposit.id();
        let block = BlockRef { height: 100, hash: B256::repeat_byte(0x64), time: NOW };
        let seen = SeenDeposit { deposit, block, transaction, position: 0 };
        self.book.record(Change::one(id, Input::Seen(seen))).await.unwrap();
        id
    }

    /// The deposit's block is replaced.
    pub async fn reorg(&self, id: DepositId) {
        let ancestor = BlockRef { height: 99, hash: B256::repeat_byte(0x63), time: NOW };
        let input = Input::SourceReorged { ancestor, dropped: vec![B256::repeat_byte(0x64)] };
        self.book.record(Change::one(id, input)).await.unwrap();
    }
}

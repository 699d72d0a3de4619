//! A relayer with guardians, its control API served, and a client.

mod bridge;
mod deposits;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::B256;
use axum::Router;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use spandrel_api::http::{Hosts, Patience, Port, Room, TIMEOUT, control_router, serve};
use spandrel_api::{ControlDesk, OrderRefusal, Standing};
use spandrel_engine::{Book, Clock, OrderError, RiskNow, Silent};
use spandrel_risk::Scope;
use spandrel_risk::control::{Act, ControlEvent, ControlPolicy, Seen, SignedStatement, SignerRole, Statement};
use spandrel_store::Sqlite;

pub use bridge::*;

/// The system's clock, which tests may put forward.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        since.as_secs() + self.0.load(Ordering::SeqCst)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

pub type TestBook = Book<Sqlite, TestClock>;

pub struct World {
    pub book: Arc<TestBook>,
    pub clock: TestClock,
    pub base: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What is served, for who calls it without a connection.
    pub app: Router,
    pub client: Client,
    folder: tempfile::TempDir,
}

pub struct Desk {
    pub book: Arc<TestBook>,
    pub policy: ControlPolicy,
}

impl ControlDesk for Desk {
    fn guardians(&self) -> &ControlPolicy {
        &self.policy
    }

    fn order(
        &self,
        signed: SignedStatement,
        seen: Option<Seen>,
    ) -> BoxFuture<'_, Result<Vec<ControlEvent>, OrderRefusal>> {
        async move {
            self.book.order(&signed, seen).await.map_err(|error| match error {
                OrderError::Refused(refusal) => OrderRefusal::Refused(refusal),
                OrderError::Stale { expected, found } => OrderRefusal::Stale { expected, found },
                other => OrderRefusal::Unavailable(other.to_string()),
            })
        }
        .boxed()
    }

    fn standing(&self) -> BoxFuture<'_, Standing> {
        async move {
            let RiskNow { state: risk, control, limits, waits, .. } = self.book.risk_now();
            let signers = BTreeMap::from([(SignerRole::Verifiers, policy().verifiers)]);
            let (denominations, now) = (Arc::default(), self.book.clock().now());
            Standing { control, risk, limits, waits, signers, denominations, now }
        }
        .boxed()
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(Room { all: 1_000, each: 1_000 }, Patience::default(), TIMEOUT).await
    }

    /// So many connections, peers who may take so much time, and requests that take no longer than `longest`.
    pub async fn with(places: Room, patience: Patience, longest: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = (Sqlite::open(folder.path().join("ledger.db")).await.unwrap(), TestClock::default());
        let book = Book::open(store.clone(), clock.clone(), policy(), Arc::new(Silent)).await.unwrap();
        let book = Arc::new(book.guarded_by(guardians()));
        let desk = Arc::new(Desk { book: book.clone(), policy: guardians() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let base = format!("http://{address}/v1/control");
        let app = control_router(desk, store, Hosts::Local, longest);
        let port = Port::from(listener).with_patience(patience);
        tokio::spawn(serve(port, app.clone(), places, std::future::pending()));
        Self { book, clock, base, address, app, client: Client::new(), folder }
    }

    /// A ledger opened anew, as after a restart.
    pub async fn reopened(&self) -> TestBook {
        let store = self.book.ledger().clone();
        let book = Book::open(store, self.clock.clone(), policy(), Arc::new(Silent)).await.unwrap();
        book.guarded_by(guardians())
    }

    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// The ledger's file.
    pub fn ledger(&self) -> std::path::PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub async fn get(&self, path: &str) -> Value {
        self.client.get(format!("{}/{path}", self.base)).send().await.unwrap().json().await.unwrap()
    }

    pub async fn nonce(&self, n: u8) -> u64 {
        let signers = self.get("signers").await;
        let own = key(n).address();
        let rows = signers["guardians"].as_array().unwrap();
        let row = rows.iter().find(|row| row["address"].as_str().unwrap().parse() == Ok(own));
        row.map_or(0, |row| row["next_nonce"].as_u64().unwrap())
    }

    /// `act`, signed by key `n`.
    pub async fn signed(&self, n: u8, act: Act) -> SignedStatement {
        self.signed_for(guardians().deployment, n, act, |_| {}).await
    }

    /// `act` by key `n` after `change`, signed for a deployment.
    pub async fn signed_for(
        &self,
        deployment: B256,
        n: u8,
        act: Act,
        change: impl FnOnce(&mut Statement),
    ) -> SignedStatement {
        let (guardian, nonce) = (key(n).address(), self.nonce(n).await);
        let expiry = self.clock.now() + 600;
        let mut statement = Statement { act, reason: "a drill".to_owned(), guardian, nonce, expiry };
        change(&mut statement);
        let signature = key(n).sign_digest(statement.digest(deployment)).unwrap();
        SignedStatement::new(statement, &signature)
    }

    /// The ETag of what `path` shows.
    pub async fn etag(&self, path: &str) -> String {
        let shown = self.client.get(format!("{}/{path}", self.base)).send().await.unwrap();
        assert_eq!(shown.status(), StatusCode::OK, "{path}");
        shown.headers()["etag"].to_str().unwrap().to_owned()
    }

    /// Key `n` says `act` on what `path` shows.
    pub async fn say_on(&self, path: &str, n: u8, act: Act) -> (StatusCode, Value) {
        let version = self.etag(path).await;
        self.post(&self.signed(n, act).await, Some(&version)).await
    }

    pub async fn post(&self, signed: &SignedStatement, version: Option<&str>) -> (StatusCode, Value) {
        let mut request = self.client.post(format!("{}/statements", self.base)).json(signed);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Key `n` says `act`.
    pub async fn say(&self, n: u8, act: Act) -> (StatusCode, Value) {
        self.post(&self.signed(n, act).await, None).await
    }

    /// Key `n` approves a proposal, as it is shown.
    pub async fn approve(&self, n: u8, proposal: &Value) -> (StatusCode, Value) {
        let proposals = self.get("proposals").await;
        let row = proposals.as_array().unwrap().iter().find(|row| row["id"] == *proposal).unwrap().clone();
        let proposal = proposal.as_str().unwrap().parse().unwrap();
        self.say(n, Act::Approve { proposal, what: row["what"].as_str().unwrap().to_owned() }).await
    }
}

pub fn pause(seconds: u64) -> Act {
    Act::Pause { scope: Scope::Global, seconds }
}

pub fn resume() -> Act {
    Act::Resume { scope: Scope::Global }
}

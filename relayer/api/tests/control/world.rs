//! A relayer with guardians, its control API served, and a client.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256, Bytes, U256};
use axum::Router;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use spandrel_api::http::{Hosts, Patience, Port, Room, TIMEOUT, control_router, serve};
use spandrel_api::{ControlDesk, OrderRefusal, Standing};
use spandrel_core::ledger::{Commit, Ledger, NewEffect, TransferChange};
use spandrel_core::{BatchTerms, Destination, Effect, Event, Executor, FastAttestation, Policy, Transfer, Turn};
use spandrel_engine::{Book, Clock, OrderError, Silent};
use spandrel_risk::control::{
    Act, ControlEvent, ControlPolicy, Seen, SignedStatement, SignerRole, Statement, deployment,
};
use spandrel_risk::{Corridor, Lane, Limit, Limits, Reason, RiskEvent, RiskPolicy, Scope};
use spandrel_signer::LocalKey;
use spandrel_store::Sqlite;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::ethereum::{DepositEvidence, Inclusion};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{
    AssetId, ChainId, Checkpoint, Deposit, DepositId, Evidence, LanePreference, SignedCheckpoint, VerdictDomain,
};

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

pub fn source() -> ChainId {
    ChainId::eip155(1)
}

pub fn destination() -> ChainId {
    ChainId::eip155(9)
}

/// Ada has keys 0 and 1, Bo key 2; key 9 is a stranger's.
pub fn key(n: u8) -> LocalKey {
    LocalKey::from_bytes(&[n + 1; 32]).unwrap()
}

pub fn corridor() -> Corridor {
    Corridor { source: source(), destination: destination(), asset: AssetId::slip44(&source(), 60), lane: Lane::Fast }
}

pub fn limits(n: u64) -> Limits {
    let amount = Limit::Amount(U256::from(n));
    Limits {
        per_transfer: amount,
        exposure_cap: amount,
        window: amount,
        large_from: Limit::Unlimited,
        large_delay: 0,
        dust: U256::ZERO,
    }
}

pub fn policy() -> Policy {
    let slow = Corridor { lane: Lane::LightClient, ..corridor() };
    let delayed = Limits { large_from: Limit::Amount(U256::from(3)), large_delay: 86_400, ..limits(1_000_000_000) };
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let set = SignerSet::new(1, 2, members).unwrap();
    let domain = VerdictDomain { chain_number: 9, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) };
    let target = Destination { domain, fast_lane: Address::repeat_byte(6), signers: set.clone() };
    Policy {
        sources: BTreeMap::from([(source(), B256::repeat_byte(2))]),
        destinations: BTreeMap::from([(destination(), target)]),
        verifiers: set,
        risk: RiskPolicy::of_corridors(BTreeMap::from([(corridor(), limits(1_000_000_000)), (slow, delayed)])),
        pause_ttl: 60,
    }
}

pub fn guardians() -> ControlPolicy {
    let people = [(0, "ada"), (1, "ada"), (2, "bo")];
    let inbox = Address::repeat_byte(7).into_word();
    ControlPolicy {
        deployment: deployment([(&destination(), inbox)]),
        guardians: people.map(|(n, person)| (key(n).address(), person.to_owned())).into(),
        resume_delay: 900,
        timelock: 86_400,
    }
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
            let (control, limits) = self.book.control().await;
            let signers = BTreeMap::from([(SignerRole::Verifiers, policy().verifiers)]);
            Standing { control, risk: self.book.risk_now().state, limits, signers, now: self.book.clock().now() }
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

    fn deposit(&self, n: u64) -> Deposit {
        Deposit {
            version: Deposit::VERSION,
            source_chain: source(),
            source_bridge: B256::repeat_byte(2),
            source_key: B256::from(U256::from(n)),
            asset: AssetId::slip44(&source(), 60),
            amount: U256::from(5),
            destination_chain: destination(),
            destination_bridge: Address::repeat_byte(7).into_word(),
            recipient: B256::repeat_byte(0xaa),
            sender: B256::repeat_byte(0xbb),
            lane: LanePreference::Any,
            expiry: self.clock.now() + 1_000_000,
        }
    }

    /// Stores deposit `n`, proven, and held because of its size.
    pub async fn large(&self, n: u64) -> DepositId {
        let (deposit, now) = (self.deposit(n), self.clock.now());
        let inclusion =
            Inclusion { header: Bytes::new(), account_proof: vec![], storage_proof: vec![], deposit: deposit.clone() };
        let evidence = Evidence::Ethereum(Box::new(DepositEvidence { finality: None, inclusion }));
        let checkpoint = Checkpoint { chain: source(), height: 1, root: B256::repeat_byte(1), time: now };
        let checkpoint = SignedCheckpoint { checkpoint, epoch: 1, signatures: Vec::new() };
        let reason = Reason::LargeTransfer { from: U256::from(3) };
        let proven = RiskEvent::Proven {
            id: deposit.id(),
            source: source(),
            asset: deposit.asset.clone(),
            amount: deposit.amount,
        };
        let events = vec![
            Event::Proven { evidence },
            Event::Verified { checkpoint, verdicts: Vec::new() },
            Event::Held { reason, until: Some(now + 86_400) },
        ];
        self.store(&deposit, events, vec![proven]).await
    }

    /// Stores deposit `n`, quarantined; with a fast payout under way, or without.
    pub async fn broken(&self, n: u64, is_paid: bool) -> DepositId {
        let deposit = self.deposit(n);
        let mut events = Vec::new();
        if is_paid {
            events.push(Event::Cleared { lane: Lane::Fast });
        }
        events.push(Event::Quarantined { error: "no such thing".to_owned() });
        self.store(&deposit, events, Vec::new()).await
    }

    async fn store(&self, deposit: &Deposit, more: Vec<Event>, risk: Vec<RiskEvent>) -> DepositId {
        let (id, now, ledger) = (deposit.id(), self.clock.now(), self.book.ledger());
        let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: now };
        let seen = SeenDeposit { deposit: deposit.clone(), block, transaction: B256::ZERO, position: 0 };
        let events = [vec![Event::Observed { seen }, Event::SourceFinal { at: block }], more].concat();
        let fold = |transfer, event| Some(Transfer::fold(transfer, id, event, now).unwrap());
        let after = events.iter().fold(None, fold).unwrap();
        let transfers = vec![TransferChange { expected_sequence: 0, events, after }];
        ledger.commit(Commit { now, transfers, ..Commit::default() }).await.unwrap();
        for event in risk {
            self.book.record_risk(event).await.unwrap();
        }
        id
    }

    /// How a transfer stands.
    pub async fn status(&self, id: DepositId) -> &'static str {
        self.book.ledger().transfer(id).await.unwrap().unwrap().status.name()
    }

    /// Stores deposit `n`, cleared for a fast payout that is due; or held.
    pub async fn transfer(&self, n: u64, is_held: bool) -> DepositId {
        let (deposit, now) = (self.deposit(n), self.clock.now());
        let id = deposit.id();
        let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: now };
        let batch = BatchTerms { root: id.0, count: 1, epoch: 1, expiry: now + 100_000 };
        let attestation = FastAttestation { batch, signatures: Vec::new(), index: 0, path: Vec::new() };
        let seen = SeenDeposit { deposit: deposit.clone(), block, transaction: B256::ZERO, position: 0 };
        let mut events = vec![Event::Observed { seen }];
        let mut commit = Commit { now, ..Commit::default() };
        if is_held {
            events.push(Event::Held { reason: Reason::Unknown, until: Some(now + 50) });
        } else {
            events.push(Event::Attested { attestation: attestation.clone() });
            events.push(Event::Cleared { lane: Lane::Fast });
            let executor = Executor::Destination { chain: destination() };
            let effect = Effect::PayFast { deposit: deposit.clone(), attestation };
            let effect_id = effect.id(id, &executor, Turn::default());
            commit.effects.push(NewEffect { id: effect_id, deposit: id, executor, effect, run_at: now });
            commit.expected_risk_sequence = self.book.ledger().risk_events(0).await.unwrap().len() as u64;
            commit.risk.push(RiskEvent::Cleared {
                id,
                source: source(),
                destination: destination(),
                asset: deposit.asset.clone(),
                amount: deposit.amount,
                lane: Lane::Fast,
            });
        }
        let fold = |transfer, event| Some(Transfer::fold(transfer, id, event, now).unwrap());
        let after = events.iter().fold(None, fold).unwrap();
        commit.transfers.push(TransferChange { expected_sequence: 0, events, after });
        self.book.ledger().commit(commit).await.unwrap();
        id
    }
}

pub fn pause(seconds: u64) -> Act {
    Act::Pause { scope: Scope::Global, seconds }
}

pub fn resume() -> Act {
    Act::Resume { scope: Scope::Global }
}

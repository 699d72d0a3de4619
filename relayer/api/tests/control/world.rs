//! A relayer with guardians, its control API served, and a client.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256, U256};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use spandrel_api::http::control_router;
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
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference, VerdictDomain};

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
    pub client: Client,
    _folder: tempfile::TempDir,
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

fn policy() -> Policy {
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let set = SignerSet::new(1, 2, members).unwrap();
    let domain = VerdictDomain { chain_number: 9, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) };
    let target = Destination { domain, fast_lane: Address::repeat_byte(6), signers: set.clone() };
    Policy {
        sources: BTreeMap::from([(source(), B256::repeat_byte(2))]),
        destinations: BTreeMap::from([(destination(), target)]),
        verifiers: set,
        risk: RiskPolicy::of_corridors(BTreeMap::from([(corridor(), limits(1_000_000_000))])),
        pause_ttl: 60,
    }
}

fn guardians() -> ControlPolicy {
    let people = [(0, "ada"), (1, "ada"), (2, "bo")];
    let inbox = Address::repeat_byte(7).into_word();
    ControlPolicy {
        deployment: deployment([(&destination(), inbox)]),
        guardians: people.map(|(n, person)| (key(n).address(), person.to_owned())).into(),
        resume_delay: 900,
        timelock: 86_400,
    }
}

struct Desk {
    book: Arc<TestBook>,
    policy: ControlPolicy,
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
            Standing { control, risk: self.book.risk().await, limits, signers, now: self.book.clock().now() }
        }
        .boxed()
    }
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, clock) = (Sqlite::open(folder.path().join("ledger.db")).await.unwrap(), TestClock::default());
        let book = Book::open(store.clone(), clock.clone(), policy(), Arc::new(Silent)).await.unwrap();
        let book = Arc::new(book.guarded_by(guardians()));
        let desk = Arc::new(Desk { book: book.clone(), policy: guardians() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1/control", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, control_router(desk, store)).await.unwrap() });
        Self { book, clock, base, client: Client::new(), _folder: folder }
    }

    /// A ledger opened anew, as after a restart.
    pub async fn reopened(&self) -> TestBook {
        let store = self.book.ledger().clone();
        let book = Book::open(store, self.clock.clone(), policy(), Arc::new(Silent)).await.unwrap();
        book.guarded_by(guardians())
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
        let (guardian, nonce) = (key(n).address(), self.nonce(n).await);
        let expiry = self.clock.now() + 600;
        let statement = Statement { act, reason: "a drill".to_owned(), guardian, nonce, expiry };
        let signature = key(n).sign_digest(statement.digest(guardians().deployment)).unwrap();
        SignedStatement::new(statement, &signature)
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

    /// Stores deposit `n`, cleared for a fast payout that is due; or held.
    pub async fn transfer(&self, n: u64, is_held: bool) -> spandrel_verifiers::DepositId {
        let now = self.clock.now();
        let deposit = Deposit {
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
            expiry: now + 100_000,
        };
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

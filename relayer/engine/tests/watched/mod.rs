//! Sentinels over one destination, one source and one vault that tell what they are given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use futures::future::BoxFuture;
use spandrel_core::ledger::{Commit, CursorMove, Ledger};
use spandrel_core::{Effect, Executor};
use spandrel_engine::{Alarms, Book, Clock, Sentinel, Silent};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_store::Memory;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::bitcoin::ConfirmationPolicy;
use spandrel_verifiers::follow::{BlockRef, Cursor, FollowError};
use spandrel_verifiers::{ChainId, DepositId};
use spandrel_watchers::pool::{Counts, Health, Standing, TOLERATED_DISSENT};
use spandrel_watchers::sentinel::{
    DestinationView, Funds, Holding, PaidOut, PayoutLane, PayoutPause, Registered, Rule, SetOf, SourceView, VaultPause,
    VaultView,
};

use crate::common::{Later, NOW, block, deposit, destination, policy, source};

pub static DESTINATION: LazyLock<ChainId> = LazyLock::new(destination);
pub static SOURCE: LazyLock<ChainId> = LazyLock::new(source);

/// A destination that tells what it is given, over and over.
#[derive(Clone, Default)]
pub struct Told {
    pub payouts: Arc<Mutex<Vec<PaidOut>>>,
    pub checkpoints: Arc<Mutex<Vec<Registered>>>,
    pub set: Arc<Mutex<Option<SignerSet>>>,
    /// What each of its nodes tells of its pauses, two of which are to agree.
    pub pauses: Arc<Mutex<Vec<Vec<PayoutPause>>>>,
    /// What no node tells of it.
    pub mute: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Told {
    fn tell<T: Send + 'static>(&self, what: &str, told: T) -> BoxFuture<'static, Result<T, FollowError>> {
        let is_mute = self.mute.lock().unwrap().contains(what);
        let error = || FollowError::Transient { endpoint: "nodes".to_owned(), reason: format!("none tells {what}") };
        let told = if is_mute { Err(error()) } else { Ok(told) };
        Box::pin(async move { told })
    }
}

impl DestinationView for Told {
    fn chain(&self) -> &ChainId {
        &DESTINATION
    }

    fn quorum(&self) -> usize {
        2
    }

    fn payouts(&self) -> BoxFuture<'_, Result<Vec<PaidOut>, FollowError>> {
        self.tell("payouts", self.payouts.lock().unwrap().clone())
    }

    fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<Registered>, FollowError>> {
        self.tell("checkpoints", self.checkpoints.lock().unwrap().clone())
    }

    fn sets(&self, of: SetOf) -> BoxFuture<'_, Result<Vec<SignerSet>, FollowError>> {
        let rotated = self.set.lock().unwrap().clone().filter(|_| of == SetOf::FastLane);
        self.tell("sets", vec![rotated.unwrap_or_else(|| policy().verifiers)])
    }

    fn funds(&self) -> BoxFuture<'_, Result<Option<Funds>, FollowError>> {
        let (account, least) = (Address::ZERO, U256::from(5));
        self.tell("funds", Some(Funds { account, balance: U256::from(4), least }))
    }

    fn pauses(&self, _: u64) -> BoxFuture<'_, Result<Vec<Vec<PayoutPause>>, FollowError>> {
        self.tell("pauses", self.pauses.lock().unwrap().clone())
    }
}

/// A vault that owes 5 and holds some.
struct Holds(u64);

impl VaultView for Holds {
    fn chain(&self) -> &ChainId {
        &SOURCE
    }

    fn quorum(&self) -> usize {
        1
    }

    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>> {
        let holding = Holding { asset: deposit().asset, owed: U256::from(5), held: U256::from(self.0) };
        Box::pin(async { vec![vec![holding]] })
    }

    fn pauses(&self, _: u64) -> BoxFuture<'_, Vec<Vec<VaultPause>>> {
        Box::pin(async { vec![Vec::new()] })
    }
}

/// How the nodes of a source stand.
type Nodes = Arc<Mutex<Vec<Standing>>>;

/// Heights of whose blocks no node tells.
type Forgotten = Arc<Mutex<BTreeSet<u64>>>;

/// Height of the source's best block at first.
const BEST: u64 = 10;

/// A source by the word of its nodes, and how they stand.
#[derive(Clone, Default)]
struct Best {
    nodes: Nodes,
    forgotten: Forgotten,
    /// When its best block was made.
    made_at: Arc<Mutex<u64>>,
    /// Blocks that came since.
    came: Arc<Mutex<u64>>,
    /// The best block of one node of three that lies.
    lie: Arc<Mutex<Option<BlockRef>>>,
}

impl Best {
    /// What honest nodes tell, and what the one that lies tells.
    fn told<T: Clone>(&self, honest: T, lie: impl Fn(BlockRef) -> T) -> Vec<T> {
        match *self.lie.lock().unwrap() {
            Some(block) => vec![honest.clone(), honest, lie(block)],
            None => vec![honest],
        }
    }

    fn height(&self) -> u64 {
        BEST + *self.came.lock().unwrap()
    }
}

impl Health for Best {
    fn standings(&self) -> Vec<Standing> {
        self.nodes.lock().unwrap().clone()
    }
}

impl SourceView for Best {
    fn heads(&self) -> BoxFuture<'_, Vec<BlockRef>> {
        let time = *self.made_at.lock().unwrap();
        let heads = self.told(BlockRef { time, ..block(self.height()) }, |lie| lie);
        Box::pin(async move { heads })
    }

    /// Its block at a height is [`block`].
    fn hashes_at(&self, height: u64) -> BoxFuture<'_, Vec<Option<B256>>> {
        let is_told = height <= self.height() && !self.forgotten.lock().unwrap().contains(&height);
        let hash = is_told.then(|| block(height).hash);
        let hashes = self.told(hash, |lie| if lie.height == height { Some(lie.hash) } else { hash });
        Box::pin(async move { hashes })
    }
}

pub struct Scene {
    pub time: Later,
    pub store: Memory,
    pub book: Arc<Book<Memory, Later>>,
    pub told: Told,
    source: Best,
    pub alarms: Alarms,
    sentinel: Sentinel<Memory, Later>,
}

impl Scene {
    pub async fn new() -> Self {
        Self::over(Memory::new(), Later::default(), Told::default(), 5).await
    }

    pub async fn over(store: Memory, time: Later, told: Told, held: u64) -> Self {
        let book = Book::open(store.clone(), time.clone(), policy(), Arc::new(Silent)).await.unwrap();
        let (book, alarms) = (Arc::new(book), Alarms::default());
        let best = Best::default();
        let view: Arc<dyn SourceView> = Arc::new(best.clone());
        let destinations: Vec<Box<dyn DestinationView>> = vec![Box::new(told.clone())];
        let vaults: Vec<Box<dyn VaultView>> = vec![Box::new(Holds(held))];
        let sources = BTreeMap::from([(source(), view)]);
        let sentinel = Sentinel::new(book.clone(), destinations, sources, vaults, alarms.clone());
        Self { time, store, book, told, source: best, alarms, sentinel }
    }

    pub fn with_depths(self, depths: BTreeMap<ChainId, ConfirmationPolicy>) -> Self {
        Self { sentinel: self.sentinel.with_depths(depths), ..self }
    }

    /// The same after a restart.
    pub async fn restarted(self) -> Self {
        Self::over(self.store, self.time, self.told, 5).await
    }

    pub fn pay(&self, id: DepositId) {
        let paid = Some((Address::repeat_byte(0xaa), U256::from(5)));
        self.told.payouts.lock().unwrap().push(PaidOut { id, lane: PayoutLane::Fast, paid, height: 3 });
    }

    pub async fn read_to(&self, height: u64) {
        let expected = self.store.cursor(&source()).await.unwrap();
        let cursor = Some(CursorMove { chain: source(), expected, next: Cursor::at(block(height)) });
        self.store.commit(Commit { now: NOW, cursor, ..Commit::default() }).await.unwrap();
    }

    /// The source was read, and is final to there.
    pub async fn read_past(&self, last_final: u64) {
        let expected = self.store.cursor(&source()).await.unwrap();
        let next = Cursor { finalized: Some(block(last_final)), ..Cursor::at(block(last_final + 2)) };
        let cursor = Some(CursorMove { chain: source(), expected, next });
        self.store.commit(Commit { now: NOW, cursor, ..Commit::default() }).await.unwrap();
    }

    pub async fn look(&self, seconds: u64) {
        self.time.pass(seconds);
        self.sentinel.look_once().await.unwrap();
    }

    /// How often it was paused so far.
    pub async fn pauses(&self) -> usize {
        let events = self.store.risk_events(0).await.unwrap();
        events.iter().filter(|event| matches!(event.body, RiskEvent::Paused { .. })).count()
    }

    /// A look at what changes slowly, and one that raises it.
    pub async fn look_at_all(&self, seconds: u64) {
        self.time.pass(seconds);
        self.sentinel.look_slowly().await.unwrap();
        self.look(0).await;
    }

    /// The rules that found something.
    pub fn found(&self) -> Vec<Rule> {
        self.alarms.standing().into_iter().map(|finding| finding.rule).collect()
    }

    /// A payout of `amount` is cleared, whoever wrote it.
    pub async fn clear(&self, number: u64, lane: Lane, amount: u64) {
        let id = DepositId(B256::from(U256::from(number)));
        let (source, destination, asset) = (source(), destination(), deposit().asset);
        let amount = U256::from(amount);
        let cleared = RiskEvent::Cleared { id, source, destination, asset, amount, lane, until_paid: true };
        self.book.record_risk(cleared).await.unwrap();
    }

    /// A node has disagreed with the others for a second too long, or none does.
    pub fn disagree(&self, is_so: bool) {
        let dissents_for = Some(TOLERATED_DISSENT + Duration::from_secs(1));
        *self.source.nodes.lock().unwrap() = if is_so { vec![node(dissents_for)] } else { Vec::new() };
    }

    /// The source has three nodes, and one of them says that `block` is its best.
    pub fn lie(&self, block: BlockRef) {
        *self.source.nodes.lock().unwrap() = (0..3).map(|_| node(None)).collect();
        *self.source.lie.lock().unwrap() = Some(block);
    }

    /// The source's next block comes.
    pub fn make_block(&self) {
        *self.source.came.lock().unwrap() += 1;
    }

    /// The source's nodes tell no more of a block.
    pub fn forget(&self, height: u64) {
        self.source.forgotten.lock().unwrap().insert(height);
    }

    /// The source's best block is of that time.
    pub fn make_block_at(&self, time: u64) {
        *self.source.made_at.lock().unwrap() = time;
    }

    pub async fn scopes(&self) -> Vec<Scope> {
        let now = self.time.now();
        self.book.read_risk(|risk| risk.pauses_at(now).map(|(scope, _)| scope.clone()).collect()).await
    }

    pub async fn is_paused(&self) -> bool {
        let now = self.time.now();
        self.book.read_risk(|risk| risk.pauses_at(now).any(|(scope, _)| *scope == fast())).await
    }

    /// Pauses that wait to be sent to the destination; each is told once.
    pub async fn sent(&self) -> usize {
        let executor = Executor::Destination { chain: destination() };
        let leased = self.store.lease(&executor, NOW + 1_000_000, NOW + 2_000_000, 100).await.unwrap();
        leased.iter().filter(|item| matches!(&item.effect, Effect::Pause { scope, .. } if *scope == fast())).count()
    }
}

fn node(dissents_for: Option<Duration>) -> Standing {
    Standing { name: "2 node".to_owned(), is_open: false, dissents_for, counts: Counts::default() }
}

pub fn fast() -> Scope {
    Scope::Lane { lane: Lane::Fast, source: None }
}

pub fn phantom(number: u8) -> DepositId {
    DepositId(B256::repeat_byte(number))
}

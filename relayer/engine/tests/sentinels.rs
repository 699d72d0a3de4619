//! The sentinels' loop: one finding, one pause; what guardians lift stays lifted; what runs out comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use futures::future::BoxFuture;
use spandrel_core::ledger::{Commit, CursorMove, Ledger, TransferChange};
use spandrel_core::{Destination, Effect, Event, Executor, Input, Output, Policy, TxRef, apply};
use spandrel_engine::{Alarms, Book, Change, Clock, Sentinel, Silent, standing_findings};
use spandrel_risk::{Corridor, Lane, Limit, Limits, RiskEvent, RiskPolicy, Scope};
use spandrel_store::Memory;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::{BlockRef, Cursor, FollowError, SeenDeposit};
use spandrel_verifiers::{AssetId, ChainId, Deposit, DepositId, LanePreference, VerdictDomain};
use spandrel_watchers::pool::{Counts, Health, Standing, TOLERATED_DISSENT};
use spandrel_watchers::sentinel::{
    DestinationView, Funds, Holding, PaidOut, PayoutLane, Rule, SetOf, SourceView, UNPROVEN, VaultView,
};

const START: u64 = 1_700_000_000;
const TTL: u64 = 3_600;

#[derive(Clone)]
struct Moved(Arc<AtomicU64>);

impl Clock for Moved {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    async fn sleep(&self, _: Duration) {}
}

fn source() -> ChainId {
    ChainId::eip155(1)
}

fn destination() -> ChainId {
    ChainId::eip155(9)
}

fn policy() -> Policy {
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let set = SignerSet::new(1, 2, members).unwrap();
    let limits = Limits {
        per_transfer: Limit::Unlimited,
        exposure_cap: Limit::Unlimited,
        window: Limit::Unlimited,
        large_from: Limit::Unlimited,
        large_delay: 0,
        dust: U256::ZERO,
    };
    let domain = VerdictDomain { chain_number: 9, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) };
    let target = Destination { domain, fast_lane: Address::repeat_byte(6), signers: set.clone() };
    Policy {
        sources: BTreeMap::from([(source(), B256::repeat_byte(2))]),
        destinations: BTreeMap::from([(destination(), target)]),
        verifiers: set,
        risk: RiskPolicy::of_corridors(BTreeMap::from([(Corridor::of(&deposit(), Lane::Fast), limits)])),
        pause_ttl: TTL,
    }
}

fn deposit() -> Deposit {
    Deposit {
        version: Deposit::VERSION,
        source_chain: source(),
        source_bridge: B256::repeat_byte(2),
        source_key: B256::ZERO,
        asset: AssetId::slip44(&source(), 60),
        amount: U256::from(5),
        destination_chain: destination(),
        destination_bridge: Address::repeat_byte(7).into_word(),
        recipient: Address::repeat_byte(0xaa).into_word(),
        sender: B256::repeat_byte(0xbb),
        lane: LanePreference::Any,
        expiry: START + 1000,
    }
}

fn block(height: u64) -> BlockRef {
    BlockRef { height, hash: B256::with_last_byte(height as u8), time: START }
}

static DESTINATION: LazyLock<ChainId> = LazyLock::new(destination);

/// A destination that tells what it is given, over and over.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<PaidOut>>>, Arc<Mutex<Option<SignerSet>>>);

impl DestinationView for Told {
    fn chain(&self) -> &ChainId {
        &DESTINATION
    }

    fn payouts(&self) -> BoxFuture<'_, Result<Vec<PaidOut>, FollowError>> {
        Box::pin(async { Ok(self.0.lock().unwrap().clone()) })
    }

    fn sets(&self, of: SetOf) -> BoxFuture<'_, Result<Vec<SignerSet>, FollowError>> {
        let rotated = self.1.lock().unwrap().clone().filter(|_| of == SetOf::FastLane);
        Box::pin(async { Ok(vec![rotated.unwrap_or_else(|| policy().verifiers)]) })
    }

    fn funds(&self) -> BoxFuture<'_, Result<Option<Funds>, FollowError>> {
        let (account, least) = (Address::ZERO, U256::from(5));
        Box::pin(async move { Ok(Some(Funds { account, balance: U256::from(4), least })) })
    }
}

/// A vault that owes 5 and holds some.
struct Holds(u64);

impl VaultView for Holds {
    fn quorum(&self) -> usize {
        1
    }

    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>> {
        let holding = Holding { asset: deposit().asset, owed: U256::from(5), held: U256::from(self.0) };
        Box::pin(async { vec![vec![holding]] })
    }
}

/// How the nodes of a source stand.
type Nodes = Arc<Mutex<Vec<Standing>>>;

/// A source whose best block is at a height, by the word of nodes.
struct Best(u64, Nodes);

impl Health for Best {
    fn standings(&self) -> Vec<Standing> {
        self.1.lock().unwrap().clone()
    }
}

impl SourceView for Best {
    fn highest(&self) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async { Some(self.0) })
    }
}

struct Scene {
    time: Arc<AtomicU64>,
    store: Memory,
    book: Arc<Book<Memory, Moved>>,
    told: Told,
    nodes: Nodes,
    alarms: Alarms,
    sentinel: Sentinel<Memory, Moved>,
}

impl Scene {
    async fn new() -> Self {
        Self::over(Memory::new(), Arc::new(AtomicU64::new(START)), Told::default(), 5).await
    }

    async fn over(store: Memory, time: Arc<AtomicU64>, told: Told, held: u64) -> Self {
        let book = Book::open(store.clone(), Moved(time.clone()), policy(), Arc::new(Silent)).await.unwrap();
        let (book, alarms) = (Arc::new(book), Alarms::default());
        let nodes = Nodes::default();
        let best: Arc<dyn SourceView> = Arc::new(Best(10, nodes.clone()));
        let destinations: Vec<Box<dyn DestinationView>> = vec![Box::new(told.clone())];
        let vaults: Vec<Box<dyn VaultView>> = vec![Box::new(Holds(held))];
        let sources = BTreeMap::from([(source(), best)]);
        let sentinel = Sentinel::new(book.clone(), destinations, sources, vaults, alarms.clone());
        Self { time, store, book, told, nodes, alarms, sentinel }
    }

    /// The same after a restart.
    async fn restarted(self) -> Self {
        Self::over(self.store, self.time, self.told, 5).await
    }

    fn pay(&self, id: DepositId) {
        let paid = Some((Address::repeat_byte(0xaa), U256::from(5)));
        self.told.0.lock().unwrap().push(PaidOut { id, lane: PayoutLane::Fast, paid, height: 3 });
    }

    async fn read_to(&self, height: u64) {
        let expected = self.store.cursor(&source()).await.unwrap();
        let cursor = Some(CursorMove { chain: source(), expected, next: Cursor::at(block(height)) });
        self.store.commit(Commit { now: START, cursor, ..Commit::default() }).await.unwrap();
    }

    async fn look(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::Relaxed);
        self.sentinel.look_once().await.unwrap();
    }

    /// How often it was paused so far.
    async fn pauses(&self) -> usize {
        let events = self.store.risk_events(0).await.unwrap();
        events.iter().filter(|event| matches!(event.body, RiskEvent::Paused { .. })).count()
    }

    /// A look at what changes slowly, and one that raises it.
    async fn look_at_all(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::Relaxed);
        self.sentinel.look_slowly().await.unwrap();
        self.look(0).await;
    }

    /// The rules that found something.
    fn found(&self) -> Vec<Rule> {
        self.alarms.standing().into_iter().map(|finding| finding.rule).collect()
    }

    /// A payout of `amount` is cleared, whoever wrote it.
    async fn clear(&self, number: u64, lane: Lane, amount: u64) {
        let id = DepositId(B256::from(U256::from(number)));
        let (source, destination, asset) = (source(), destination(), deposit().asset);
        let amount = U256::from(amount);
        let cleared = RiskEvent::Cleared { id, source, destination, asset, amount, lane };
        self.book.record_risk(cleared).await.unwrap();
    }

    /// A node has disagreed with the others for a second too long, or none does.
    fn disagree(&self, is_so: bool) {
        let dissents_for = Some(TOLERATED_DISSENT + Duration::from_secs(1));
        let node = Standing { name: "2 node".to_owned(), is_open: false, dissents_for, counts: Counts::default() };
        *self.nodes.lock().unwrap() = if is_so { vec![node] } else { Vec::new() };
    }

    async fn scopes(&self) -> Vec<Scope> {
        let now = self.time.load(Ordering::Relaxed);
        self.book.read_risk(|risk| risk.pauses_at(now).map(|(scope, _)| scope.clone()).collect()).await
    }

    async fn is_paused(&self) -> bool {
        let now = self.time.load(Ordering::Relaxed);
        self.book.read_risk(|risk| risk.pauses_at(now).any(|(scope, _)| *scope == fast())).await
    }

    /// Pauses that wait to be sent to the destination; each is told once.
    async fn sent(&self) -> usize {
        let executor = Executor::Destination { chain: destination() };
        let leased = self.store.lease(&executor, START + 1_000_000, START + 2_000_000, 100).await.unwrap();
        leased.iter().filter(|item| matches!(&item.effect, Effect::Pause { scope, .. } if *scope == fast())).count()
    }
}

fn fast() -> Scope {
    Scope::Lane { lane: Lane::Fast, source: None }
}

fn phantom(number: u8) -> DepositId {
    DepositId(B256::repeat_byte(number))
}

#[tokio::test]
async fn a_finding_pauses_once_here_and_on_the_destination() {
    let scene = Scene::new().await;
    scene.read_to(10).await;
    scene.pay(phantom(1));
    scene.look(0).await;
    assert!(!scene.is_paused().await, "its nodes may lag by seconds");
    scene.look(5).await;
    assert!(scene.is_paused().await);
    for _ in 0..5 {
        scene.look(60).await;
    }
    assert_eq!((scene.pauses().await, scene.sent().await), (1, 1));
    let scene = scene.restarted().await;
    scene.look(5).await;
    scene.look(5).await;
    assert_eq!((scene.pauses().await, scene.alarms.standing().len()), (1, 1), "nor again by a restart");
}

#[tokio::test]
async fn nothing_is_said_before_the_source_was_read_past_what_was_there() {
    let scene = Scene::new().await;
    scene.read_to(9).await;
    scene.pay(deposit().id());
    for _ in 0..9 {
        scene.look(60).await;
    }
    assert!(scene.alarms.standing().is_empty(), "block 10 is not read yet");
    let seen = SeenDeposit { deposit: deposit(), block: block(10), transaction: B256::ZERO, position: 0 };
    scene.book.record(Change::one(deposit().id(), Input::Seen(seen))).await.unwrap();
    scene.read_to(10).await;
    for _ in 0..20 {
        scene.look(60).await;
    }
    assert!(scene.alarms.standing().is_empty() && !scene.is_paused().await, "it is deposited");
}

#[tokio::test]
async fn a_source_that_cannot_be_read_hides_no_forged_attestation_for_long() {
    let scene = Scene::new().await;
    scene.read_to(9).await;
    scene.pay(phantom(1));
    scene.look(0).await;
    scene.look(599).await;
    assert!(!scene.is_paused().await);
    scene.look(1).await;
    assert!(scene.is_paused().await);
}

#[tokio::test]
async fn what_guardians_lift_is_not_paused_again_without_other_evidence() {
    let scene = Scene::new().await;
    scene.read_to(10).await;
    scene.pay(phantom(1));
    scene.pay(phantom(2));
    scene.look(0).await;
    scene.look(5).await;
    scene.look(5).await;
    assert_eq!(scene.sent().await, 1, "two findings of one scope are one transaction");
    scene.book.record_risk(RiskEvent::Resumed { scope: fast() }).await.unwrap();
    scene.look(5).await;
    assert!(!scene.is_paused().await && scene.alarms.standing().is_empty(), "both were there to be seen");
    let scene = scene.restarted().await;
    scene.look(5).await;
    scene.look(5).await;
    assert!(!scene.is_paused().await, "a restart is no evidence");
    scene.pay(phantom(3));
    scene.look(5).await;
    scene.look(5).await;
    assert!(scene.is_paused().await, "another payout is");
}

#[tokio::test]
async fn a_pause_that_ran_out_by_itself_comes_back_while_its_finding_stands() {
    let scene = Scene::new().await;
    scene.read_to(10).await;
    scene.pay(phantom(1));
    scene.look(0).await;
    scene.look(5).await;
    scene.look(TTL + 1).await;
    assert!(scene.is_paused().await, "nobody has looked");
    assert_eq!(scene.pauses().await, 2);
}

/// For whoever has the ledger alone.
#[tokio::test]
async fn what_paused_stands_in_the_log_until_it_is_lifted_or_runs_out() {
    let scene = Scene::new().await;
    scene.read_to(10).await;
    let drill = RiskEvent::Paused { scope: Scope::Global, until: START + 60, reason: "a drill".to_owned() };
    scene.book.record_risk(drill).await.unwrap();
    scene.pay(phantom(1));
    scene.pay(phantom(2));
    scene.look(0).await;
    scene.look(5).await;
    let standing = async |later: u64| -> Vec<Scope> {
        let events: Vec<RiskEvent> =
            scene.store.risk_events(0).await.unwrap().into_iter().map(|recorded| recorded.body).collect();
        let now = scene.time.load(Ordering::Relaxed) + later;
        let found: Vec<_> = standing_findings(&events, now).collect();
        assert!(found.iter().all(|(_, found)| found.starts_with("payout_without_deposit ")), "{found:?}");
        found.into_iter().map(|(scope, _)| scope).collect()
    };
    assert_eq!(standing(0).await, [fast(), fast()], "a guardian's drill is no finding");
    assert!(standing(TTL).await.is_empty());
    scene.book.record_risk(RiskEvent::Resumed { scope: fast() }).await.unwrap();
    assert!(standing(0).await.is_empty());
}

/// A destination of which no node answers.
struct Mute;

impl DestinationView for Mute {
    fn chain(&self) -> &ChainId {
        &DESTINATION
    }

    fn payouts(&self) -> BoxFuture<'_, Result<Vec<PaidOut>, FollowError>> {
        Box::pin(async { Err(mute()) })
    }

    fn sets(&self, _: SetOf) -> BoxFuture<'_, Result<Vec<SignerSet>, FollowError>> {
        Box::pin(async { Err(mute()) })
    }

    fn funds(&self) -> BoxFuture<'_, Result<Option<Funds>, FollowError>> {
        Box::pin(async { Err(mute()) })
    }
}

fn mute() -> FollowError {
    FollowError::Transient { endpoint: "nodes".to_owned(), reason: "none answers".to_owned() }
}

#[tokio::test]
async fn when_everything_was_seen_last_is_known_and_stands_still_while_a_chain_is_mute() {
    let scene = Scene::new().await;
    assert_eq!(Alarms::default().looked_at(), None, "there are no sentinels");
    assert_eq!(scene.alarms.looked_at(), Some(START));
    scene.look_at_all(5).await;
    assert_eq!(scene.alarms.looked_at(), Some(START + 5));
    let sentinel =
        Sentinel::new(scene.book.clone(), vec![Box::new(Mute)], BTreeMap::new(), Vec::new(), scene.alarms.clone());
    scene.time.fetch_add(60, Ordering::Relaxed);
    sentinel.look_once().await.unwrap();
    assert_eq!(scene.alarms.looked_at(), Some(START + 5));
}

#[tokio::test]
async fn an_account_that_runs_dry_raises_an_alarm_and_pauses_nothing() {
    let scene = Scene::new().await;
    scene.look_at_all(0).await;
    assert_eq!((scene.found(), scene.scopes().await), (vec![Rule::BalanceLow], Vec::new()));
}

#[tokio::test]
async fn a_vault_that_holds_less_than_it_owes_pauses_its_asset() {
    let time = Arc::new(AtomicU64::new(START));
    let scene = Scene::over(Memory::new(), time, Told::default(), 4).await;
    scene.look_at_all(0).await;
    assert!(scene.found().contains(&Rule::VaultShort), "{:?}", scene.found());
    assert_eq!(scene.scopes().await, vec![Scope::Asset { asset: deposit().asset }]);
}

#[tokio::test]
async fn a_set_that_nobody_agreed_on_pauses_the_fast_lane() {
    let scene = Scene::new().await;
    let members: BTreeSet<Address> = (7..=9).map(Address::repeat_byte).collect();
    *scene.told.1.lock().unwrap() = Some(SignerSet::new(2, 2, members).unwrap());
    scene.look_at_all(0).await;
    assert!(scene.found().contains(&Rule::SignerSetDiffers), "{:?}", scene.found());
    assert_eq!(scene.scopes().await, vec![fast()]);
}

/// Paid by the fast lane, final at its source, and no verifier ever answers.
#[tokio::test]
async fn a_fast_payout_that_is_not_proven_in_time_pauses_the_fast_lane_of_its_source() {
    let scene = Scene::new().await;
    let id = deposit().id();
    let tell = async |input| {
        scene.book.record(Change::one(id, input)).await.unwrap();
    };
    let seen = SeenDeposit { deposit: deposit(), block: block(10), transaction: B256::ZERO, position: 0 };
    tell(Input::Seen(seen)).await;
    let before = scene.book.ledger().transfer(id).await.unwrap().unwrap();
    let tx = TxRef { chain: destination(), hash: B256::repeat_byte(9), gas_used: None };
    let events = vec![
        Event::Cleared { lane: Lane::Fast },
        Event::Submitted { lane: Lane::Fast, tx: tx.clone() },
        Event::Executed { lane: Lane::Fast, tx },
        Event::SourceFinal { at: block(20) },
    ];
    let output = Output { events: events.clone(), ..Output::default() };
    let expected_sequence = before.sequence;
    let after = apply(Some(before), &output, START).unwrap();
    let transfers = vec![TransferChange { expected_sequence, events, after }];
    scene.store.commit(Commit { now: START, transfers, ..Commit::default() }).await.unwrap();
    scene.look_at_all(UNPROVEN).await;
    assert!(!scene.found().contains(&Rule::FastUnproven));
    scene.look_at_all(1).await;
    assert!(scene.found().contains(&Rule::FastUnproven), "{:?}", scene.found());
    assert_eq!(scene.scopes().await, vec![Scope::Lane { lane: Lane::Fast, source: Some(source()) }]);
    // A process that was down for so long has done nothing about it: the half hour begins when it does.
    let scene = Scene::over(scene.store.snapshot().unwrap(), scene.time.clone(), Told::default(), 5).await;
    scene.look_at_all(1).await;
    assert!(!scene.found().contains(&Rule::FastUnproven));
}

#[tokio::test]
async fn an_hour_far_over_the_pace_of_the_week_closes_the_fast_lane_of_its_source() {
    let scene = Scene::new().await;
    for hour in 0..60 {
        scene.clear(hour, Lane::Fast, 10).await;
        scene.look(3_600).await;
    }
    scene.clear(60, Lane::Fast, 50).await;
    scene.look(0).await;
    assert!(scene.found().is_empty(), "{:?}", scene.found());
    scene.clear(61, Lane::Fast, 1).await;
    scene.look(0).await;
    assert_eq!(scene.found(), vec![Rule::PaceUnusual]);
    assert_eq!(scene.scopes().await, vec![Scope::Lane { lane: Lane::Fast, source: Some(source()) }]);
}

#[tokio::test]
async fn an_hour_far_over_the_pace_of_both_lanes_closes_the_light_client_lane_of_its_source() {
    let scene = Scene::new().await;
    for hour in 0..60 {
        scene.clear(hour, Lane::Fast, 10).await;
        scene.look(3_600).await;
    }
    scene.clear(60, Lane::LightClient, 50).await;
    scene.look(0).await;
    assert!(!scene.found().contains(&Rule::PaceUnusual), "what the fast lane leaves to it is no rush");
    scene.clear(61, Lane::LightClient, 1).await;
    scene.look(0).await;
    let lane = Scope::Lane { lane: Lane::LightClient, source: Some(source()) };
    assert!(scene.found().contains(&Rule::PaceUnusual) && scene.scopes().await.contains(&lane));
    assert!(!scene.scopes().await.contains(&Scope::Lane { lane: Lane::Fast, source: Some(source()) }));
}

#[tokio::test]
async fn nodes_that_disagree_pause_their_source_once_for_each_dispute() {
    let (scene, of_source) = (Scene::new().await, Scope::Chain { chain: source() });
    scene.disagree(true);
    for _ in 0..3 {
        scene.look(1).await;
    }
    assert_eq!((scene.found(), scene.scopes().await), (vec![Rule::NodesDisagree], vec![of_source.clone()]));
    assert_eq!(scene.pauses().await, 1);
    scene.book.record_risk(RiskEvent::Resumed { scope: of_source.clone() }).await.unwrap();
    scene.look(1).await;
    assert!(scene.found().is_empty() && scene.scopes().await.is_empty(), "guardians have seen it");
    scene.disagree(false);
    scene.look(1).await;
    scene.disagree(true);
    scene.look(1).await;
    assert_eq!(scene.scopes().await, vec![of_source], "another dispute is other evidence");
}

/// Written past the relayer's own decisions: by another program, or by a defect.
#[tokio::test]
async fn a_ledger_that_releases_more_than_was_proven_pauses_the_asset() {
    let scene = Scene::new().await;
    let (source, asset) = (source(), deposit().asset);
    let id = DepositId(B256::from(U256::from(1)));
    let proven = RiskEvent::Proven { id, source, asset: asset.clone(), amount: U256::from(5) };
    scene.book.record_risk(proven).await.unwrap();
    scene.clear(1, Lane::LightClient, 5).await;
    scene.clear(2, Lane::Fast, 9).await;
    scene.look(0).await;
    assert!(scene.found().is_empty(), "what the fast lane pays is exposure until it is proven");
    scene.clear(3, Lane::LightClient, 1).await;
    scene.look(0).await;
    assert_eq!((scene.found(), scene.scopes().await), (vec![Rule::LedgerNegative], vec![Scope::Asset { asset }]));
    assert_eq!(scene.pauses().await, 1);
}

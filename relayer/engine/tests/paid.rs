//! What a destination shows as paid and the ledger does not hold as cleared is asked for there, and counts once it is final.

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use alloy_primitives::{Address, B256, U256, U512};

use common::{Later, NOW, destination, file, policy, source};
use futures::future::BoxFuture;
use spandrel_core::ledger::{EffectEnd, Ledger};
use spandrel_core::submission::{DueEffect, Lasting, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{Effect, EffectId, Event, Executor, Input, Policy, Status, Turn, TxRef};
use spandrel_engine::{Alarms, Book, Change, PayoutDesk, Sentinel, Silent};
use spandrel_risk::{Agreement, Corridor, Lane, RiskState, Scope};
use spandrel_store::Memory;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::{BlockRef, FollowError, SeenDeposit};
use spandrel_verifiers::{ChainId, Deposit, DepositId};
use spandrel_watchers::sentinel::{DestinationView, Funds, PaidOut, PayoutLane, PayoutPause, Registered, SetOf};

static DESTINATION: LazyLock<ChainId> = LazyLock::new(destination);

fn deposit() -> Deposit {
    Deposit { recipient: recipient().into_word(), ..common::deposit() }
}

fn recipient() -> Address {
    Address::repeat_byte(0xaa)
}

/// That the node paid `id` all of the deposit's amount.
fn paid(id: DepositId, lane: PayoutLane) -> PaidOut {
    PaidOut { id, lane, paid: Some((recipient(), deposit().amount)), height: 3 }
}

/// A node that shows these payouts, over and over; whether they are final its submitter says.
#[derive(Clone, Default)]
struct Node {
    shown: Arc<Mutex<Vec<PaidOut>>>,
    is_final: Arc<AtomicBool>,
}

impl Node {
    fn shows(&self, payouts: impl IntoIterator<Item = PaidOut>) {
        *self.shown.lock().unwrap() = payouts.into_iter().collect();
    }
}

impl DestinationView for Node {
    fn chain(&self) -> &ChainId {
        &DESTINATION
    }

    fn quorum(&self) -> usize {
        1
    }

    fn payouts(&self) -> BoxFuture<'_, Result<Vec<PaidOut>, FollowError>> {
        Box::pin(async { Ok(self.shown.lock().unwrap().clone()) })
    }

    fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<Registered>, FollowError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn sets(&self, _: SetOf) -> BoxFuture<'_, Result<Vec<SignerSet>, FollowError>> {
        Box::pin(async { Ok(vec![policy().verifiers]) })
    }

    fn funds(&self) -> BoxFuture<'_, Result<Option<Funds>, FollowError>> {
        Box::pin(async { Ok(None) })
    }

    fn pauses(&self, _: u64) -> BoxFuture<'_, Result<Vec<Vec<PayoutPause>>, FollowError>> {
        Box::pin(async { Ok(vec![Vec::new()]) })
    }
}

impl Submitter for Node {
    async fn submit<G: SendGate>(&self, due: &[DueEffect], _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        assert!(due.iter().all(|due| matches!(due.effect, Effect::ConfirmPaid { .. })), "{due:?}");
        let answered = due.iter().filter(|_| self.is_final.load(Ordering::Relaxed));
        Ok(answered.map(|due| (due.id, Progress::PaidElsewhere { lane: Lane::LightClient })).collect())
    }

    async fn follow<G: SendGate>(&self, _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        Ok(Vec::new())
    }

    async fn is_sent(&self, _: EffectId) -> Result<bool, SubmitError> {
        Ok(false)
    }

    async fn is_paid(&self, _: B256) -> Result<bool, SubmitError> {
        Ok(true)
    }
}

struct Scene {
    time: Later,
    store: Memory,
    book: Arc<Book<Memory, Later>>,
    node: Node,
    sentinel: Sentinel<Memory, Later>,
    desk: PayoutDesk<Node, Memory, Later>,
}

impl Scene {
    /// A ledger that was told `inputs` of the deposit, and a node that shows it as paid by its proof.
    async fn told(inputs: impl IntoIterator<Item = Input>) -> Self {
        let scene = Self::over(Memory::new(), policy()).await;
        for input in inputs {
            scene.tell(input).await;
        }
        scene.node.shows([paid(deposit().id(), PayoutLane::Proof)]);
        scene
    }

    /// A node that shows nothing.
    async fn over(store: Memory, policy: Policy) -> Self {
        let (time, node) = (Later::default(), Node::default());
        let book = Arc::new(Book::open(store.clone(), time.clone(), policy, Arc::new(Silent)).await.unwrap());
        let destinations: Vec<Box<dyn DestinationView>> = vec![Box::new(node.clone())];
        let sentinel = Sentinel::new(book.clone(), destinations, BTreeMap::new(), Vec::new(), Alarms::default());
        let desk = PayoutDesk::new(destination(), node.clone(), book.clone(), 10);
        Self { time, store, book, node, sentinel, desk }
    }

    async fn tell(&self, input: Input) {
        self.book.record(Change::one(deposit().id(), input)).await.unwrap();
    }

    async fn status(&self) -> Status {
        self.store.transfer(deposit().id()).await.unwrap().unwrap().status
    }

    /// Whether the destination is, or was, to be asked about it.
    async fn is_asked(&self) -> bool {
        self.store.effect(confirm_paid()).await.unwrap().is_some()
    }

    async fn used(&self) -> U512 {
        let corridor = Corridor::of(&deposit(), Lane::LightClient);
        self.book.read_risk(|risk| risk.window_used(&corridor, NOW)).await
    }
}

fn confirm_paid() -> EffectId {
    let ask = Effect::ConfirmPaid { deposit: deposit() };
    ask.id(deposit().id(), &Executor::Destination { chain: destination() }, Turn::default())
}

fn seen_deposit() -> SeenDeposit {
    let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: NOW };
    SeenDeposit { deposit: deposit(), block, transaction: B256::ZERO, position: 0 }
}

fn seen() -> Input {
    Input::Seen(seen_deposit())
}

/// Guardians dropped it, and someone claimed it with its proof. Nothing of the relayer's was on the way to tell of that.
#[tokio::test]
async fn a_dropped_deposit_that_its_destination_paid_is_in_the_windows_once_that_is_final() {
    let scene = Scene::told([seen(), Input::Broken("odd".into()), Input::Drop("ada: odd".into())]).await;
    assert_eq!(scene.status().await.name(), "rejected");
    for _ in 0..3 {
        scene.sentinel.look_once().await.unwrap();
    }
    assert_eq!(scene.desk.submit_once().await.unwrap(), 1, "one question, however often it is shown");
    assert_eq!((scene.status().await.name(), scene.used().await), ("rejected", U512::ZERO), "one node's word");
    let scene = Scene::told([seen(), Input::Broken("odd".into()), Input::Drop("ada: odd".into())]).await;
    scene.node.is_final.store(true, Ordering::Relaxed);
    scene.sentinel.look_once().await.unwrap();
    scene.desk.submit_once().await.unwrap();
    assert_eq!((scene.status().await.name(), scene.used().await), ("final", U512::from(5)));
    let events = scene.store.events(deposit().id()).await.unwrap();
    assert!(events.iter().any(|event| event.body == Event::PaidAllTheSame));
    let mut folded = RiskState::default();
    for event in scene.store.risk_events(0).await.unwrap() {
        folded.apply(&event.body, event.at);
    }
    assert!(scene.book.read_risk(|risk| *risk == folded).await, "what is stored replays to the same");
    scene.sentinel.look_once().await.unwrap();
    assert_eq!(scene.desk.submit_once().await.unwrap(), 0, "it is known");
}

/// Not dropped, and not cleared either: its payout counts from when it is final, not from its expiry on.
#[tokio::test]
async fn a_deposit_that_was_never_cleared_and_is_paid_counts_at_once() {
    let scene = Scene::told([seen()]).await;
    scene.node.is_final.store(true, Ordering::Relaxed);
    scene.sentinel.look_once().await.unwrap();
    scene.desk.submit_once().await.unwrap();
    assert_eq!((scene.status().await.name(), scene.used().await), ("final", U512::from(5)));
    let source = scene.book.read_risk(|risk| risk.available(&source(), &deposit().asset)).await;
    assert_eq!(source, U512::ZERO, "proven by the destination, and released");
}

/// Of an unknown deposit such a payout is no finding. It waits until the deposit is seen, and is told of that.
#[tokio::test]
async fn a_payout_that_is_seen_before_its_deposit_counts_though_that_is_refused_at_sight() {
    let mut dusty = policy();
    dusty.risk.limits.values_mut().for_each(|limits| limits.dust = U256::from(6));
    for lane in [PayoutLane::Bitcoin, PayoutLane::Delayed] {
        let scene = Scene::over(Memory::new(), dusty.clone()).await;
        scene.node.is_final.store(true, Ordering::Relaxed);
        scene.node.shows([paid(deposit().id(), lane)]);
        scene.sentinel.look_once().await.unwrap();
        assert_eq!(scene.desk.submit_once().await.unwrap(), 0, "nobody has seen the deposit");
        scene.node.shows([]);
        scene.sentinel.look_once().await.unwrap();
        scene.tell(seen()).await;
        assert_eq!(scene.status().await.name(), "rejected");
        scene.sentinel.look_once().await.unwrap();
        assert_eq!(scene.desk.submit_once().await.unwrap(), 1, "{lane:?}");
        assert_eq!((scene.status().await.name(), scene.used().await), ("final", U512::from(5)));
    }
}

/// The destination waits before it pays: what its fast lane promised it owes at once, whatever the ledger held or refused.
#[tokio::test]
async fn a_promise_of_the_fast_lane_that_is_not_ours_is_an_exposure_once_it_is_final() {
    let scene = Scene::told([seen(), Input::AttestationRefused("no".into())]).await;
    scene.node.shows([PaidOut { paid: None, ..paid(deposit().id(), PayoutLane::Fast) }]);
    scene.sentinel.look_once().await.unwrap();
    assert!(scene.is_asked().await, "one node's word: the destination is asked");
    let tx = TxRef { chain: destination(), hash: B256::ZERO, gas_used: None };
    let promised = Input::Progress(confirm_paid(), Progress::Promised { tx, until: NOW + 60 });
    scene.tell(promised).await;
    let deposit = deposit();
    let exposure = |risk: &RiskState| risk.exposure(&deposit.source_chain, &deposit.asset, &deposit.destination_chain);
    assert_eq!(scene.book.read_risk(exposure).await, U512::from(5));
}

/// The destination waits before it pays, and what it took on by a proof it may never pay.
#[tokio::test]
async fn a_payment_that_is_delayed_is_told_once_it_is_executed() {
    let scene = Scene::told([seen()]).await;
    scene.node.shows([PaidOut { paid: None, ..paid(deposit().id(), PayoutLane::Proof) }]);
    scene.sentinel.look_once().await.unwrap();
    assert!(!scene.is_asked().await);
    scene.node.shows([paid(deposit().id(), PayoutLane::Delayed)]);
    scene.sentinel.look_once().await.unwrap();
    assert!(scene.is_asked().await);
}

/// Whoever holds a bridge on some chain makes it say anything of deposits to others.
#[tokio::test]
async fn a_chain_that_a_deposit_does_not_go_to_is_not_believed_that_it_paid_it() {
    let scene = Scene::over(Memory::new(), policy()).await;
    let elsewhere = Deposit { destination_chain: ChainId::eip155(10), ..deposit() };
    let seen = SeenDeposit { deposit: elsewhere.clone(), ..seen_deposit() };
    scene.book.record(Change::one(elsewhere.id(), Input::Seen(seen))).await.unwrap();
    scene.node.shows([paid(elsewhere.id(), PayoutLane::Proof)]);
    scene.sentinel.look_once().await.unwrap();
    let executor = Executor::Destination { chain: elsewhere.destination_chain };
    assert_eq!(scene.store.lease(&executor, NOW, NOW + 1, 10).await.unwrap(), []);
}

/// Another process was started with something else, and tells of the same payments; findings are still to be raised here.
#[tokio::test]
async fn sentinels_of_what_is_agreed_on_no_more_look_on() {
    let scene = Scene::told([seen()]).await;
    scene.book.configure(file()).await.unwrap();
    let another = Book::open(scene.store.clone(), scene.time.clone(), policy(), Arc::new(Silent)).await.unwrap();
    another.configure(Agreement { pause_seconds: file().pause_seconds + 1, ..file() }).await.unwrap();
    scene.sentinel.look_once().await.unwrap();
    assert!(!scene.is_asked().await, "this one decides nothing");
}

/// Payouts from Bitcoin have a lane of their own: that it is not read hides no false proof.
#[tokio::test]
async fn a_false_proof_is_found_while_a_bitcoin_source_is_not_read() {
    let bitcoin = ChainId::parse("bip122:000000000019d6689c085ae165831e93").unwrap();
    let sources = BTreeMap::from([(bitcoin, B256::repeat_byte(2))]);
    let scene = Scene::over(Memory::new(), Policy { sources, ..policy() }).await;
    scene.node.shows([paid(deposit().id(), PayoutLane::Proof)]);
    scene.sentinel.look_once().await.unwrap();
    scene.time.pass(5);
    scene.sentinel.look_once().await.unwrap();
    let of_destination = Scope::Chain { chain: destination() };
    assert!(scene.book.read_risk(|risk| risk.pauses_at(NOW + 5).any(|(scope, _)| *scope == of_destination)).await);
}

/// Nobody registers the terms of some deposits, whose payouts wait for ever.
#[tokio::test]
async fn payouts_that_wait_for_their_deposits_are_bounded_and_the_oldest_is_forgotten() {
    for (others, is_asked) in [(999, true), (1_000, false)] {
        let scene = Scene::over(Memory::new(), policy()).await;
        scene.node.shows([paid(deposit().id(), PayoutLane::Bitcoin)]);
        scene.sentinel.look_once().await.unwrap();
        scene.time.pass(1);
        let id = |n: u64| DepositId(B256::from(U256::from(n)));
        scene.node.shows((0..others).map(|n| paid(id(n), PayoutLane::Bitcoin)));
        scene.sentinel.look_once().await.unwrap();
        scene.node.shows([]);
        scene.tell(seen()).await;
        scene.sentinel.look_once().await.unwrap();
        assert_eq!(scene.is_asked().await, is_asked, "{others} others");
    }
}

/// Its effect would tell of it, were it not given up: what was shown by then is asked for after that.
#[tokio::test]
async fn what_is_shown_while_our_own_payout_is_under_way_is_asked_for_when_that_is_given_up() {
    let store = Memory::new();
    let (commit, pay) = common::cleared();
    store.commit(commit).await.unwrap();
    let scene = Scene::over(store, policy()).await;
    scene.node.is_final.store(true, Ordering::Relaxed);
    scene.node.shows([paid(deposit().id(), PayoutLane::Proof)]);
    scene.sentinel.look_once().await.unwrap();
    scene.node.shows([]);
    assert!(!scene.is_asked().await, "its own effect tells of it");
    let refused = Progress::Refused { reason: "paused".to_owned(), lasting: Lasting::ForEver };
    let change = Change::one(deposit().id(), Input::Progress(pay, refused)).ending(pay, EffectEnd::Done);
    scene.book.record(change).await.unwrap();
    scene.sentinel.look_once().await.unwrap();
    assert_eq!(scene.desk.submit_once().await.unwrap(), 1);
    assert_eq!((scene.status().await.name(), scene.used().await), ("final", U512::from(5)));
}

//! What a destination shows as paid and the ledger does not hold as cleared is asked for there, and counts once it is final.

mod common;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use alloy_primitives::{Address, B256, U512};

use common::{NOW, destination, policy, source};
use futures::future::BoxFuture;
use spandrel_core::ledger::Ledger;
use spandrel_core::submission::{DueEffect, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{Effect, EffectId, Event, Input, Status};
use spandrel_engine::{Alarms, Book, Change, Clock, PayoutDesk, Sentinel, Silent};
use spandrel_risk::{Corridor, Lane, RiskState};
use spandrel_store::Memory;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::{BlockRef, FollowError, SeenDeposit};
use spandrel_verifiers::{ChainId, Deposit};
use spandrel_watchers::sentinel::{DestinationView, Funds, PaidOut, PayoutLane, Registered, SetOf};

#[derive(Clone, Copy)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> u64 {
        NOW
    }

    async fn sleep(&self, _: Duration) {}
}

static DESTINATION: LazyLock<ChainId> = LazyLock::new(destination);

fn deposit() -> Deposit {
    Deposit { recipient: recipient().into_word(), ..common::deposit() }
}

fn recipient() -> Address {
    Address::repeat_byte(0xaa)
}

/// A node that shows the deposit as paid by its proof, over and over; whether that is final its submitter says.
#[derive(Clone, Default)]
struct Node {
    is_final: Arc<AtomicBool>,
}

impl DestinationView for Node {
    fn chain(&self) -> &ChainId {
        &DESTINATION
    }

    fn payouts(&self) -> BoxFuture<'_, Result<Vec<PaidOut>, FollowError>> {
        let paid = Some((recipient(), deposit().amount));
        let payout = PaidOut { id: deposit().id(), lane: PayoutLane::Proof, paid, height: 3 };
        Box::pin(async { Ok(vec![payout]) })
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
    store: Memory,
    book: Arc<Book<Memory, Stopped>>,
    node: Node,
    sentinel: Sentinel<Memory, Stopped>,
    desk: PayoutDesk<Node, Memory, Stopped>,
}

impl Scene {
    /// A ledger that has told `inputs` of the deposit.
    async fn told(inputs: impl IntoIterator<Item = Input>) -> Self {
        let (store, node) = (Memory::new(), Node::default());
        let book = Arc::new(Book::open(store.clone(), Stopped, policy(), Arc::new(Silent)).await.unwrap());
        for input in inputs {
            book.record(Change::one(deposit().id(), input)).await.unwrap();
        }
        let destinations: Vec<Box<dyn DestinationView>> = vec![Box::new(node.clone())];
        let sentinel = Sentinel::new(book.clone(), destinations, BTreeMap::new(), Vec::new(), Alarms::default());
        let desk = PayoutDesk::new(destination(), node.clone(), book.clone(), 10);
        Self { store, book, node, sentinel, desk }
    }

    async fn status(&self) -> Status {
        self.store.transfer(deposit().id()).await.unwrap().unwrap().status
    }

    async fn used(&self) -> U512 {
        let corridor = Corridor::of(&deposit(), Lane::LightClient);
        self.book.read_risk(|risk| risk.window_used(&corridor, NOW)).await
    }
}

fn seen() -> Input {
    let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: NOW };
    Input::Seen(SeenDeposit { deposit: deposit(), block, transaction: B256::ZERO, position: 0 })
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

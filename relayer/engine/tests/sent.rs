//! The payout desk and its submitter: what was sent is followed to its end, and nothing that it tells is lost.

mod common;
mod failing;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use alloy_primitives::B256;
use spandrel_core::ledger::Ledger;
use spandrel_core::submission::{DueEffect, Lasting, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{EffectId, Executor, PayoutStage, Transfer, TxRef};
use spandrel_engine::{Book, PayoutDesk, Silent};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_store::Memory;

use common::{Later, NOW, cleared, deposit, destination, policy};
use failing::Failing;

/// Tells each progress once, when it is followed or what it is about is submitted; whether it has sent anything is said.
#[derive(Clone, Default)]
struct Telling {
    progress: Arc<Mutex<Vec<(EffectId, Progress)>>>,
    has_sent: bool,
}

impl Submitter for Telling {
    async fn submit<G: SendGate>(&self, _: &[DueEffect], _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        Ok(std::mem::take(&mut *self.progress.lock().unwrap()))
    }

    async fn follow<G: SendGate>(&self, _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        Ok(std::mem::take(&mut *self.progress.lock().unwrap()))
    }

    async fn is_sent(&self, _: EffectId) -> Result<bool, SubmitError> {
        Ok(self.has_sent)
    }

    async fn is_paid(&self, _: B256) -> Result<bool, SubmitError> {
        Ok(false)
    }
}

/// A payout that is cleared, and its desk.
struct Scene {
    book: Arc<Book<Failing, Later>>,
    desk: PayoutDesk<Telling, Failing, Later>,
    pay: EffectId,
}

impl Scene {
    async fn new(has_sent: bool) -> Self {
        let (ledger, (commit, pay)) = (Memory::new(), cleared());
        ledger.commit(commit).await.unwrap();
        let ledger = Failing(ledger, Arc::new(AtomicBool::new(false)));
        let book = Book::open(ledger, Later::default(), policy(), Arc::new(Silent)).await.unwrap();
        let (book, telling) = (Arc::new(book), Telling { has_sent, ..Telling::default() });
        let desk = PayoutDesk::new(destination(), telling, book.clone(), 10);
        Self { book, desk, pay }
    }

    fn tells(&self, progress: Progress) {
        self.desk.submitter().progress.lock().unwrap().push((self.pay, progress));
    }

    /// For how long its effect is overdue.
    async fn overdue_at(&self, now: u64) -> Option<u64> {
        let outbox = self.book.ledger().0.summary(now).await.unwrap().outbox;
        outbox.get(&format!("destination:{}", destination())).unwrap().oldest_due_age
    }

    async fn transfer(&self) -> Transfer {
        self.book.ledger().transfer(deposit().id()).await.unwrap().unwrap()
    }
}

fn tx() -> TxRef {
    TxRef { chain: destination(), hash: B256::repeat_byte(9), gas_used: None }
}

/// It would be paid by the other lane beside it.
#[tokio::test]
async fn a_payout_that_was_sent_is_not_given_up_for_a_pause() {
    for has_sent in [false, true] {
        let scene = Scene::new(has_sent).await;
        let fast = Scope::Lane { lane: Lane::Fast, source: None };
        let paused = RiskEvent::Paused { scope: fast, until: NOW + 60, reason: "a drill".to_owned() };
        scene.book.record_risk(paused).await.unwrap();
        scene.desk.submit_once().await.unwrap();
        let is_done = scene.book.ledger().effect(scene.pay).await.unwrap().unwrap().is_done;
        assert_eq!((is_done, scene.transfer().await.issued.is_some()), (!has_sent, has_sent));
    }
}

#[tokio::test]
async fn what_could_not_be_stored_of_its_progress_is_stored_later() {
    let scene = Scene::new(true).await;
    scene.tells(Progress::Included { tx: tx() });
    scene.book.ledger().1.store(true, Ordering::Relaxed);
    scene.desk.follow_once().await.unwrap_err();
    scene.book.ledger().1.store(false, Ordering::Relaxed);
    assert_eq!(scene.desk.follow_once().await.unwrap(), 1, "it is told once");
    assert_eq!(scene.transfer().await.payout.unwrap().stage, PayoutStage::Executed);
}

/// It stood in a block that was replaced, and can stand in none any more.
#[tokio::test]
async fn a_payout_that_is_refused_after_it_stood_in_a_block_is_given_back() {
    let scene = Scene::new(true).await;
    scene.tells(Progress::Included { tx: tx() });
    scene.desk.follow_once().await.unwrap();
    scene.tells(Progress::Refused { reason: "expired".to_owned(), lasting: Lasting::ForEver });
    scene.desk.follow_once().await.unwrap();
    let transfer = scene.transfer().await;
    assert_eq!((transfer.payout, transfer.issued), (None, None));
}

#[tokio::test]
async fn a_node_that_says_not_yet_is_asked_again_within_an_hour() {
    let scene = Scene::new(true).await;
    scene.tells(Progress::NotYet { until: u64::MAX });
    scene.desk.submit_once().await.unwrap();
    let lease = async |now| {
        let executor = Executor::Destination { chain: destination() };
        scene.book.ledger().lease(&executor, now, now + 1, 10).await.unwrap().len()
    };
    assert_eq!((lease(NOW + 3_599).await, lease(NOW + 3_600).await), (0, 1));
}

/// An operator is called for what does not work, and neither for what waits as it should nor for what is under way.
#[tokio::test]
async fn what_does_not_work_is_overdue_at_once_and_what_waits_or_is_under_way_is_not() {
    let refused = Progress::Refused { reason: "no room".to_owned(), lasting: Lasting::ForNow };
    let cases = [
        (Some(refused), Some(1)),
        (None, Some(1)),
        (Some(Progress::NotYet { until: NOW + 3_600 }), None),
        (Some(Progress::Broadcast { tx: tx() }), None),
    ];
    for (told, overdue) in cases {
        let scene = Scene::new(true).await;
        told.iter().for_each(|progress| scene.tells(progress.clone()));
        scene.desk.submit_once().await.unwrap();
        assert_eq!(scene.overdue_at(NOW + 1).await, overdue, "{told:?}");
    }
    let scene = Scene::new(true).await;
    let paused = RiskEvent::Paused { scope: Scope::Global, until: NOW + 60, reason: "a drill".to_owned() };
    scene.book.record_risk(paused).await.unwrap();
    scene.desk.submit_once().await.unwrap();
    assert_eq!(scene.overdue_at(NOW + 1).await, None, "it is paused");
}

//! Pauses on their way to a chain: before everything else, by themselves, and only while they stand.

mod common;
mod poisoned;

use std::sync::Arc;

use alloy_primitives::B256;
use spandrel_core::ledger::{Commit, Ledger, NewEffect};
use spandrel_core::submission::SendGate;
use spandrel_core::{Effect, EffectId, Executor};
use spandrel_engine::{Book, PayoutDesk, Silent};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_store::Memory;
use spandrel_verifiers::DepositId;

use common::{Later, NOW, cleared, destination, policy};
use poisoned::Poisoned;

/// Stops nothing of what is cleared here.
fn scope() -> Scope {
    Scope::Lane { lane: Lane::LightClient, source: None }
}

struct Scene {
    time: Later,
    book: Arc<Book<Memory, Later>>,
    desk: PayoutDesk<Poisoned, Memory, Later>,
    pay: EffectId,
    pause: EffectId,
}

impl Scene {
    /// A payout that is cleared, and a pause, both due.
    async fn new() -> Self {
        let (commit, pay) = cleared();
        let ledger = Memory::new();
        ledger.commit(commit).await.unwrap();
        let time = Later::default();
        let book = Arc::new(Book::open(ledger, time.clone(), policy(), Arc::new(Silent)).await.unwrap());
        let executor = Executor::Destination { chain: destination() };
        let cause = DepositId(B256::repeat_byte(0xca));
        let effect = Effect::Pause { scope: scope(), ttl: 60, stated: None };
        let pause = EffectId::derive(cause, effect.step(), &executor, B256::ZERO);
        let paused = RiskEvent::Paused { scope: scope(), until: NOW + 60, reason: "a drill".to_owned() };
        let effects = vec![NewEffect { id: pause, deposit: cause, executor, effect, run_at: 0 }];
        let commit = Commit { now: NOW, risk: vec![paused], effects, expected_risk_sequence: 1, ..Commit::default() };
        book.ledger().commit(commit).await.unwrap();
        let desk = PayoutDesk::new(destination(), Poisoned::default(), book.clone(), 10);
        Self { time, book, desk, pay, pause }
    }

    /// Another process over the same ledger.
    async fn another(&self) -> Book<Memory, Later> {
        Book::open(self.book.ledger().clone(), self.time.clone(), policy(), Arc::new(Silent)).await.unwrap()
    }

    async fn is_done(&self, effect: EffectId) -> bool {
        self.book.ledger().effect(effect).await.unwrap().unwrap().is_done
    }

    fn sent(&self) -> Vec<EffectId> {
        self.desk.submitter().carried_out()
    }
}

#[tokio::test]
async fn a_payout_that_fails_its_batch_keeps_no_pause_from_the_chain() {
    let scene = Scene::new().await;
    assert_eq!(scene.desk.submit_once().await.unwrap(), 2);
    assert!(scene.is_done(scene.pause).await && !scene.is_done(scene.pay).await);
    assert_eq!(scene.sent(), [scene.pause]);
}

#[tokio::test]
async fn a_pause_that_was_lifted_or_ran_out_before_it_came_to_its_chain_is_not_brought_there() {
    for lifted_by in ["this process", "another process", "time"] {
        let scene = Scene::new().await;
        assert!(scene.book.is_open(&[scene.pause]).await.unwrap());
        let resumed = RiskEvent::Resumed { scope: scope() };
        match lifted_by {
            "this process" => scene.book.record_risk(resumed).await.unwrap(),
            "another process" => scene.another().await.record_risk(resumed).await.unwrap(),
            _ => scene.time.pass(60),
        }
        assert!(!scene.book.is_open(&[scene.pause]).await.unwrap(), "what was sent is called back: {lifted_by}");
        scene.desk.submit_once().await.unwrap();
        assert!(scene.is_done(scene.pause).await);
        assert!(scene.sent().is_empty());
    }
}

//! From command to nothing being broadcast, while much is being broadcast.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alloy::primitives::{B256, keccak256};
use reqwest::StatusCode;
use serde_json::json;
use spandrel_core::submission::{DueEffect, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{EffectId, TxRef};
use spandrel_engine::{PayoutDesk, run_control, run_ticks};
use tokio_util::sync::CancellationToken;

use crate::world::{World, destination, pause, resume};

/// How many transfers wait to be paid.
const TRANSFERS: u64 = 1_500;
const BATCH: u32 = 16;

/// A destination that takes two milliseconds for a transaction, and remembers when each left. Like the real one it asks
/// the gate once for a batch, right before it sends.
#[derive(Clone, Default)]
struct Slow {
    payouts: Arc<Mutex<Vec<Instant>>>,
    pauses: Arc<Mutex<Vec<Instant>>>,
}

impl Slow {
    fn sent(&self) -> usize {
        self.payouts.lock().unwrap().len()
    }

    fn last(&self) -> Instant {
        *self.payouts.lock().unwrap().last().unwrap()
    }
}

impl Submitter for Slow {
    async fn submit<G: SendGate>(&self, due: &[DueEffect], gate: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        let ids: Vec<EffectId> = due.iter().map(|due| due.id).collect();
        if !gate.is_open(&ids).await? {
            return Ok(Vec::new());
        }
        let mut progress = Vec::new();
        for DueEffect { id, effect } in due.iter().cloned() {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let sent = if effect.lane().is_some() { &self.payouts } else { &self.pauses };
            sent.lock().unwrap().push(Instant::now());
            let tx = TxRef { chain: destination(), hash: keccak256(id.0), gas_used: None };
            progress.push((id, Progress::Broadcast { tx }));
        }
        Ok(progress)
    }

    async fn follow<G: SendGate>(&self, _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        Ok(Vec::new())
    }

    async fn is_sent(&self, _: EffectId) -> Result<bool, SubmitError> {
        Ok(false)
    }

    async fn is_paid(&self, _: B256) -> Result<bool, SubmitError> {
        Ok(false)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_broadcast_a_second_after_one_guardians_command_and_one_cannot_resume() {
    let world = World::new().await;
    for n in 0..TRANSFERS {
        world.transfer(n, false).await;
    }
    let (slow, stop) = (Slow::default(), CancellationToken::new());
    let book = world.book.clone();
    // What was put into the ledger behind the book's back is learned of by its next commit.
    let desk = PayoutDesk::new(destination(), slow.clone(), book.clone(), BATCH);
    let paying = tokio::spawn({
        let (book, stop) = (book.clone(), stop.clone());
        async move { desk.run(book, stop).await }
    });
    let ticking = tokio::spawn(run_ticks(book.clone(), stop.clone()));
    let controlling = tokio::spawn(run_control(book.clone(), || async { None }, stop.clone()));
    while slow.sent() < 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let commanded = Instant::now();
    let (status, taken) = world.say(0, pause(3_600)).await;
    let answered = commanded.elapsed();
    assert_eq!(status, StatusCode::OK, "{taken}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (sent, effect) = (slow.sent(), slow.last().saturating_duration_since(commanded));
    println!("{sent} of {TRANSFERS} sent; answered in {answered:?}, the last broadcast {effect:?} after the command");
    assert!(effect < Duration::from_secs(1), "the last broadcast came {effect:?} after the command");
    let on_chain: Vec<Duration> =
        slow.pauses.lock().unwrap().iter().map(|at| at.saturating_duration_since(commanded)).collect();
    assert_eq!(on_chain.len(), 1, "the same pause goes to the chain, once");
    assert!(on_chain[0] < Duration::from_secs(2), "before all that waits: {on_chain:?}");
    assert!(sent < TRANSFERS as usize, "nothing was left to be stopped");

    let (_, proposed) = world.say(0, resume()).await;
    let (status, refused) = world.approve(0, &proposed["statement"]).await;
    assert_eq!((status, &refused["code"]), (StatusCode::CONFLICT, &json!("SELF_APPROVAL")));
    world.clock.pass(1_000);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(slow.sent(), sent, "one guardian alone set it going again");

    stop.cancel();
    paying.await.unwrap().unwrap();
    ticking.await.unwrap().unwrap();
    controlling.await.unwrap().unwrap();
}

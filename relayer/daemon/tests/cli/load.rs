//! From a guardian's command to nothing being broadcast, with the real command, while much is being broadcast.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alloy_primitives::{B256, keccak256};
use spandrel::clock::unix_now;
use spandrel_core::ledger::{Commit, Ledger, NewEffect, TransferChange};
use spandrel_core::submission::{DueEffect, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{BatchTerms, Effect, EffectId, Event, Executor, FastAttestation, Transfer, Turn, TxRef};
use spandrel_engine::{PayoutDesk, run_ticks};
use spandrel_risk::{Lane, RiskEvent};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use tokio_util::sync::CancellationToken;

use crate::control::{Served, as_guardian, guarded};
use crate::run::{deposit, silent_book, told};

/// How many transfers wait to be paid.
const TRANSFERS: u64 = 1_500;
const BATCH: u32 = 16;

/// A destination that takes two milliseconds for a transaction, and remembers when each payout left. Like the real one it
/// asks the gate once for a batch, right before it sends.
#[derive(Clone)]
struct Slow {
    chain: ChainId,
    payouts: Arc<Mutex<Vec<Instant>>>,
}

impl Slow {
    fn sent(&self) -> usize {
        self.payouts.lock().unwrap().len()
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
            if effect.lane().is_some() {
                self.payouts.lock().unwrap().push(Instant::now());
            }
            let tx = TxRef { chain: self.chain.clone(), hash: keccak256(id.0), gas_used: None };
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

/// Stores deposit `n`, cleared for a fast payout that is due.
async fn due(served: &Served, n: u64) {
    let (store, now) = (served.book.ledger(), unix_now());
    let deposit = deposit(&served.config, n);
    let (id, chain) = (deposit.id(), deposit.destination_chain.clone());
    let batch = BatchTerms { root: id.0, count: 1, epoch: 1, expiry: deposit.expiry };
    let attestation = FastAttestation { batch, signatures: Vec::new(), index: 0, path: Vec::new() };
    let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: now };
    let seen = SeenDeposit { deposit: deposit.clone(), block, transaction: B256::ZERO, position: 0 };
    let events = vec![
        Event::Observed { seen },
        Event::Attested { attestation: attestation.clone() },
        Event::Cleared { lane: Lane::Fast },
    ];
    let fold = |transfer, event| Some(Transfer::fold(transfer, id, event, now).unwrap());
    let after = events.iter().fold(None, fold).unwrap();
    let executor = Executor::Destination { chain };
    let effect = Effect::PayFast { deposit: deposit.clone(), attestation };
    let effect_id = effect.id(id, &executor, Turn::default());
    let cleared = RiskEvent::cleared(id, &deposit, Lane::Fast);
    let commit = Commit {
        now,
        expected_risk_sequence: n,
        risk: vec![cleared],
        effects: vec![NewEffect { id: effect_id, deposit: id, executor, effect, run_at: now }],
        transfers: vec![TransferChange { expected_sequence: 0, events, after }],
        ..Commit::default()
    };
    store.commit(commit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_after_the_pause_command_returned_nothing_is_broadcast() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let chain = config.destination[0].chain.clone();
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    for n in 0..TRANSFERS {
        due(&served, n).await;
    }
    let (slow, stop) = (Slow { chain: chain.clone(), payouts: Arc::default() }, CancellationToken::new());
    let desk = PayoutDesk::new(chain, slow.clone(), served.book.clone(), BATCH);
    let (book, stopped) = (served.book.clone(), stop.clone());
    let paying = tokio::spawn(async move { desk.run(book, stopped).await });
    let ticking = tokio::spawn(run_ticks(served.book.clone(), stop.clone()));
    while slow.sent() < 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let here = folder.path().to_owned();
    let started = Instant::now();
    let command = tokio::task::spawn_blocking(move || as_guardian(&here, "ada", &["pause", "--global", "--for", "1h"]));
    let output = command.await.unwrap();
    let returned = Instant::now();
    assert!(output.status.success(), "{}", told(&output));
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sent = slow.sent();
    let last = *slow.payouts.lock().unwrap().last().unwrap();
    println!(
        "{sent} of {TRANSFERS} sent; the command took {:?}, the last broadcast came {:?} after its start",
        returned - started,
        last.saturating_duration_since(started)
    );
    let after = last.saturating_duration_since(returned);
    assert!(after < Duration::from_secs(1), "the last broadcast came {after:?} after the command returned");
    assert!(sent < TRANSFERS as usize, "nothing was left to be stopped");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(slow.sent(), sent, "it went on");

    stop.cancel();
    paying.await.unwrap().unwrap();
    ticking.await.unwrap().unwrap();
    served.end().await;
}

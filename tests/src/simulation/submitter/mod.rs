//! Carries effects out on the destination, with the journal in the ledger: intent and nonce, then the signed form, then
//! the broadcast, and a crash may come between any two. The order of writes and answers is that of the EVM destination
//! in `spandrel-submit`; an end is journaled by the call after the one that answered it.

mod calls;
mod follow;
mod send;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy::primitives::{Address, B256};
use spandrel_core::EffectId;
use spandrel_core::journal::{Journal, TxState};
use spandrel_core::ledger::StoreError;
use spandrel_core::submission::{DueEffect, Progress, SendGate, SubmitError, Submitter};
use spandrel_engine::Clock;
use spandrel_store::Memory;
use spandrel_verifiers::DepositId;

use super::clock::SimClock;
use super::keys;
use super::universe::Shared;
pub use calls::{NOTHING, input_of};

type Answers = Vec<(EffectId, Progress)>;

/// Seconds for which an effect is left alone whose own transaction reverted.
const REVERTED_SECONDS: u64 = 30;

/// The relayer's account.
pub const ACCOUNT: Address = Address::repeat_byte(0x5e);

/// The submitter of the one destination.
#[derive(Debug)]
pub struct SimSubmitter {
    journal: Memory,
    universe: Shared,
    clock: SimClock,
    memory: Mutex<Said>,
}

/// What was said; lost in a crash.
#[derive(Debug, Default)]
struct Said {
    last: BTreeMap<EffectId, Progress>,
    ended: Vec<(i64, TxState, Vec<EffectId>)>,
}

impl Said {
    fn news(&mut self, effect: EffectId, progress: Progress) -> Option<(EffectId, Progress)> {
        let is_news = self.last.get(&effect) != Some(&progress);
        self.last.insert(effect, progress.clone());
        is_news.then_some((effect, progress))
    }
}

enum Journaled {
    Sendable { failed: Option<(u64, usize)> },
    Open,
    Succeeded(B256),
}

impl SimSubmitter {
    /// A submitter that knows only what is in the journal.
    pub fn new(journal: Memory, universe: Shared, clock: SimClock) -> Self {
        Self { journal, universe, clock, memory: Mutex::default() }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self, percent: u64) -> Result<(), SubmitError> {
        if self.universe.lock().fault(percent) {
            return Err(SubmitError::Transient { endpoint: "destination".to_owned(), reason: "injected".to_owned() });
        }
        Ok(())
    }

    async fn journaled(&self, effect: EffectId) -> Result<Journaled, SubmitError> {
        let tx = self.journal.tx_of(effect).await.map_err(journal_error)?;
        let Some(tx) = tx else { return Ok(Journaled::Sendable { failed: None }) };
        Ok(match tx.state {
            TxState::Final { success: false, .. } => {
                let at = tx.attempts.last().map_or(0, |attempt| attempt.at);
                Journaled::Sendable { failed: Some((at, tx.tx.effects.len())) }
            }
            TxState::Pending | TxState::Included { .. } => Journaled::Open,
            TxState::Final { success: true, hash } => Journaled::Succeeded(hash),
        })
    }
}

impl Submitter for SimSubmitter {
    async fn submit<G: SendGate>(&self, due: &[DueEffect], gate: &G) -> Result<Answers, SubmitError> {
        let (mut answers, mut candidates) = (Answers::new(), Vec::new());
        for due in due {
            match self.journaled(due.id).await? {
                Journaled::Open => answers.extend(self.said().last.get(&due.id).map(|said| (due.id, said.clone()))),
                Journaled::Succeeded(hash) => candidates.push((due.clone(), Some(hash), false)),
                Journaled::Sendable { failed: Some((at, 1)) } if self.clock.now() < at + REVERTED_SECONDS => {}
                Journaled::Sendable { failed } => candidates.push((due.clone(), None, failed.is_some())),
            }
        }
        self.node(10)?;
        let left = self.without_done(candidates, &mut answers);
        for group in self.vet(left, &mut answers) {
            let effects: Vec<EffectId> = group.iter().map(|due| due.id).collect();
            if self.universe.lock().is_unheeding() || gate.is_open(&effects).await? {
                self.send(group, &mut answers).await?;
            }
        }
        Ok(answers)
    }

    async fn follow<G: SendGate>(&self, gate: &G) -> Result<Answers, SubmitError> {
        self.close_ended().await?;
        let open = self.journal.open_txs(&keys::destination(), ACCOUNT).await.map_err(journal_error)?;
        let (mut answers, mut failure) = (Answers::new(), None);
        for tx in open {
            match self.node(5) {
                Ok(()) => match self.follow_one(tx, gate).await {
                    Ok(news) => answers.extend(news),
                    Err(error) => failure = Some(error),
                },
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if answers.is_empty() => Err(error),
            _ => Ok(answers),
        }
    }

    async fn is_sent(&self, effect: EffectId) -> Result<bool, SubmitError> {
        Ok(!matches!(self.journaled(effect).await?, Journaled::Sendable { .. }))
    }

    async fn is_paid(&self, deposit: B256) -> Result<bool, SubmitError> {
        Ok(self.universe.lock().destination.latest().payment(DepositId(deposit)).is_some())
    }
}

fn journal_error(error: StoreError) -> SubmitError {
    SubmitError::Journal(error.to_string())
}

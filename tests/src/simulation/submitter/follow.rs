//! Every open transaction to its end: included, replaced, called back, gone in a reorg.

use alloy::primitives::{B256, U256};
use spandrel_core::journal::{Journal, JournaledTx, TxState};
use spandrel_core::submission::{Progress, SendGate, SubmitError};
use spandrel_engine::Clock;

use super::calls::{NOTHING, broadcast, done_elsewhere, finalized, input_of, is_done, not_now, tx_ref};
use super::{Answers, SimSubmitter, journal_error};
use crate::simulation::destination::Receipt;

const STUCK_AFTER: u64 = 40;

impl SimSubmitter {
    pub(super) async fn close_ended(&self) -> Result<(), SubmitError> {
        loop {
            let Some((number, state, effects)) = self.said().ended.first().cloned() else { return Ok(()) };
            self.journal.set_state(number, state).await.map_err(journal_error)?;
            let mut said = self.said();
            said.ended.remove(0);
            for effect in effects {
                said.last.remove(&effect);
            }
        }
    }

    pub(super) async fn follow_one<G: SendGate>(&self, mut tx: JournaledTx, gate: &G) -> Result<Answers, SubmitError> {
        let receipt = {
            let universe = self.universe.lock();
            tx.attempts.iter().rev().find_map(|attempt| universe.destination.receipt(attempt.hash))
        };
        match (&tx.state, receipt) {
            (TxState::Final { .. }, _) => Ok(Answers::new()),
            (_, Some(receipt)) => self.included(&tx, receipt).await,
            (TxState::Pending, None) if tx.attempts.is_empty() => {
                let is_open = gate.is_open(&tx.tx.effects).await?;
                let input = if is_open { B256::from_slice(&tx.tx.input) } else { NOTHING };
                let is_known = self.attempt(&mut tx, input).await?;
                Ok(self.delivered(&tx, is_known))
            }
            (TxState::Pending, None) if !self.is_wanted(&tx, gate).await? => {
                let is_known = self.attempt(&mut tx, NOTHING).await?;
                Ok(self.delivered(&tx, is_known))
            }
            (TxState::Pending, None) => {
                let age = tx.attempts.last().map_or(0, |last| self.clock.now() - last.at);
                let is_known = match input_of(&tx) {
                    Some(input) if age >= STUCK_AFTER => self.attempt(&mut tx, input).await?,
                    _ => self.deliver(&tx),
                };
                Ok(self.delivered(&tx, is_known))
            }
            (TxState::Included { height, block, .. }, None) => {
                let (height, block) = (*height, *block);
                let is_replaced =
                    self.universe.lock().destination.block_hash(height).is_some_and(|found| found != block);
                if is_replaced { self.reorged(tx, gate).await } else { Ok(Answers::new()) }
            }
        }
    }

    pub(super) async fn included(&self, tx: &JournaledTx, receipt: Receipt) -> Result<Answers, SubmitError> {
        let Receipt { hash, height, block, success, done } = receipt;
        let state = TxState::Included { hash, height, block, success, gas_used: 100, fee: U256::from(1000) };
        if tx.state != state {
            self.journal.set_state(tx.number, state).await.map_err(journal_error)?;
        }
        let universe = self.universe.lock();
        let mut said = self.said();
        if !universe.destination.is_final(height) {
            let included = Progress::Included { tx: tx_ref(hash) };
            let effects = tx.tx.effects.iter().zip(done).filter(|(_, is_done)| *is_done);
            return Ok(effects.filter_map(|(effect, _)| said.news(*effect, included.clone())).collect());
        }
        let chain = &universe.destination;
        let calls = chain.decode(B256::from_slice(&tx.tx.input));
        let mut answers = Answers::new();
        let are_done = done.iter().copied().chain(std::iter::repeat(false));
        for ((effect, call), is_ours) in tx.tx.effects.iter().zip(calls).zip(are_done) {
            let progress = match done_elsewhere(chain.finalized(), call) {
                _ if is_ours => finalized(hash),
                Some(progress) => progress,
                None if is_done(chain.latest(), call) || (!success && tx.tx.effects.len() > 1) => Progress::Reverted,
                None => not_now("the transaction did not carry it out"),
            };
            answers.extend(said.news(*effect, progress));
        }
        let success = success && done.len() == tx.tx.effects.len() && done.iter().all(|is_done| *is_done);
        said.ended.push((tx.number, TxState::Final { hash, success }, tx.tx.effects.clone()));
        Ok(answers)
    }

    /// Whether its newest form may leave the house again.
    pub(super) async fn is_wanted<G: SendGate>(&self, tx: &JournaledTx, gate: &G) -> Result<bool, SubmitError> {
        let asks = input_of(tx) != Some(NOTHING) && !self.universe.lock().is_unheeding();
        Ok(!asks || gate.is_open(&tx.tx.effects).await?)
    }

    pub(super) async fn reorged<G: SendGate>(&self, mut tx: JournaledTx, gate: &G) -> Result<Answers, SubmitError> {
        let was_done = matches!(tx.state, TxState::Included { success: true, .. });
        self.journal.set_state(tx.number, TxState::Pending).await.map_err(journal_error)?;
        tx.state = TxState::Pending;
        let mut answers = Answers::new();
        if was_done {
            let mut said = self.said();
            answers.extend(tx.tx.effects.iter().filter_map(|effect| said.news(*effect, Progress::Reorged)));
        }
        if self.is_wanted(&tx, gate).await? {
            let is_known = self.deliver(&tx);
            answers.extend(self.delivered(&tx, is_known));
        }
        Ok(answers)
    }

    pub(super) fn delivered(&self, tx: &JournaledTx, is_known: bool) -> Answers {
        let Some(progress) = broadcast(tx).filter(|_| is_known) else { return Answers::new() };
        let mut said = self.said();
        tx.tx.effects.iter().filter_map(|effect| said.news(*effect, progress.clone())).collect()
    }
}

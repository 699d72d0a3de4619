//! From a due effect to a broadcast: what is done already, what fails in a simulation, and the rest in batches.

use alloy::primitives::{B256, keccak256};
use spandrel_core::journal::{Attempt, Journal, JournaledTx, NewTx};
use spandrel_core::ledger::StoreError;
use spandrel_core::submission::{DueEffect, Lasting, Progress, SubmitError};
use spandrel_core::{Effect, EffectId};
use spandrel_engine::Clock;
use spandrel_risk::Lane;

use super::calls::{NOTHING, broadcast, calldata, done_elsewhere, finalized, input_of, is_done, not_now};
use super::{ACCOUNT, Answers, SimSubmitter, journal_error};
use crate::simulation::destination::SentTx;
use crate::simulation::keys;

const BATCH: usize = 4;

impl SimSubmitter {
    /// What the chain knows of candidates: done ones are answered, or left out until that is final; the others are left.
    pub(super) fn without_done(
        &self,
        candidates: Vec<(DueEffect, Option<B256>, bool)>,
        answers: &mut Answers,
    ) -> Vec<(DueEffect, bool)> {
        let universe = self.universe.lock();
        let chain = &universe.destination;
        let mut left = Vec::new();
        for (due, succeeded, is_alone) in candidates {
            let elsewhere = done_elsewhere(chain.finalized(), &due.effect);
            let progress = match (succeeded, &due.effect) {
                (Some(hash), Effect::Pause { .. } | Effect::CloseOverdue { .. }) => finalized(hash),
                (Some(hash), effect) if is_done(chain.latest(), effect) => finalized(hash),
                (Some(_), _) => not_now("a final transaction is gone from the chain"),
                (None, effect) if is_done(chain.latest(), effect) => match elsewhere {
                    Some(progress) => progress,
                    None => continue,
                },
                (None, Effect::CloseOverdue { deposit }) => match chain.latest().payment(deposit.id()) {
                    Some(payment) if payment.is_proven => continue,
                    Some(payment) if self.clock.now() <= payment.deadline => {
                        Progress::NotYet { until: payment.deadline }
                    }
                    _ => {
                        left.push((due, is_alone));
                        continue;
                    }
                },
                (None, Effect::ConfirmUnpaid { deposit } | Effect::ConfirmPaid { deposit })
                    if chain.final_time() > deposit.expiry =>
                {
                    Progress::Refused { reason: "expired unpaid".to_owned(), lasting: Lasting::ForEver }
                }
                (None, Effect::ConfirmUnpaid { .. } | Effect::ConfirmPaid { .. }) => continue,
                (None, _) => {
                    left.push((due, is_alone));
                    continue;
                }
            };
            answers.push((due.id, progress));
        }
        left
    }

    /// Groups by lane, settlements, pauses and what reverted alone; drops what fails in a simulation.
    pub(super) fn vet(&self, candidates: Vec<(DueEffect, bool)>, answers: &mut Answers) -> Vec<Vec<DueEffect>> {
        let universe = self.universe.lock();
        let (alone, together): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|(_, is_alone)| *is_alone);
        let mut groups: Vec<Vec<DueEffect>> = Vec::new();
        for (due, _) in together {
            let fits = |group: &Vec<DueEffect>| {
                let lane: Option<Lane> = due.effect.lane();
                lane.is_some() && group.len() < BATCH && group[0].effect.lane() == lane
            };
            match groups.iter_mut().find(|group| fits(group)) {
                Some(group) => group.push(due),
                None => groups.push(vec![due]),
            }
        }
        groups.extend(alone.into_iter().map(|(due, _)| vec![due]));
        for group in &mut groups {
            let effects: Vec<Effect> = group.iter().map(|due| due.effect.clone()).collect();
            let results = universe.destination.simulate(&effects, self.clock.now(), &universe.sources);
            let mut results = results.into_iter();
            group.retain(|due| match results.next() {
                Some(Err(revert)) => {
                    let reason = revert.reason.to_owned();
                    answers.push((due.id, Progress::Refused { reason, lasting: revert.lasting }));
                    false
                }
                _ => true,
            });
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    pub(super) async fn send(&self, group: Vec<DueEffect>, answers: &mut Answers) -> Result<(), SubmitError> {
        let effects: Vec<EffectId> = group.iter().map(|due| due.id).collect();
        let (input, chain_nonce) = {
            let mut universe = self.universe.lock();
            let input = calldata(&group);
            universe.destination.encode(input, group.into_iter().map(|due| due.effect).collect());
            (input, universe.destination.latest().nonce)
        };
        let new = NewTx {
            chain: keys::destination(),
            signer: ACCOUNT,
            effects: effects.clone(),
            to: keys::domain().inbox,
            input: input.to_vec().into(),
            gas_limit: 1_000_000,
            chain_nonce,
        };
        let mut tx = match self.journal.open_tx(new, self.clock.now()).await {
            Ok(tx) => tx,
            Err(StoreError::Conflict { .. }) => return Ok(()),
            Err(error) => return Err(journal_error(error)),
        };
        self.node(3)?;
        if self.attempt(&mut tx, input).await?
            && let Some(progress) = broadcast(&tx)
        {
            answers.extend(effects.into_iter().filter_map(|effect| self.said().news(effect, progress.clone())));
        }
        Ok(())
    }

    /// Signs with a higher fee than before, journals, broadcasts. Answers whether the node has it.
    pub(super) async fn attempt(&self, tx: &mut JournaledTx, input: B256) -> Result<bool, SubmitError> {
        let fee = tx.attempts.last().map_or(10, |last| last.max_fee_per_gas + 2);
        let seed = [input.as_slice(), &tx.nonce.to_be_bytes(), &fee.to_be_bytes()].concat();
        let hash = keccak256(&seed);
        let attempt =
            Attempt { hash, raw: seed.into(), max_fee_per_gas: fee, max_priority_fee_per_gas: 1, at: self.clock.now() };
        self.journal.add_attempt(tx.number, attempt.clone()).await.map_err(journal_error)?;
        tx.attempts.push(attempt);
        self.node(3)?;
        Ok(self.deliver(tx))
    }

    /// Broadcasts the newest attempt: it may be lost on the way, and an error says nothing.
    pub(super) fn deliver(&self, tx: &JournaledTx) -> bool {
        let (Some(attempt), Some(input)) = (tx.attempts.last(), input_of(tx)) else { return false };
        let mut universe = self.universe.lock();
        if universe.fault(10) {
            return false;
        }
        if input != NOTHING {
            universe.broadcast.push(tx.tx.effects.clone());
        }
        let is_taken = universe.destination.send(SentTx { hash: attempt.hash, nonce: Some(tx.nonce), input });
        let is_silent = universe.fault(10);
        let is_known = is_taken || tx.attempts.iter().any(|attempt| universe.destination.knows(attempt.hash));
        is_known && !is_silent
    }
}

//! Submitting: what the journal and the chain know already is answered, the rest is grouped, vetted and sent.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use spandrel_core::EffectId;
use spandrel_core::journal::{Journal, JournaledTx, TxState};
use spandrel_core::submission::{DueEffect, Progress, SendGate, SubmitError};
use spandrel_signer::DigestSigner;
use spandrel_verifiers::UnixSeconds;

use super::EvmDestination;
use super::build::{self, Action, Call, Work};
use super::closing::Closing;
use super::memory::Memory;
use super::refusal::Refusal;
use super::rpc::{Head, Rpc};
use super::send::{Content, Delivery, journal_error};
use super::simulate::Ready;
use super::standing::{Facts, Standing};
use super::stated::Taken;

type Answers = Vec<(EffectId, Progress)>;

/// Seconds for which an effect is left alone whose own transaction reverted although its simulation passed: somebody
/// may be spending our gas on purpose.
pub(super) const REVERTED_SECONDS: u64 = 600;

/// How many transactions of its own a claim, or the execution of one that waits, may fail, each although its simulation passed. After that nothing is sent for
/// it any more: it is looked at as before, so that it is known when someone else has it paid, until it expires.
pub(super) const MOST_FAILURES: usize = 3;

/// What the journal says of a due effect.
pub(super) enum Journaled {
    /// Never sent, or sent and finally failed.
    Sendable {
        /// When its last transaction was signed, and with how many effects, if that was mined and failed.
        failed: Option<(UnixSeconds, usize)>,
    },
    /// In an open transaction.
    Open,
    /// In a transaction that is final and succeeded.
    Succeeded(B256),
}

/// What one submission sees of the world.
pub(super) struct Round {
    head: Head,
    /// The earliest time of the next block.
    pub time: UnixSeconds,
    pub open: Vec<JournaledTx>,
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    pub(super) async fn submit_due<G: SendGate>(
        &self,
        due: &[DueEffect],
        gate: &G,
        memory: &mut Memory,
    ) -> Result<Answers, SubmitError> {
        let (mut answers, mut candidates) = (Answers::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for due in due.iter().filter(|due| seen.insert(due.id)) {
            let journaled = match self.journaled(due.id).await? {
                Journaled::Sendable { failed: None } => Journaled::Sendable { failed: memory.refused(due.id) },
                journaled => journaled,
            };
            let work = build::work(due, &self.config.chain, &self.config.contracts, (self.clock)());
            match (journaled, work) {
                (Journaled::Open, _) => answers.extend(memory.last(due.id).map(|said| (due.id, said.clone()))),
                (_, Err(refusal)) => answers.push((due.id, refusal.into())),
                (Journaled::Succeeded(hash), Ok(work)) => candidates.push((work, Some(hash))),
                (Journaled::Sendable { failed: Some((at, 1)) }, _) if (self.clock)() < at + REVERTED_SECONDS => {}
                (Journaled::Sendable { failed }, Ok(work)) => {
                    let is_spent = failed.is_some() && self.is_spent(&work).await?;
                    candidates.push((Work { is_alone: failed.is_some(), is_spent, ..work }, None));
                }
            }
        }
        if candidates.is_empty() {
            return Ok(answers);
        }
        let mut round = self.round().await?;
        let works = self.without_done(candidates, gate, &mut round, &mut answers).await?;
        for group in build::group(works, self.config.batch.items) {
            let (ready, refused) = self.vet(group, round.time).await?;
            answers.extend(refused.into_iter().map(|(effect, refusal)| (effect, refusal.into())));
            for ready in ready {
                if ready.is_spent {
                    tracing::warn!(effects = ?ready.effects, "nothing more is sent for a claim that keeps failing on-chain");
                    let reason = format!("{MOST_FAILURES} transactions failed that passed their simulations");
                    answers.extend(ready.effects.iter().map(|id| (*id, Refusal::for_now(reason.clone()).into())));
                    continue;
                }
                self.send_ready(ready, gate, &mut round, memory, &mut answers).await?;
            }
        }
        Ok(answers)
    }

    pub(super) async fn journaled(&self, effect: EffectId) -> Result<Journaled, SubmitError> {
        let tx = self.journal.tx_of(effect).await.map_err(journal_error)?;
        let Some(tx) = tx else { return Ok(Journaled::Sendable { failed: None }) };
        Ok(match tx.state {
            TxState::Final { success: false, hash } if hash.is_zero() || self.content_of(&tx) == Content::Nothing => {
                Journaled::Sendable { failed: None }
            }
            TxState::Final { success: false, .. } => {
                let signed_at = tx.attempts.last().map_or(0, |attempt| attempt.at);
                Journaled::Sendable { failed: Some((signed_at, tx.tx.effects.len())) }
            }
            TxState::Pending | TxState::Included { .. } => Journaled::Open,
            TxState::Final { success: true, hash } => Journaled::Succeeded(hash),
        })
    }

    /// Whether a claim failed in so many transactions of its own that no more are sent for it.
    async fn is_spent(&self, work: &Work) -> Result<bool, SubmitError> {
        if !matches!(work.action, Action::Claim(_)) {
            return Ok(false);
        }
        let failed = self.journal.failed_txs_of(work.effect).await.map_err(journal_error)?;
        let is_its_own = |tx: &&JournaledTx| {
            let is_mined = matches!(tx.state, TxState::Final { hash, .. } if !hash.is_zero());
            is_mined && tx.tx.effects.len() == 1 && self.content_of(tx) == Content::Carried
        };
        Ok(failed.iter().filter(is_its_own).count() >= MOST_FAILURES)
    }

    async fn round(&self) -> Result<Round, SubmitError> {
        let head = self.rpc.head(self.config.confirmation).await?;
        let time = self.next_time_by(&self.rpc).await?;
        let open = self.journal.open_txs(&self.config.chain, self.account()).await.map_err(journal_error)?;
        Ok(Round { head, time, open })
    }

    /// The earliest time of the next block, by the word of `rpc`.
    pub(super) async fn next_time_by(&self, rpc: &Rpc) -> Result<UnixSeconds, SubmitError> {
        Ok(rpc.latest_time().await?.saturating_add(1).max((self.clock)()))
    }

    /// Answers for the works that the chain says are done, delayed or dropped; gives back the others.
    async fn without_done<G: SendGate>(
        &self,
        candidates: Vec<(Work, Option<B256>)>,
        gate: &G,
        round: &mut Round,
        answers: &mut Answers,
    ) -> Result<Vec<Work>, SubmitError> {
        let ids: Vec<_> = candidates.iter().filter_map(|(work, _)| work.deposit()).collect();
        let mut facts = self.facts_of(&ids, round.time).await?.into_iter();
        let mut works = Vec::new();
        for (work, succeeded) in candidates {
            if let (Action::Stated { digest, .. }, None) = (&work.action, succeeded) {
                match self.is_taken(*digest, &round.head).await? {
                    Taken::No => works.push(work),
                    Taken::NotFinally => {}
                    Taken::Finally => {
                        answers.push((work.effect, Progress::Finalized { tx: self.tx_ref(B256::ZERO, None) }));
                    }
                }
                continue;
            }
            if let Action::Register { call, unless } = &work.action {
                match self.is_registered(call.to, unless, &round.head).await? {
                    Taken::No if succeeded.is_none() => works.push(work),
                    Taken::No | Taken::NotFinally => {}
                    Taken::Finally => {
                        let tx = self.tx_ref(succeeded.unwrap_or_default(), None);
                        answers.push((work.effect, Progress::Finalized { tx }));
                    }
                }
                continue;
            }
            let id = work.deposit();
            let found = id.and_then(|_| facts.next());
            if let (Some(id), Some(facts), Some(source), None) = (id, found, work.action.closes(), succeeded) {
                match self.closing((&work, id, source), &facts, (&round.head, round.time)).await? {
                    Closing::Due => works.push(work),
                    Closing::Said(progress) => answers.push((work.effect, progress)),
                    Closing::NotFinally => {}
                }
                continue;
            }
            let standing = match found {
                Some(facts) => facts.standing(&work.action),
                None => Standing::Open,
            };
            let hash = succeeded.unwrap_or_default();
            let done = || Progress::Finalized { tx: self.tx_ref(hash, None) };
            let answer = match (standing, id) {
                (Standing::Open, Some(id)) if matches!(work.action, Action::ConfirmUnpaid(_)) => {
                    match self.confirm_unpaid(id, &work.action).await? {
                        Some(answer) => answer,
                        None => continue,
                    }
                }
                (Standing::Open, Some(_)) if succeeded.is_some() && work.action.closes().is_none() => {
                    tracing::error!(%hash, "a final transaction's effect is gone from the chain");
                    Refusal::for_now(format!("final transaction {hash} is gone from the chain")).into()
                }
                (Standing::Open, _) if succeeded.is_some() => done(),
                (Standing::Open, _) | (_, None) => {
                    works.push(work);
                    continue;
                }
                (Standing::Dropped, Some(id)) => {
                    let is_dropped = |found: &Facts| found.standing(&work.action) == Standing::Dropped;
                    match self.final_facts_agree(id, is_dropped).await {
                        true => Refusal::for_ever("the delayed payment was dropped by a guardian").into(),
                        false => continue,
                    }
                }
                (Standing::Delayed, Some(id)) => {
                    let facts = found.unwrap_or_default();
                    let refusal = self.execute_if_due(&work, &facts, gate, round).await?;
                    match self.promise((&work, id), &facts, refusal, self.tx_ref(hash, None), &round.head).await? {
                        Some(answer) => answer,
                        None => continue,
                    }
                }
                // A settlement of ours may be final long before what it proves is paid.
                (Standing::Done, Some(_)) if succeeded.is_some() && !matches!(work.action, Action::Settle(_)) => done(),
                (Standing::Done, Some(id)) => match self.final_facts(id, &work.action, &round.head).await? {
                    Some(facts) => facts.done_elsewhere(&work.action, self.tx_ref(hash, None)),
                    // By a transaction that is not final yet, or not by every endpoint's word: to be asked again.
                    None => continue,
                },
            };
            answers.push((work.effect, answer));
        }
        Ok(works)
    }

    async fn send_ready<G: SendGate>(
        &self,
        ready: Ready,
        gate: &G,
        round: &mut Round,
        memory: &mut Memory,
        answers: &mut Answers,
    ) -> Result<(), SubmitError> {
        if !gate.is_open(&ready.effects).await? {
            return Ok(());
        }
        for (call, gas) in ready.before {
            self.send_once(call, gas, gate, round).await?;
        }
        let effects = ready.effects.clone();
        let Some((tx, delivery)) = self.send(ready.call, ready.gas, ready.effects, gate).await? else {
            return Ok(());
        };
        if delivery == Delivery::Known
            && let Some(progress) = self.broadcast_progress(&tx)
        {
            for effect in effects {
                answers.push((effect, progress.clone()));
                memory.news(effect, progress.clone());
            }
        }
        round.open.push(tx);
        Ok(())
    }

    /// Sends a call that carries no effect, unless the same call is on its way. Answers whether it is now.
    pub(super) async fn send_once<G: SendGate>(
        &self,
        call: Call,
        gas: u64,
        gate: &G,
        round: &mut Round,
    ) -> Result<bool, SubmitError> {
        let is_alive = |tx: &JournaledTx| !matches!(tx.state, TxState::Included { success: false, .. });
        if round.open.iter().any(|tx| tx.tx.to == call.to && tx.tx.input == call.input && is_alive(tx)) {
            return Ok(true);
        }
        let Some((tx, delivery)) = self.send(call, gas, Vec::new(), gate).await? else { return Ok(false) };
        round.open.push(tx);
        Ok(delivery != Delivery::Unwanted)
    }
}

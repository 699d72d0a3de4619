//! Submitting: what the journal and the chain know already is answered, the rest is grouped, vetted and sent.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use spandrel_core::EffectId;
use spandrel_core::journal::{Journal, JournaledTx, TxState};
use spandrel_core::submission::{DueEffect, Progress, SubmitError};
use spandrel_signer::DigestSigner;
use spandrel_verifiers::UnixSeconds;

use super::EvmDestination;
use super::build::{self, Action, Call, Work};
use super::memory::Memory;
use super::refusal::Refusal;
use super::rpc::Head;
use super::send::{Delivery, journal_error};
use super::simulate::Ready;
use super::standing::Standing;

type Answers = Vec<(EffectId, Progress)>;

/// What the journal says of a due effect.
pub(super) enum Journaled {
    /// Never sent, or sent and finally failed.
    Sendable,
    /// In an open transaction.
    Open,
    /// In a transaction that is final and succeeded.
    Succeeded(B256),
}

/// What one submission sees of the world.
struct Round {
    head: Head,
    time: UnixSeconds,
    open: Vec<JournaledTx>,
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    pub(super) async fn submit_due(&self, due: &[DueEffect], memory: &mut Memory) -> Result<Answers, SubmitError> {
        let (mut answers, mut candidates) = (Answers::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for due in due.iter().filter(|due| seen.insert(due.id)) {
            let journaled = self.journaled(due.id).await?;
            match (journaled, build::work(due, &self.config.contracts)) {
                (Journaled::Open, _) => answers.extend(memory.last(due.id).map(|said| (due.id, said.clone()))),
                (_, Err(refusal)) => answers.push((due.id, refusal.into())),
                (Journaled::Succeeded(hash), Ok(work)) => candidates.push((work, Some(hash))),
                (Journaled::Sendable, Ok(work)) => candidates.push((work, None)),
            }
        }
        if candidates.is_empty() {
            return Ok(answers);
        }
        let mut round = self.round().await?;
        let works = self.without_done(candidates, &mut round, &mut answers).await?;
        for group in build::group(works, self.config.batch.items) {
            let (ready, refused) = self.vet(group, round.time).await?;
            answers.extend(refused.into_iter().map(|(effect, refusal)| (effect, refusal.into())));
            for ready in ready {
                self.send_ready(ready, &mut round, memory, &mut answers).await?;
            }
        }
        Ok(answers)
    }

    pub(super) async fn journaled(&self, effect: EffectId) -> Result<Journaled, SubmitError> {
        let tx = self.journal.tx_of(effect).await.map_err(journal_error)?;
        Ok(match tx.map(|tx| tx.state) {
            None | Some(TxState::Final { success: false, .. }) => Journaled::Sendable,
            Some(TxState::Pending | TxState::Included { .. }) => Journaled::Open,
            Some(TxState::Final { success: true, hash }) => Journaled::Succeeded(hash),
        })
    }

    async fn round(&self) -> Result<Round, SubmitError> {
        let head = self.rpc.head(self.config.confirmation).await?;
        let after_latest = self.rpc.latest_time().await?.saturating_add(1);
        let open = self.journal.open_txs(&self.config.chain, self.account()).await.map_err(journal_error)?;
        Ok(Round { head, time: after_latest.max((self.clock)()), open })
    }

    /// Answers for the works that the chain says are done, delayed or dropped; gives back the others.
    async fn without_done(
        &self,
        candidates: Vec<(Work, Option<B256>)>,
        round: &mut Round,
        answers: &mut Answers,
    ) -> Result<Vec<Work>, SubmitError> {
        let ids: Vec<_> = candidates.iter().filter_map(|(work, _)| work.deposit()).collect();
        let mut facts = self.facts_of(&ids, round.time).await?.into_iter();
        let mut works = Vec::new();
        for (work, succeeded) in candidates {
            let id = work.deposit();
            let standing = match id.and_then(|_| facts.next()) {
                Some(facts) => facts.standing(&work.action),
                None => Standing::Open,
            };
            let hash = succeeded.unwrap_or_default();
            let done = || Progress::Finalized { tx: self.tx_ref(hash, None) };
            let answer = match (standing, id) {
                (Standing::Open, Some(_)) if succeeded.is_some() => {
                    tracing::error!(%hash, "a final transaction's effect is gone from the chain");
                    Refusal::for_now(format!("final transaction {hash} is gone from the chain")).into()
                }
                (Standing::Open, _) if succeeded.is_some() => done(),
                (Standing::Open, _) | (_, None) => {
                    works.push(work);
                    continue;
                }
                (Standing::Dropped, _) => Refusal::permanent("the delayed payment was dropped by a guardian").into(),
                (Standing::Delayed(from), _) => self.execute_if_due(&work.action, from, round).await?.into(),
                (Standing::Done, Some(id)) => {
                    match succeeded.is_some() || self.is_finally_done(id, &work.action, &round.head).await? {
                        true => done(),
                        false => Refusal::for_now("done by another transaction, which is not final yet").into(),
                    }
                }
            };
            answers.push((work.effect, answer));
        }
        Ok(works)
    }

    /// A delayed payment is executed by a transaction of its own that carries no effect: anyone may send it, and the
    /// effect is done when the chain says so.
    async fn execute_if_due(&self, action: &Action, from: u64, round: &mut Round) -> Result<Refusal, SubmitError> {
        let Action::Claim(item) = action else { return Ok(Refusal::for_now("delayed on-chain")) };
        if round.time < from {
            return Ok(Refusal::for_now(format!("delayed on-chain until {from}")));
        }
        let call = build::execute_delayed(&item.deposit, &self.config.contracts);
        match self.vet_alone(&call, round.time).await? {
            Err(refusal) => Ok(Refusal { is_permanent: false, ..refusal }),
            Ok(gas) => {
                self.send_once(call, gas, round).await?;
                Ok(Refusal::for_now("the delayed payment is being executed"))
            }
        }
    }

    async fn send_ready(
        &self,
        ready: Ready,
        round: &mut Round,
        memory: &mut Memory,
        answers: &mut Answers,
    ) -> Result<(), SubmitError> {
        for (call, gas) in ready.before {
            self.send_once(call, gas, round).await?;
        }
        let effects = ready.effects.clone();
        let Some((tx, delivery)) = self.send(ready.call, ready.gas, ready.effects).await? else { return Ok(()) };
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

    /// Sends a call that carries no effect, unless the same call is on its way.
    async fn send_once(&self, call: Call, gas: u64, round: &mut Round) -> Result<(), SubmitError> {
        let is_alive = |tx: &JournaledTx| !matches!(tx.state, TxState::Included { success: false, .. });
        if round.open.iter().any(|tx| tx.tx.to == call.to && tx.tx.input == call.input && is_alive(tx)) {
            return Ok(());
        }
        if let Some((tx, _)) = self.send(call, gas, Vec::new()).await? {
            round.open.push(tx);
        }
        Ok(())
    }
}

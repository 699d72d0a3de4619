//! The end of a transaction: what it did, what someone else did instead, and what goes back to the outbox.

use alloy::rpc::types::TransactionReceipt;
use alloy_primitives::B256;
use spandrel_contracts::revert;
use spandrel_core::EffectId;
use spandrel_core::journal::{Journal, JournaledTx, TxState};
use spandrel_core::submission::{Progress, SubmitError};
use spandrel_signer::DigestSigner;
use spandrel_verifiers::{DepositId, UnixSeconds};

use super::EvmDestination;
use super::build::{self, Expected};
use super::memory::{Ended, Memory};
use super::outcome::{Outcome, outcomes};
use super::refusal::Refusal;
use super::rpc::Head;
use super::standing::Facts;

type Answers = Vec<(EffectId, Progress)>;

/// Whether someone else did what a transaction of ours did not do.
enum Elsewhere {
    /// It is final, and to be answered so.
    Finally(Progress),
    /// It is there and not final yet, or not by every endpoint's word: to be asked again.
    NotFinally,
    No,
}

/// How a transaction ended.
pub(super) struct End {
    /// Its hash; zero when a stranger's transaction took its nonce.
    pub hash: B256,
    pub gas_used: Option<u64>,
    pub success: bool,
}

impl End {
    fn reason(&self, nonce: u64) -> String {
        match self.hash.is_zero() {
            true => format!("nonce {nonce} was used by a transaction that is not in the journal"),
            false => format!("transaction {} did not carry it out", self.hash),
        }
    }
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    pub(super) fn outcomes_of(&self, tx: &JournaledTx, receipt: &TransactionReceipt) -> Vec<Outcome> {
        let expected: Vec<Expected> = build::expectations(&tx.tx.input);
        let mut outcomes = outcomes(receipt, &expected, &self.config.contracts, self.guard);
        outcomes.resize(tx.tx.effects.len(), Outcome::Undone);
        outcomes
    }

    /// It is over, one way or the other. What it did not do goes back to the outbox as refused for now, an item that
    /// failed alone with its own reason, unless the chain has it done by someone else. For how long the reason lasts is
    /// left to the next simulation: a receipt is one endpoint's word.
    pub(super) async fn ended(
        &self,
        tx: &JournaledTx,
        end: End,
        outcomes: Vec<Outcome>,
        head: &Head,
        memory: &mut Memory,
    ) -> Result<Answers, SubmitError> {
        let mut answers = Answers::new();
        let expected = build::expectations(&tx.tx.input);
        let is_shared_failure = !end.success && tx.tx.effects.len() > 1 && !end.hash.is_zero();
        for (index, (effect, outcome)) in tx.tx.effects.iter().zip(&outcomes).enumerate() {
            let progress = match outcome {
                Outcome::Done => match expected.get(index) {
                    Some(Expected::Settled(id)) => self.settled(*id, &end, head).await?,
                    _ => Progress::Finalized { tx: self.tx_ref(end.hash, end.gas_used) },
                },
                Outcome::Delayed { from } => self.delayed(expected.get(index), *from, &end, head).await?,
                Outcome::Failed(_) | Outcome::Undone => match self.done_elsewhere(expected.get(index), head).await? {
                    Elsewhere::Finally(progress) => progress,
                    Elsewhere::NotFinally => Progress::Reverted,
                    Elsewhere::No if is_shared_failure => Progress::Reverted,
                    Elsewhere::No => Refusal::for_now(match outcome {
                        Outcome::Failed(data) => format!("{}: {}", end.reason(tx.nonce), revert::reason(data)),
                        _ => end.reason(tx.nonce),
                    })
                    .into(),
                },
            };
            answers.extend(memory.news(*effect, progress));
        }
        let is_open = |outcome: &Outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Undone);
        let success = end.success && !outcomes.iter().any(is_open);
        let state = TxState::Final { hash: end.hash, success };
        memory.end(Ended { number: tx.number, state, effects: tx.tx.effects.clone() });
        Ok(answers)
    }

    /// A claim that is final, and delayed.
    async fn delayed(
        &self,
        expected: Option<&Expected>,
        from: UnixSeconds,
        end: &End,
        head: &Head,
    ) -> Result<Progress, SubmitError> {
        let facts = match (expected, head.last_final) {
            (Some(Expected::Claimed(id)), Some(height)) => self.facts_by(&self.rpc, id.0, Some(height)).await?,
            _ => Facts::default(),
        };
        Ok(match facts.is_claimed_fast() {
            true => Progress::Promised { tx: self.tx_ref(end.hash, end.gas_used), until: from },
            false => Refusal::for_now(format!("delayed on-chain until {from}")).into(),
        })
    }

    /// A settlement that is final: the end, unless what it proves still waits to be paid.
    async fn settled(&self, id: DepositId, end: &End, head: &Head) -> Result<Progress, SubmitError> {
        let tx = self.tx_ref(end.hash, end.gas_used);
        let facts = match head.last_final {
            Some(height) => self.facts_by(&self.rpc, id.0, Some(height)).await?,
            None => Facts::default(),
        };
        Ok(match facts.release_at {
            0 => Progress::Finalized { tx },
            until => Progress::Promised { tx, until },
        })
    }

    async fn done_elsewhere(&self, expected: Option<&Expected>, head: &Head) -> Result<Elsewhere, SubmitError> {
        let (id, is_done): (_, fn(&Facts) -> bool) = match expected {
            Some(Expected::Claimed(id)) => (*id, Facts::is_paid),
            Some(Expected::Settled(id)) => (*id, Facts::is_settled),
            Some(Expected::Closed(_) | Expected::Paused(_) | Expected::Stated | Expected::Registered { .. }) | None => {
                return Ok(Elsewhere::No);
            }
        };
        let facts = match head.last_final {
            Some(height) => self.facts_by(&self.rpc, id.0, Some(height)).await?,
            None => Facts::default(),
        };
        if is_done(&facts) {
            let is_same = |found: &Facts| is_done(found) && found.lane() == facts.lane();
            if !self.final_facts_agree(id, is_same).await {
                return Ok(Elsewhere::NotFinally);
            }
            return Ok(Elsewhere::Finally(match expected {
                Some(Expected::Claimed(_)) => Progress::PaidElsewhere { lane: facts.lane() },
                _ => Progress::Finalized { tx: self.tx_ref(B256::ZERO, None) },
            }));
        }
        let is_there = is_done(&self.facts_by(&self.rpc, id.0, None).await?);
        Ok(if is_there { Elsewhere::NotFinally } else { Elsewhere::No })
    }
}

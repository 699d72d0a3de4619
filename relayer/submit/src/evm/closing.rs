//! What closes the fast lane of a source chain: a payout that was not proven in time, or one that a proof contradicts. The
//! contract lets anyone do it; what it stores says whether and when it is to be done.

use alloy_primitives::B256;
use spandrel_contracts::RiskGuard::fastClosedAtCall;
use spandrel_core::TxRef;
use spandrel_core::journal::Journal;
use spandrel_core::submission::{Progress, SubmitError};
use spandrel_signer::DigestSigner;
use spandrel_verifiers::{DepositId, UnixSeconds};

use super::EvmDestination;
use super::build::{Action, Work};
use super::refusal::Refusal;
use super::rpc::{Head, Rpc};
use super::standing::Facts;

/// What is to be done for a closing now.
pub(super) enum Closing {
    /// Send it.
    Due,
    /// Say this of it.
    Said(Progress),
    /// Ask again: it is done, and not finally or not by every endpoint's word.
    NotFinally,
}

impl Action {
    /// The source chain whose fast lane it closes, by its hash, if it closes one.
    pub(super) fn closes(&self) -> Option<B256> {
        match self {
            Self::CloseOverdue(deposit) => Some(deposit.sourceChain),
            Self::Contradict { paid, .. } => Some(paid.sourceChain),
            _ => None,
        }
    }
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// Judges a closing of the fast lane from `source` by the facts of the deposit that was paid, at `time`.
    pub(super) async fn closing(
        &self,
        (work, id, source): (&Work, DepositId, B256),
        facts: &Facts,
        (head, time): (&Head, UnixSeconds),
    ) -> Result<Closing, SubmitError> {
        if let Action::CloseOverdue(_) = work.action {
            match facts.debt_deadline {
                0 if facts.nullifier == 0 => {
                    return Ok(Closing::Said(Refusal::for_now("not paid by the fast lane").into()));
                }
                0 => return self.over(id, head).await,
                deadline if time <= deadline => return Ok(Closing::Said(Progress::NotYet { until: deadline })),
                _ => {}
            }
        }
        if !self.is_closed_by(&self.rpc, source, None).await? {
            tracing::warn!(deposit = %id, chain = %self.config.chain, "its fast payout is not proven: the fast lane closes");
            return Ok(Closing::Due);
        }
        // A payment that still waits is to be dropped by the proof that contradicts it, closed or not.
        if matches!(work.action, Action::Contradict { .. }) && facts.release_at != 0 {
            return Ok(Closing::Due);
        }
        if head.last_final.is_none() || !self.is_closed_by(&self.rpc, source, head.last_final).await? {
            return Ok(Closing::NotFinally);
        }
        for witness in &self.witnesses {
            let word = match witness.head(self.config.confirmation).await.map(|head| head.last_final) {
                Ok(Some(height)) => self.is_closed_by(witness, source, Some(height)).await,
                other => other.map(|_| false),
            };
            if !self.agrees(witness, &format!("the fast lane from {source} is closed"), word) {
                return Ok(Closing::NotFinally);
            }
        }
        Ok(Closing::Said(Progress::Finalized { tx: self.someone_elses() }))
    }

    /// Nothing is owed for it any more: proven, dropped or written off.
    async fn over(&self, id: DepositId, head: &Head) -> Result<Closing, SubmitError> {
        let is_over = |facts: &Facts| facts.nullifier != 0 && facts.debt_deadline == 0;
        let Some(last_final) = head.last_final else { return Ok(Closing::NotFinally) };
        let is_final = is_over(&self.facts_by(&self.rpc, id.0, Some(last_final)).await?);
        Ok(match is_final && self.final_facts_agree(id, is_over).await {
            true => Closing::Said(Progress::Finalized { tx: self.someone_elses() }),
            false => Closing::NotFinally,
        })
    }

    fn someone_elses(&self) -> TxRef {
        self.tx_ref(B256::ZERO, None)
    }

    async fn is_closed_by(&self, rpc: &Rpc, source: B256, height: Option<u64>) -> Result<bool, SubmitError> {
        Ok(rpc.read(self.guard, &fastClosedAtCall { sourceChain: source }, height).await? != 0)
    }
}

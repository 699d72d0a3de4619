//! Other endpoints' word on what ends for good.
//!
//! One node decides nothing that cannot be taken back: that a deposit can never be paid, that someone else had it paid,
//! that it expired unpaid, that a transaction is final. Every witness must say the same. One that disagrees or does not
//! answer holds the effect; it decides nothing either.

use alloy_primitives::{Address, B256};
use spandrel_core::journal::{Journal, JournaledTx};
use spandrel_core::submission::{Lasting, SubmitError};
use spandrel_signer::DigestSigner;
use spandrel_verifiers::DepositId;

use super::EvmDestination;
use super::build::Work;
use super::refusal::Refusal;
use super::rpc::Rpc;
use super::standing::Facts;

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// Whether a witness's word, asked whether `what` is so, is yes. Anything else is reported.
    pub(super) fn agrees(&self, witness: &Rpc, what: &str, word: Result<bool, SubmitError>) -> bool {
        let (chain, witness) = (&self.config.chain, witness.url());
        match word {
            Ok(true) => return true,
            Ok(false) => tracing::error!(%chain, %witness, what, "a witness disagrees: held"),
            Err(error) => tracing::warn!(%chain, %witness, what, %error, "a witness does not answer: held"),
        }
        false
    }

    /// A refusal that ends something, if every witness refuses the same work as lastingly, by its own time; else one
    /// for now.
    pub(super) async fn witnessed(&self, work: &Work, refusal: Refusal) -> Refusal {
        if refusal.lasting == Lasting::ForNow {
            return refusal;
        }
        for witness in &self.witnesses {
            let found = self.refusal_by(witness, work).await;
            let word = found.map(|found| found.is_some_and(|found| found.lasting == refusal.lasting));
            if !self.agrees(witness, &format!("{} is refused: {}", work.effect.0, refusal.reason), word) {
                return Refusal::for_now(format!("endpoints disagree: {}", refusal.reason));
            }
        }
        refusal
    }

    /// Whether every witness's final state says of the deposit what `holds` says.
    pub(super) async fn final_facts_agree(&self, id: DepositId, holds: impl Fn(&Facts) -> bool + Send + Sync) -> bool {
        for witness in &self.witnesses {
            let word = self.final_facts_by(witness, id).await.map(|facts| facts.as_ref().is_some_and(&holds));
            if !self.agrees(witness, &format!("deposit {id} is done"), word) {
                return false;
            }
        }
        true
    }

    async fn final_facts_by(&self, rpc: &Rpc, id: DepositId) -> Result<Option<Facts>, SubmitError> {
        let Some(last_final) = rpc.head(self.config.confirmation).await?.last_final else { return Ok(None) };
        self.facts_by(rpc, id.0, Some(last_final)).await.map(Some)
    }

    /// Whether every witness has the same receipt in the same block, and that block final.
    pub(super) async fn is_final_by_all(&self, hash: B256, height: u64, block: B256, success: bool) -> bool {
        for witness in &self.witnesses {
            let word = self.is_final_by(witness, hash, height, block, success).await;
            if !self.agrees(witness, &format!("transaction {hash} is final"), word) {
                return false;
            }
        }
        true
    }

    async fn is_final_by(
        &self,
        rpc: &Rpc,
        hash: B256,
        height: u64,
        block: B256,
        success: bool,
    ) -> Result<bool, SubmitError> {
        let receipt = rpc.receipt(hash).await?;
        let is_same = receipt.is_some_and(|found| found.block_hash == Some(block) && found.status() == success);
        Ok(is_same && rpc.head(self.config.confirmation).await?.is_final(height))
    }

    /// Whether every witness finds the nonce of `tx` finally used, and by none of its attempts.
    pub(super) async fn is_nonce_lost_by_all(&self, tx: &JournaledTx, account: Address) -> bool {
        for witness in &self.witnesses {
            let word = self.is_nonce_lost_by(witness, tx, account).await;
            if !self.agrees(witness, &format!("nonce {} is used by another transaction", tx.nonce), word) {
                return false;
            }
        }
        true
    }

    async fn is_nonce_lost_by(&self, rpc: &Rpc, tx: &JournaledTx, account: Address) -> Result<bool, SubmitError> {
        let Some(last_final) = rpc.head(self.config.confirmation).await?.last_final else { return Ok(false) };
        let is_used = rpc.nonce(account, Some(last_final)).await? > tx.nonce;
        Ok(is_used && self.receipt_by(rpc, tx).await?.is_none())
    }
}

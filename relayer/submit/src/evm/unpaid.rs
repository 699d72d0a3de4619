//! Whether an expired deposit was paid, by whoever. Nothing is sent.

use spandrel_contracts::Inbox;
use spandrel_core::journal::Journal;
use spandrel_core::submission::{Progress, SubmitError};
use spandrel_signer::DigestSigner;
use spandrel_verifiers::DepositId;

use super::EvmDestination;
use super::build::Action;
use super::refusal::Refusal;
use super::rpc::Rpc;

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// Refused for ever once every endpoint has a final block after the deposit's expiry in which it is not claimed: the
    /// `Inbox` takes no claim after that. Nothing before.
    pub(super) async fn confirm_unpaid(&self, id: DepositId, action: &Action) -> Result<Option<Progress>, SubmitError> {
        let Action::ConfirmUnpaid(deposit) = action else { return Ok(None) };
        if !self.is_unpaid_by(&self.rpc, id, deposit).await? {
            return Ok(None);
        }
        for witness in &self.witnesses {
            let word = self.is_unpaid_by(witness, id, deposit).await;
            if !self.agrees(witness, &format!("deposit {id} expired unpaid"), word) {
                return Ok(None);
            }
        }
        Ok(Some(Refusal::for_ever(format!("expired unpaid at {}", deposit.expiry)).into()))
    }

    async fn is_unpaid_by(&self, rpc: &Rpc, id: DepositId, deposit: &Inbox::Deposit) -> Result<bool, SubmitError> {
        let Some(last_final) = rpc.head(self.config.confirmation).await?.last_final else { return Ok(false) };
        let is_over = rpc.time_at(last_final).await? > deposit.expiry;
        Ok(is_over && self.facts_by(rpc, id.0, Some(last_final)).await?.nullifier == 0)
    }
}

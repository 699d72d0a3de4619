//! A signer's word that it does not see some deposits of a batch: signed, so that nobody else can hold a deposit up.

use alloy_primitives::{Address, B256, Signature, keccak256};
use spandrel_verifiers::attestation::recover;
use spandrel_verifiers::{DepositId, VerifyError, eip712};

/// What a signer does not see, and its signature.
#[derive(Clone, Debug, PartialEq)]
pub struct Unseen {
    /// The batch's root.
    pub root: B256,
    /// Items and reasons.
    pub items: Vec<(DepositId, String)>,
    /// Over [`Unseen::digest`].
    pub signature: Signature,
}

impl Unseen {
    /// The type of what is signed, as EIP-712 has it.
    const TYPE: &'static str = "Unseen(bytes32 items)";

    /// What is signed about the batch whose own digest is `batch`: that digest stands in the place of the domain, so
    /// that the statement holds for one request, contract and chain, and is never a signature over a batch.
    pub fn digest(batch: B256, items: &[(DepositId, String)]) -> B256 {
        let words = items.iter().flat_map(|(id, reason)| [id.0, keccak256(reason)]);
        let items = keccak256(words.collect::<Vec<B256>>().concat());
        eip712::digest(batch, &[keccak256(Self::TYPE), items])
    }

    /// Who says so about the batch whose own digest is `batch`.
    pub fn signer(&self, batch: B256) -> Result<Address, VerifyError> {
        recover(Self::digest(batch, &self.items), &self.signature)
    }
}

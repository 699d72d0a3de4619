//! A fast-lane attestation: a signed batch of deposit ids and one deposit's place in it.

use alloy_primitives::{Address, B256, Signature, U256, keccak256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::eip712;

/// What the signers sign: `FastLane.Batch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchTerms {
    /// Root of the batch tree (`spandrel_verifiers::merkle`).
    pub root: B256,
    /// Leaves.
    pub count: u32,
    /// Signer-set epoch.
    pub epoch: u64,
    /// Unix seconds after which the contract refuses to take the batch.
    pub expiry: u64,
}

impl BatchTerms {
    /// The EIP-712 type.
    pub const TYPE: &'static str = "Batch(bytes32 root,uint32 count,uint64 epoch,uint64 expiry)";

    /// EIP-712 digest for the `FastLane` at `contract` on EVM chain `chain_number`.
    pub fn digest(&self, chain_number: u64, contract: Address) -> B256 {
        let domain = eip712::domain("Spandrel FastLane", chain_number, contract);
        let words = [
            keccak256(Self::TYPE),
            self.root,
            U256::from(self.count).into(),
            U256::from(self.epoch).into(),
            U256::from(self.expiry).into(),
        ];
        eip712::digest(domain, &words)
    }
}

/// One deposit's attestation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastAttestation {
    /// The signed batch.
    pub batch: BatchTerms,
    /// `threshold` signatures, sorted by signer.
    pub signatures: Vec<Signature>,
    /// The deposit's leaf.
    pub index: u32,
    /// Siblings up to the root.
    pub path: Vec<B256>,
}

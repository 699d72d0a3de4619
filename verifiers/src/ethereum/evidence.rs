//! Wire form of an Ethereum deposit's evidence.

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};

use super::ChainConfig;
use super::containers::{FinalityUpdate, LightClientData, from_ssz};
use crate::{Deposit, VerifyError};

/// A deposit stored by an `Outbox`, under a finalized execution block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositEvidence {
    /// SSZ of a `LightClientFinalityUpdate` (its fork is told by its attested slot) whose finalized header's
    /// execution block is the one of `inclusion.header`. A verifier that already holds that block final needs none.
    /// See [`finality_bytes`] for its signature slot.
    pub finality: Option<Bytes>,
    /// The storage proof under that execution block.
    pub inclusion: Inclusion,
}

/// Account and storage proof of `deposits[nonce] = deposit id` in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// RLP of the execution block header; its `keccak256` is the block hash.
    pub header: Bytes,
    /// Trie nodes from the state root to the outbox account.
    pub account_proof: Vec<Bytes>,
    /// Trie nodes from the account's storage root to the deposit's slot.
    pub storage_proof: Vec<Bytes>,
    /// The deposit whose id the slot holds.
    pub deposit: Deposit,
}

/// `update` as evidence brings it: SSZ, under the first slot at which its signature means the same. A sync committee
/// does not sign the slot at which it signs, so that without this rule one update would have as many forms as its period
/// has slots left.
///
/// # Errors
/// Names `signature_slot` when it is before the first fork with sync committees.
pub fn finality_bytes(config: &ChainConfig, update: &FinalityUpdate) -> Result<Bytes, VerifyError> {
    let signature_slot = config.first_signature_slot(update.attested_header.beacon.slot, update.signature_slot)?;
    Ok(FinalityUpdate { signature_slot, ..update.clone() }.encode_ssz().into())
}

/// Reads what [`finality_bytes`] wrote, and nothing else.
pub(super) fn read_finality(config: &ChainConfig, bytes: &[u8]) -> Result<FinalityUpdate, VerifyError> {
    let update: FinalityUpdate = from_ssz(bytes, config)?;
    let first = config.first_signature_slot(update.attested_header.beacon.slot, update.signature_slot)?;
    if update.signature_slot > first {
        let expected = format!("slot {first}, the first at which this signature means the same");
        return Err(VerifyError::invalid("signature_slot", expected, update.signature_slot));
    }
    Ok(update)
}

//! The preimage of a bank hash, which links a bank to its parent.
//!
//! `bank_hash = sha256(sha256(parent ‖ signature count ‖ last block hash) ‖ accounts lattice)`, the count a `u64`
//! little-endian, the lattice all of its 2,048 bytes (SIMD-0215; its checksum is not what is hashed). Where a hard fork
//! lies between parent and slot, `sha256(that ‖ number of forks)` (Agave `Bank::hash_internal_state`,
//! `HardForks::get_hash_data`). The slot is not part of it: votes say which slot has which hash.

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lattice::LATTICE_LENGTH;
use crate::VerifyError;

/// What a bank hash is the hash of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankPreimage {
    /// Bank hash of the parent.
    pub parent: B256,
    /// Signatures in the block.
    pub signature_count: u64,
    /// Hash of the block's last entry.
    pub last_blockhash: B256,
    /// Sum of all accounts' hashes, 2,048 bytes.
    pub accounts: Bytes,
    /// How many hard forks took effect between the parent and this slot, if any did.
    pub hard_forks: Option<u64>,
}

impl BankPreimage {
    /// The bank hash.
    ///
    /// # Errors
    /// Names `accounts` when the lattice has another length, `hard_forks` when it is zero forks.
    pub fn hash(&self) -> Result<B256, VerifyError> {
        if self.accounts.len() != LATTICE_LENGTH {
            return Err(VerifyError::malformed("accounts", format!("{LATTICE_LENGTH} bytes"), self.accounts.len()));
        }
        let block =
            sha256(&[self.parent.as_slice(), &self.signature_count.to_le_bytes(), self.last_blockhash.as_slice()]);
        let hash = sha256(&[block.as_slice(), &self.accounts]);
        match self.hard_forks {
            None => Ok(hash),
            Some(0) => Err(VerifyError::malformed("hard_forks", "none or at least one", 0)),
            Some(count) => Ok(sha256(&[hash.as_slice(), &count.to_le_bytes()])),
        }
    }
}

/// SHA-256 of the parts, one after the other.
pub(super) fn sha256(parts: &[&[u8]]) -> B256 {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part));
    B256::new(hash.finalize().into())
}

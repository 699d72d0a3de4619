//! What account and storage tries hold: accounts, and words without leading zeros.

use alloy_primitives::{Address, B256, Bytes, U256};

use super::{rlp, trie};
use crate::VerifyError;

/// An account as the state trie holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    /// Root of its storage trie.
    pub storage_root: B256,
    /// `keccak256` of its code.
    pub code_hash: B256,
}

impl Account {
    /// The account at `address`, or `None` if `state_root` has none: an absent account is not one of zeros.
    ///
    /// # Errors
    /// Names `account_proof[i]` or `account_proof`.
    pub fn prove(state_root: B256, address: Address, proof: &[Bytes]) -> Result<Option<Self>, VerifyError> {
        let leaf = trie::secure_value("account_proof", state_root, address.as_slice(), proof)?;
        let last = format!("account_proof[{}]", proof.len().saturating_sub(1));
        leaf.map(|leaf| Self::decode(&last, leaf)).transpose()
    }

    fn decode(field: &str, leaf: &[u8]) -> Result<Self, VerifyError> {
        let items = rlp::list(field, leaf)?;
        let [nonce, balance, storage_root, code_hash] = items.as_slice() else {
            return Err(VerifyError::malformed(field, "an account of 4 fields", items.len()));
        };
        Ok(Self {
            nonce: rlp::uint64(field, nonce)?,
            balance: rlp::uint256(field, balance)?,
            storage_root: rlp::fixed(field, storage_root)?,
            code_hash: rlp::fixed(field, code_hash)?,
        })
    }

    /// The word at `slot` of this account's storage, zero when the trie holds none.
    ///
    /// # Errors
    /// Names `storage_proof[i]` or `storage_proof`.
    pub fn prove_slot(&self, slot: B256, proof: &[Bytes]) -> Result<U256, VerifyError> {
        let leaf = trie::secure_value("storage_proof", self.storage_root, slot.as_slice(), proof)?;
        let Some(leaf) = leaf else { return Ok(U256::ZERO) };
        let field = format!("storage_proof[{}]", proof.len().saturating_sub(1));
        let word = rlp::uint256(&field, leaf)?;
        if word.is_zero() {
            return Err(VerifyError::malformed(field, "a word that is not zero", word));
        }
        Ok(word)
    }
}

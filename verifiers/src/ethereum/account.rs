//! What account and storage tries hold: accounts, and words without leading zeros.

use alloy_primitives::{Address, B256, Bytes, U256};

use super::rlp;
use super::trie::{self, Query};
use crate::VerifyError;

const ACCOUNT_PROOF: &str = "account_proof";
const STORAGE_PROOF: &str = "storage_proof";

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
        Self::of_leaf(trie::secure_value(ACCOUNT_PROOF, state_root, address.as_slice(), proof)?, proof)
    }

    /// [`Self::prove`] of each query, in order: the same answers, from proofs that walk together.
    ///
    /// # Errors
    /// As [`Self::prove`], each item by itself.
    pub fn prove_each(queries: &[Query<'_, Address>]) -> Vec<Result<Option<Self>, VerifyError>> {
        let leaves = queries.iter().zip(trie::secure_values(ACCOUNT_PROOF, queries));
        leaves.map(|(query, leaf)| Self::of_leaf(leaf?, query.proof)).collect()
    }

    fn of_leaf(leaf: Option<&[u8]>, proof: &[Bytes]) -> Result<Option<Self>, VerifyError> {
        leaf.map(|leaf| Self::decode(leaf).map_err(|error| in_last(error, ACCOUNT_PROOF, proof))).transpose()
    }

    fn decode(leaf: &[u8]) -> Result<Self, VerifyError> {
        let items = rlp::list("", leaf)?;
        let [nonce, balance, storage_root, code_hash] = items.as_slice() else {
            return Err(VerifyError::malformed("", "an account of 4 fields", items.len()));
        };
        Ok(Self {
            nonce: rlp::uint64("", nonce)?,
            balance: rlp::uint256("", balance)?,
            storage_root: rlp::fixed("", storage_root)?,
            code_hash: rlp::fixed("", code_hash)?,
        })
    }

    /// The word at `slot` of this account's storage, zero when the trie holds none.
    ///
    /// # Errors
    /// Names `storage_proof[i]` or `storage_proof`.
    pub fn prove_slot(&self, slot: B256, proof: &[Bytes]) -> Result<U256, VerifyError> {
        word(trie::secure_value(STORAGE_PROOF, self.storage_root, slot.as_slice(), proof)?, proof)
    }
}

/// [`Account::prove_slot`] of each query under its storage root, in order: the same answers, from proofs that walk
/// together.
///
/// # Errors
/// As [`Account::prove_slot`], each item by itself.
pub fn prove_slots(queries: &[Query<'_, B256>]) -> Vec<Result<U256, VerifyError>> {
    let leaves = queries.iter().zip(trie::secure_values(STORAGE_PROOF, queries));
    leaves.map(|(query, leaf)| word(leaf?, query.proof)).collect()
}

/// The word in a leaf: zero where there is none, and never a stored zero.
fn word(leaf: Option<&[u8]>, proof: &[Bytes]) -> Result<U256, VerifyError> {
    let Some(leaf) = leaf else { return Ok(U256::ZERO) };
    let word = rlp::uint256("", leaf).map_err(|error| in_last(error, STORAGE_PROOF, proof))?;
    if word.is_zero() {
        let error = VerifyError::malformed("", "a word that is not zero", word);
        return Err(in_last(error, STORAGE_PROOF, proof));
    }
    Ok(word)
}

/// The same error, about the leaf: the last node of the proof.
fn in_last(mut error: VerifyError, field: &str, proof: &[Bytes]) -> VerifyError {
    error.field = format!("{field}[{}]", proof.len().saturating_sub(1));
    error
}

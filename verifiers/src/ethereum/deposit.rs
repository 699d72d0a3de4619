//! A deposit in an `Outbox`: `mapping(uint256 nonce => bytes32 depositId)` at storage slot 0.

use alloy_primitives::{Address, B256, keccak256};

use super::account::Account;
use super::{ExecutionHeader, Inclusion};
use crate::{ChainId, Deposit, VerifyError};

/// Storage slot of the mapping in `Outbox`.
const DEPOSITS_SLOT: B256 = B256::ZERO;

/// Storage key of `deposits[nonce]`: `keccak256(abi.encode(nonce, 0))` (Solidity, layout of mappings).
pub fn deposit_slot(nonce: B256) -> B256 {
    keccak256([nonce, DEPOSITS_SLOT].concat())
}

/// Refuses a deposit that is not one of `outbox` on `chain`, whatever was stored.
pub(super) fn check_source(deposit: &Deposit, chain: &ChainId, outbox: Address) -> Result<(), VerifyError> {
    if deposit.version != Deposit::VERSION {
        return Err(VerifyError::invalid("deposit.version", Deposit::VERSION, deposit.version));
    }
    if deposit.source_chain != *chain {
        return Err(VerifyError::invalid("deposit.source_chain", chain, &deposit.source_chain));
    }
    let bridge = outbox.into_word();
    if deposit.source_bridge != bridge {
        return Err(VerifyError::invalid("deposit.source_bridge", bridge, deposit.source_bridge));
    }
    Ok(())
}

/// Checks that `outbox` stores the deposit's id under its nonce, in the state of `header`.
///
/// # Errors
/// Names the proof node, or `deposit.source_key` when nothing is stored there, or `deposit` when another id is.
pub(super) fn check_stored(
    inclusion: &Inclusion,
    header: &ExecutionHeader,
    outbox: Address,
) -> Result<(), VerifyError> {
    let account = Account::prove(header.state_root, outbox, &inclusion.account_proof)?;
    let Some(account) = account else {
        return Err(VerifyError::invalid("account_proof", format!("an account at {outbox}"), "none"));
    };
    let nonce = inclusion.deposit.source_key;
    let stored = B256::from(account.prove_slot(deposit_slot(nonce), &inclusion.storage_proof)?);
    if stored.is_zero() {
        return Err(VerifyError::invalid("deposit.source_key", "the nonce of a stored deposit", nonce));
    }
    let id = inclusion.deposit.id().0;
    if stored != id {
        return Err(VerifyError::invalid("deposit", format!("the deposit with id {stored}"), id));
    }
    Ok(())
}

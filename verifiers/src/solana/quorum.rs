//! Statements about Solana that nothing on the chain proves: a quorum of named signers makes them, and the types say so.

use alloy_primitives::{B256, Signature, U256, keccak256};

use crate::attestation::{SignerSet, recover};
use crate::{ChainId, VerifyError};

/// What is signed: `keccak256` of the ABI words `keccak256(domain)`, chain, signer-set epoch, and `words`.
pub(super) fn digest(domain: &str, chain: &ChainId, set_epoch: u64, words: &[B256]) -> B256 {
    let head = [keccak256(domain), chain.hash(), U256::from(set_epoch).into()];
    keccak256([&head, words].concat().concat())
}

/// Exactly the threshold of signatures, by distinct members in rising order: nothing unused, nothing twice.
pub(super) fn require_quorum(
    field: &str,
    digest: B256,
    set: &SignerSet,
    signatures: &[Signature],
) -> Result<(), VerifyError> {
    if signatures.len() != set.threshold {
        return Err(VerifyError::invalid(field, format!("{} signatures", set.threshold), signatures.len()));
    }
    let mut last = None;
    for (index, signature) in signatures.iter().enumerate() {
        let within = |error: VerifyError| VerifyError { field: format!("{field}[{index}]"), ..error };
        let signer = recover(digest, signature).map_err(within)?;
        if !set.members.contains(&signer) {
            return Err(within(VerifyError::invalid("", "a member of the set", signer)));
        }
        if last.is_some_and(|last| last >= signer) {
            return Err(within(VerifyError::invalid("", "signers in rising order", signer)));
        }
        last = Some(signer);
    }
    Ok(())
}

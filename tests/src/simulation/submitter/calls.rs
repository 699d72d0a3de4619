//! What calls say and do, and what is told of them.

use alloy::primitives::{B256, keccak256};
use spandrel_core::journal::JournaledTx;
use spandrel_core::submission::{DueEffect, Lasting, Progress};
use spandrel_core::{Effect, TxRef};
use spandrel_risk::Lane;

use crate::simulation::keys;
use crate::simulation::rules::State;

/// Calldata of a transaction that only uses up its nonce.
pub const NOTHING: B256 = B256::ZERO;

pub(super) fn is_done(state: &State, effect: &Effect) -> bool {
    match effect {
        Effect::PayFast { deposit, .. }
        | Effect::PayProven { deposit, .. }
        | Effect::ConfirmUnpaid { deposit }
        | Effect::ConfirmPaid { deposit } => state.payment(deposit.id()).is_some(),
        Effect::Settle { deposit, .. } => {
            state.payment(deposit.id()).is_some_and(|p| p.is_proven && p.lane == Lane::Fast)
        }
        Effect::CloseOverdue { deposit } => state.closed.contains(&deposit.source_chain),
        _ => false,
    }
}

/// What is to be said of an effect that someone else had done, if `state` says so.
pub(super) fn done_elsewhere(state: &State, effect: &Effect) -> Option<Progress> {
    if !is_done(state, effect) {
        return None;
    }
    match effect {
        Effect::PayFast { deposit, .. }
        | Effect::PayProven { deposit, .. }
        | Effect::ConfirmUnpaid { deposit }
        | Effect::ConfirmPaid { deposit } => {
            state.payment(deposit.id()).map(|payment| Progress::PaidElsewhere { lane: payment.lane })
        }
        _ => Some(finalized(B256::ZERO)),
    }
}

pub(super) fn calldata(group: &[DueEffect]) -> B256 {
    let mut bytes = Vec::new();
    for due in group {
        bytes.extend(due.id.0);
        match &due.effect {
            Effect::PayFast { attestation, .. } => {
                bytes.extend(attestation.batch.root);
                bytes.extend(attestation.batch.expiry.to_be_bytes());
                bytes.extend(attestation.signatures.iter().flat_map(|signature| signature.as_bytes()));
            }
            Effect::PayProven { evidence, checkpoint, .. } | Effect::Settle { evidence, checkpoint, .. } => {
                bytes.extend(evidence.root());
                bytes.extend(checkpoint.signatures.iter().flat_map(|signature| signature.as_bytes()));
            }
            _ => {}
        }
    }
    keccak256(bytes)
}

pub(super) fn tx_ref(hash: B256) -> TxRef {
    TxRef { chain: keys::destination(), hash, gas_used: None }
}

/// Calldata of the newest signed form.
pub fn input_of(tx: &JournaledTx) -> Option<B256> {
    tx.attempts.last().map(|attempt| B256::from_slice(&attempt.raw[..32]))
}

pub(super) fn broadcast(tx: &JournaledTx) -> Option<Progress> {
    let newest = tx.attempts.last().filter(|_| input_of(tx) != Some(NOTHING));
    newest.map(|attempt| Progress::Broadcast { tx: tx_ref(attempt.hash) })
}

pub(super) fn finalized(hash: B256) -> Progress {
    Progress::Finalized { tx: tx_ref(hash) }
}

pub(super) fn not_now(reason: &str) -> Progress {
    Progress::Refused { reason: reason.to_owned(), lasting: Lasting::ForNow }
}

//! Proof that a leader made two blocks in one slot: two shreds, both signed by it, that no one block holds.
//!
//! Source: Agave `gossip/src/duplicate_shred.rs`. It is evidence against the leader; it does not say which block counts,
//! so nothing here depends on it.

use alloy_primitives::B256;

use super::shred::{Body, Shred};
use crate::VerifyError;

/// In what two shreds disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equivocation {
    /// One place, two contents.
    SameIndex,
    /// One FEC set, two roots.
    SetRoot,
    /// A shred stands behind the one that ends the block.
    AfterLast,
    /// A later set does not carry the root of the one before it.
    Chain,
}

/// How two shreds show that `leader` equivocated, if they do.
///
/// # Errors
/// Names `shred` when they are of different slots or versions, or not both signed by the leader.
pub fn equivocation(a: &Shred<'_>, b: &Shred<'_>, leader: B256) -> Result<Option<Equivocation>, VerifyError> {
    if (a.slot, a.version) != (b.slot, b.version) {
        let expected = format!("slot {} and version {}", a.slot, a.version);
        return Err(VerifyError::invalid("shred", expected, format!("{} and {}", b.slot, b.version)));
    }
    if let Some(other) = [a, b].into_iter().find(|shred| !shred.is_signed_by(leader)) {
        let found = hex::encode(other.signature);
        return Err(VerifyError::invalid("shred", format!("two signatures by {leader}"), found));
    }
    let is_one_kind = a.is_data() == b.is_data();
    if a.root != b.root && is_one_kind && a.index == b.index {
        return Ok(Some(Equivocation::SameIndex));
    }
    if a.root != b.root && a.fec_set_index == b.fec_set_index {
        return Ok(Some(Equivocation::SetRoot));
    }
    if ends_before(a, b) || ends_before(b, a) {
        return Ok(Some(Equivocation::AfterLast));
    }
    if breaks_chain(a, b) || breaks_chain(b, a) {
        return Ok(Some(Equivocation::Chain));
    }
    Ok(None)
}

/// Whether the block ends with `a`, and `b` is a later data shred.
fn ends_before(a: &Shred<'_>, b: &Shred<'_>) -> bool {
    matches!(a.body, Body::Data { ends_slot: true, .. }) && b.is_data() && b.index > a.index
}

/// Whether `b` is of the set right after that of the coding shred `a`, and carries another root.
fn breaks_chain(a: &Shred<'_>, b: &Shred<'_>) -> bool {
    let Body::Code { data_shreds, .. } = a.body else { return false };
    let next = a.fec_set_index.checked_add(data_shreds.into());
    next == Some(b.fec_set_index) && b.chained_root.is_some_and(|root| root != a.root)
}

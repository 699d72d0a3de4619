//! Fast payouts whose deposits are gone, and whose places on the source are other deposits' for good: a reorg gave the key
//! away. One transfer does not see another, so they are looked for where all are at hand.

use spandrel_core::{Contradiction, Transfer};
use spandrel_risk::Lane;
use spandrel_verifiers::DepositId;

/// Each contradicted payout among `open` transfers, with what contradicts it. Nothing is compared while no deposit of a
/// fast payout is gone.
pub(crate) fn contradictions<'a>(open: impl Iterator<Item = &'a Transfer> + Clone) -> Vec<(DepositId, Contradiction)> {
    let is_gone = |transfer: &&Transfer| {
        transfer.mined().is_none() && transfer.is_broadcast() && transfer.is_issued_on(Lane::Fast)
    };
    let gone: Vec<&Transfer> = open.clone().filter(is_gone).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let contradicted_by = |proven: &Transfer| -> Vec<(DepositId, Contradiction)> {
        let mut paid = gone.iter().filter(|paid| paid.deposit.source_key == proven.deposit.source_key).peekable();
        let (Some(_), Some(_), Some(evidence), Some(checkpoint)) =
            (paid.peek(), proven.mined(), &proven.evidence, &proven.checkpoint)
        else {
            return Vec::new();
        };
        let (deposit, evidence, checkpoint) = (proven.deposit.clone(), evidence.clone(), checkpoint.clone());
        let by = Contradiction { deposit, evidence, checkpoint };
        paid.filter(|paid| by.is_of(&paid.deposit)).map(|paid| (paid.id, by.clone())).collect()
    };
    open.flat_map(contradicted_by).collect()
}

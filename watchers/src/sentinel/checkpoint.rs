//! The rule that a checkpoint on a destination names a block of its source chain.
//!
//! Whoever holds the keys of a quorum of verifiers can register any root, and prove under it whatever they like. The block of
//! that height is known here, by the nodes that the source is read from.

use alloy::rpc::types::Log;
use alloy::sol;
use alloy::sol_types::SolEvent;
use alloy_primitives::B256;
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::{Concern, Finding, Judgement, Rule};

sol! {
    /// `CheckpointRegistry.CheckpointStored`.
    event CheckpointStored(bytes32 indexed chain, uint64 indexed height, bytes32 root, uint64 time, uint64 epoch);
}

/// The topic of the event.
pub(super) const TOPICS: [B256; 1] = [CheckpointStored::SIGNATURE_HASH];

/// A checkpoint that a destination's registry stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registered {
    /// Hash of the source chain's name.
    pub source: B256,
    /// Height of the block.
    pub height: u64,
    /// Its hash.
    pub root: B256,
}

/// The checkpoint that a log tells.
pub(super) fn registered(log: &Log) -> Result<Registered, String> {
    let told = CheckpointStored::decode_log_validate(&log.inner).map_err(|error| error.to_string())?;
    let CheckpointStored { chain, height, root, .. } = told.data;
    Ok(Registered { source: chain, height, root })
}

/// Judges one checkpoint of `source` on `destination` by what each node that answers has at its height, `of` so many. Most of
/// them pause; the word of fewer is a dispute, or a lie. `is_late`: nobody has had a block there for long.
pub fn judge_checkpoint(
    destination: &ChainId,
    source: &ChainId,
    registered: &Registered,
    told: &[Option<B256>],
    of: usize,
    is_late: bool,
) -> Judgement {
    let Registered { height, root, .. } = registered;
    let has_root = told.contains(&Some(*root));
    let others = || told.iter().flatten().filter(|hash| *hash != root);
    let (other, are_most) = (others().next(), others().count().saturating_mul(2) > of);
    let (is_pausing, what) = match (other, told.is_empty()) {
        (None, _) if has_root => return Judgement::Fine,
        (Some(other), _) => {
            let why = if has_root { "; one node has it" } else { "" };
            (are_most, format!("{destination} took block {height} of {source} for {root}, it is {other}{why}"))
        }
        (None, false) if is_late => (false, format!("{destination} has a block {height} of {source} that no node has")),
        (None, _) => return Judgement::NotYet,
    };
    let subject = format!("{destination} {source} {height} {root}");
    Judgement::Wrong(Finding {
        rule: Rule::CheckpointForeign,
        subject,
        concern: Concern::Chain(destination.clone()),
        is_pausing,
        what,
    })
}

/// That there were more than the `most` that are watched, of which `registered` was passed over at `now`: nobody looks at it any
/// more. Verifiers sign a block of a source once; so many come of a flood that is to hide one.
pub fn passed_over(destination: &ChainId, registered: &Registered, most: usize, now: UnixSeconds) -> Finding {
    let Registered { height, root, .. } = registered;
    Finding {
        rule: Rule::CheckpointForeign,
        subject: format!("{destination} {height} {root} unseen {now}"),
        concern: Concern::Chain(destination.clone()),
        is_pausing: true,
        what: format!("{destination} took more than {most} checkpoints at once: block {height} as {root} is not looked at"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUE: B256 = B256::repeat_byte(1);
    const FALSE: B256 = B256::repeat_byte(2);

    fn judged(root: B256, told: &[Option<B256>], is_late: bool) -> Judgement {
        let (destination, source) = (ChainId::eip155(9), ChainId::eip155(1));
        let registered = Registered { source: source.hash(), height: 7, root };
        judge_checkpoint(&destination, &source, &registered, told, told.len(), is_late)
    }

    fn is_pausing(judgement: Judgement) -> Option<bool> {
        match judgement {
            Judgement::Wrong(finding) => {
                assert_eq!(finding.concern, Concern::Chain(ChainId::eip155(9)));
                Some(finding.is_pausing)
            }
            _ => None,
        }
    }

    #[test]
    fn a_root_that_is_no_block_of_the_source_pauses_the_destination() {
        assert_eq!(judged(TRUE, &[Some(TRUE), None], false), Judgement::Fine);
        assert_eq!(is_pausing(judged(FALSE, &[Some(TRUE)], false)), Some(true));
        assert_eq!(is_pausing(judged(FALSE, &[None, Some(TRUE), Some(TRUE)], false)), Some(true));
    }

    #[test]
    fn one_lying_node_pauses_nothing_and_hides_nothing() {
        assert_eq!(is_pausing(judged(TRUE, &[Some(TRUE), Some(FALSE)], false)), Some(false));
        assert_eq!(is_pausing(judged(FALSE, &[Some(TRUE), Some(FALSE)], false)), Some(false));
        assert_eq!(is_pausing(judged(FALSE, &[Some(TRUE), Some(FALSE), Some(TRUE)], false)), Some(true));
        // The others are behind, or do not answer.
        assert_eq!(is_pausing(judged(TRUE, &[None, Some(FALSE)], false)), Some(false));
        let (destination, source) = (ChainId::eip155(9), ChainId::eip155(1));
        let registered = Registered { source: source.hash(), height: 7, root: TRUE };
        let alone = judge_checkpoint(&destination, &source, &registered, &[Some(FALSE)], 3, false);
        assert_eq!(is_pausing(alone), Some(false));
    }

    #[test]
    fn a_block_that_nobody_has_is_waited_for_and_told_in_the_end() {
        for told in [&[][..], &[None]] {
            assert_eq!(judged(FALSE, told, false), Judgement::NotYet);
        }
        assert_eq!(is_pausing(judged(FALSE, &[None], true)), Some(false));
        assert_eq!(judged(FALSE, &[], true), Judgement::NotYet, "nobody answers");
    }
}

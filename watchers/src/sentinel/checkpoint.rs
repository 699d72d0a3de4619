//! The rule that a checkpoint on a destination names a block of its source chain.
//!
//! Whoever holds the keys of a quorum of verifiers can register any root, and prove under it whatever they like. The block of
//! that height is known here, by the nodes that the source is read from. Where more blocks are asked for more value, so is whether
//! as many follow as the signed amount needs: a shallow block that is signed for much is claimed under, and reorganised away.

use alloy::rpc::types::Log;
use alloy::sol;
use alloy::sol_types::SolEvent;
use alloy_primitives::B256;
use spandrel_verifiers::follow::BlockRef;
use spandrel_verifiers::{ChainId, Checkpoint, UnixSeconds};

use super::{Concern, Finding, Judgement, Rule};

sol! {
    /// `CheckpointRegistry.CheckpointStored`.
    event CheckpointStored(
        bytes32 indexed chain, uint64 indexed height, bytes32 root, uint64 time, uint64 upTo, uint64 epoch
    );
}

/// The topic of the event.
pub(super) const TOPICS: [B256; 1] = [CheckpointStored::SIGNATURE_HASH];

/// Seconds by which a block may be earlier than the block before it was seen, for clocks differ.
const SLACK: u64 = 60;
/// The same on Bitcoin, whose block times may run backwards (`CheckpointRegistry.ChainRule.timeSlack`).
const BITCOIN_SLACK: u64 = 7_200;

/// Blocks by which nodes may be behind those of whoever signed.
const LAG: u64 = 1;

/// A checkpoint that a destination's registry stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registered {
    /// Hash of the source chain's name.
    pub source: B256,
    /// Height of the block.
    pub height: u64,
    /// Its hash.
    pub root: B256,
    /// When it was made, by the word of whoever signed it.
    pub time: UnixSeconds,
    /// Largest amount for which it is deep enough, by the same word (`Checkpoint::up_to`).
    pub up_to: u64,
}

/// The checkpoint that a log tells.
pub(super) fn registered(log: &Log) -> Result<Registered, String> {
    let told = CheckpointStored::decode_log_validate(&log.inner).map_err(|error| error.to_string())?;
    let CheckpointStored { chain, height, root, time, upTo: up_to, .. } = told.data;
    Ok(Registered { source: chain, height, root, time, up_to })
}

/// What the nodes of a checkpoint's source tell.
#[derive(Clone, Copy, Debug)]
pub struct SourceWord<'a> {
    /// What each that answers has at the checkpoint's height.
    pub there: &'a [Option<B256>],
    /// The best block of each that answers.
    pub heads: &'a [BlockRef],
    /// How many nodes there are.
    pub of: usize,
    /// Blocks, its own included, that the amount of the checkpoint asks for; one where the amount asks for none.
    pub needed: u32,
    /// Whether the nodes may be catching up with whoever signed: the checkpoint was seen only now.
    pub may_be_behind: bool,
}

impl SourceWord<'_> {
    fn are_most(&self, count: usize) -> bool {
        count.saturating_mul(2) > self.of
    }

    /// Whether most nodes have a block that was made after `known_by` and is lower than `height`: nobody had one there by then.
    fn denies(&self, source: &ChainId, height: u64, known_by: UnixSeconds) -> bool {
        let slack = if source.eip155_number().is_some() { SLACK } else { BITCOIN_SLACK };
        let is_later = |head: &&BlockRef| head.height < height && head.time > known_by.saturating_add(slack);
        self.are_most(self.heads.iter().filter(is_later).count())
    }

    /// Whether most nodes are more than `lag` blocks short of what a block at `height` needs. Heads are asked for before what is
    /// there, and may be lower than what was found: that says nothing where the amount asks for no depth.
    fn are_short(&self, height: u64, lag: u64) -> bool {
        let last = height.saturating_add(u64::from(self.needed)).saturating_sub(1);
        let are_short = self.heads.iter().filter(|head| head.height.saturating_add(lag) < last).count();
        self.needed > 1 && self.are_most(are_short)
    }
}

/// Judges one checkpoint of `source` on `destination`, seen there at `since`, by its nodes' word. Most of them pause, and most of
/// them clear it; the word of fewer is a dispute, or a lie. What is signed is final: a block that was not there by its own time,
/// nor when it was seen, is none. Nor is one good for an amount for which too few blocks follow. `is_late`: most have had no block there for long.
pub fn judge_checkpoint(
    destination: &ChainId,
    source: &ChainId,
    registered: &Registered,
    word: &SourceWord<'_>,
    since: UnixSeconds,
    is_late: bool,
) -> Judgement {
    let Registered { height, root, time, up_to, .. } = registered;
    let told = word.there;
    let vouching = told.iter().filter(|hash| **hash == Some(*root)).count();
    let others = || told.iter().flatten().filter(|hash| *hash != root);
    let (other, are_most) = (others().next(), word.are_most(others().count()));
    let is_denied = word.denies(source, *height, since.min(*time));
    let (is_pausing, what) = match (other, told.is_empty()) {
        _ if is_denied => (true, format!("{destination} has a block {height} of {source}, which has not come so far")),
        (None, _) if word.are_most(vouching) && word.are_short(*height, LAG) && !word.may_be_behind => {
            let needed = word.needed;
            (
                true,
                format!("{destination} took block {height} of {source} for up to {up_to}, which needs {needed} blocks"),
            )
        }
        (None, _) if word.are_most(vouching) && word.are_short(*height, 0) => return Judgement::NotYet,
        (None, _) if word.are_most(vouching) => return Judgement::Fine,
        (Some(other), _) => {
            let why = if vouching == 0 { "" } else { "; one node has it" };
            (are_most, format!("{destination} took block {height} of {source} for {root}, it is {other}{why}"))
        }
        (None, false) if is_late => {
            let who = if vouching == 0 { "no node has" } else { "most nodes do not have" };
            (false, format!("{destination} has a block {height} of {source} that {who}"))
        }
        (None, _) => return Judgement::NotYet,
    };
    // The same block for another amount is other evidence.
    let subject = match *up_to {
        Checkpoint::ANY_AMOUNT => format!("{destination} {source} {height} {root}"),
        up_to => format!("{destination} {source} {height} {root} {up_to}"),
    };
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
        what: format!(
            "{destination} took more than {most} checkpoints at once: block {height} as {root} is not looked at"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUE: B256 = B256::repeat_byte(1);
    const FALSE: B256 = B256::repeat_byte(2);

    /// When it was made, and seen.
    const TIME: UnixSeconds = 1_000;
    const SINCE: UnixSeconds = 2_000;

    /// Of a checkpoint at height 7.
    fn judged_by(source: &ChainId, root: B256, word: &SourceWord<'_>, is_late: bool) -> Judgement {
        let registered =
            Registered { source: source.hash(), height: 7, root, time: TIME, up_to: Checkpoint::ANY_AMOUNT };
        judge_checkpoint(&ChainId::eip155(9), source, &registered, word, SINCE, is_late)
    }

    fn judged(root: B256, told: &[Option<B256>], is_late: bool) -> Judgement {
        let word = SourceWord { there: told, heads: &[], of: told.len(), needed: 1, may_be_behind: false };
        judged_by(&ChainId::eip155(1), root, &word, is_late)
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
        assert_eq!(judged(TRUE, &[Some(TRUE), Some(TRUE), None], false), Judgement::Fine);
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
        let word = SourceWord { there: &[Some(FALSE)], heads: &[], of: 3, needed: 1, may_be_behind: false };
        assert_eq!(is_pausing(judged_by(&ChainId::eip155(1), TRUE, &word, false)), Some(false));
    }

    /// The others have no block there yet: what they will have is not known.
    #[test]
    fn one_node_that_has_a_block_clears_it_for_nobody_else() {
        let ethereum = ChainId::eip155(1);
        let by = |there: &[Option<B256>], is_late| {
            judged_by(
                &ethereum,
                FALSE,
                &SourceWord { there, heads: &[], of: 3, needed: 1, may_be_behind: false },
                is_late,
            )
        };
        for there in [&[None, None, Some(FALSE)][..], &[None, Some(FALSE)], &[Some(FALSE)]] {
            assert_eq!(by(there, false), Judgement::NotYet, "{there:?}");
            assert_eq!(is_pausing(by(there, true)), Some(false), "{there:?}");
        }
        assert_eq!(by(&[Some(FALSE), Some(FALSE)], false), Judgement::Fine, "most nodes have it");
    }

    #[test]
    fn a_block_that_nobody_has_is_waited_for_and_told_in_the_end() {
        for told in [&[][..], &[None]] {
            assert_eq!(judged(FALSE, told, false), Judgement::NotYet);
        }
        assert_eq!(is_pausing(judged(FALSE, &[None], true)), Some(false));
        assert_eq!(judged(FALSE, &[], true), Judgement::NotYet, "nobody answers");
    }

    /// Its block is true, and as shallow as it was when it was signed for less.
    #[test]
    fn a_true_block_that_is_signed_for_more_than_its_depth_allows_pauses_the_destination() {
        let bitcoin = ChainId::bip122(B256::ZERO);
        let seen = |heads: &[u64], up_to, may_be_behind| {
            let head = |height: &u64| BlockRef { height: *height, hash: TRUE, time: TIME };
            let heads: Vec<_> = heads.iter().map(head).collect();
            let registered = Registered { source: bitcoin.hash(), height: 7, root: TRUE, time: TIME, up_to };
            let word = SourceWord { there: &[Some(TRUE); 3], heads: &heads, of: 3, needed: 6, may_be_behind };
            judge_checkpoint(&ChainId::eip155(9), &bitcoin, &registered, &word, SINCE, false)
        };
        let at = |heads: &[u64], up_to| seen(heads, up_to, false);
        assert_eq!(is_pausing(at(&[7, 7, 7], 5)), Some(true), "one block of six");
        assert_eq!(seen(&[7, 7, 7], 5, true), Judgement::NotYet, "nodes that were started again catch up");
        assert_eq!(is_pausing(at(&[10, 10, 99], 5)), Some(true), "four, and one node that lies");
        assert_eq!(at(&[11, 11, 11], 5), Judgement::NotYet, "they may be a block behind");
        assert_eq!(at(&[12, 12, 7], 5), Judgement::Fine);
        let heads = [BlockRef { height: 3, hash: TRUE, time: TIME }; 3];
        let word = SourceWord { there: &[Some(TRUE); 3], heads: &heads, of: 3, needed: 1, may_be_behind: false };
        assert_eq!(
            judged_by(&bitcoin, TRUE, &word, false),
            Judgement::Fine,
            "the blocks came since heads were asked for"
        );
        let key = |up_to| match at(&[7, 7, 7], up_to) {
            Judgement::Wrong(finding) => finding.key(),
            other => panic!("{other:?}"),
        };
        assert_ne!(key(5), key(6), "for more it is other evidence");
    }

    /// Nobody can have a block there while it is too high, and claims are paid under it all the same.
    #[test]
    fn a_block_above_the_heads_of_nodes_that_are_past_its_time_pauses_the_destination() {
        let ethereum = ChainId::eip155(1);
        let head = |height, time| BlockRef { height, hash: TRUE, time };
        let by = |source: &ChainId, there: &[Option<B256>], heads: &[BlockRef]| {
            judged_by(source, FALSE, &SourceWord { there, heads, of: 3, needed: 1, may_be_behind: false }, false)
        };
        let (behind, past) = (head(6, TIME + SLACK), head(6, TIME + SLACK + 1));
        let of_ethereum = |heads: &[BlockRef]| by(&ethereum, &[None, None, None], heads);
        assert_eq!(is_pausing(of_ethereum(&[past, past, behind])), Some(true));
        assert_eq!(of_ethereum(&[past, behind, behind]), Judgement::NotYet, "one node's word");
        assert_eq!(of_ethereum(&[past, behind]), Judgement::NotYet, "of three nodes");
        assert_eq!(of_ethereum(&[head(7, SINCE + 999); 3]), Judgement::NotYet, "they have come so far");
        let one_lies = by(&ethereum, &[None, None, Some(FALSE)], &[past, past, head(9, SINCE)]);
        assert_eq!(is_pausing(one_lies), Some(true), "a node that says to have it hides nothing");
        // Whatever time was signed: it was not there when it was seen.
        let (time, up_to) = (u64::MAX, Checkpoint::ANY_AMOUNT);
        let registered = Registered { source: ethereum.hash(), height: 7, root: FALSE, time, up_to };
        let seen = |time| {
            let heads = [head(6, time); 3];
            let word = SourceWord { there: &[None; 3], heads: &heads, of: 3, needed: 1, may_be_behind: false };
            judge_checkpoint(&ChainId::eip155(9), &ethereum, &registered, &word, SINCE, false)
        };
        assert_eq!(seen(SINCE + SLACK), Judgement::NotYet);
        assert_eq!(is_pausing(seen(SINCE + SLACK + 1)), Some(true));
        let bitcoin = ChainId::bip122(B256::ZERO);
        let of_bitcoin = |time| by(&bitcoin, &[None; 3], &[head(6, time); 3]);
        assert_eq!(of_bitcoin(TIME + BITCOIN_SLACK), Judgement::NotYet, "its times run backwards");
        assert_eq!(is_pausing(of_bitcoin(TIME + BITCOIN_SLACK + 1)), Some(true));
    }
}

//! Whether a cursor's last block is still on the chain with most work, and if not, where the branches part.

use alloy_primitives::Bytes;
use spandrel_verifiers::Contradiction;
use spandrel_verifiers::bitcoin::{self, HeaderChain};
use spandrel_verifiers::follow::{BlockRef, Cursor, FollowError};

/// How a cursor stands to the chain with most work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Its last block is on it.
    Extends,
    /// Some of its blocks are not.
    Replaced {
        /// The highest block that is on both.
        common_ancestor: BlockRef,
        /// Those above it, lowest first.
        dropped: Vec<BlockRef>,
    },
    /// The headers have not come as far as the cursor yet: that is no reorg.
    Behind(String),
    /// A final block, or more than the cursor remembers, was replaced; and what shows it, where its headers are known.
    Halted(String, Option<Box<Contradiction>>),
}

/// Where the cursor's blocks stand in `chain`.
///
/// A block that `chain` knows is replaced only by a branch of more work. One that it does not know, because the chain
/// was rebuilt meanwhile, is replaced only by a longer branch: the work above it was not kept with the cursor.
pub fn follow(chain: &HeaderChain, cursor: &Cursor) -> Result<Followed, FollowError> {
    let tip = cursor.tip().ok_or_else(empty_cursor)?;
    if tip.height < chain.anchor().height {
        return Err(FollowError::Permanent {
            field: "anchor.height".to_owned(),
            expected: format!("at most {}, the height of the last block read", tip.height),
            found: chain.anchor().height.to_string(),
        });
    }
    if chain.confirmations(tip.hash).is_some() {
        return Ok(Followed::Extends);
    }
    let best = chain.best();
    if chain.header(tip.hash).is_none() && best.height <= tip.height {
        let reason =
            format!("the node has not come to block {} ({}) yet, but to {}", tip.height, tip.hash, best.height);
        return Ok(Followed::Behind(reason));
    }
    let is_shared = |block: &BlockRef| chain.at_height(block.height).is_some_and(|best| best.hash == block.hash);
    let Some(index) = cursor.recent.iter().rposition(is_shared) else {
        let oldest = cursor.recent.first().map_or(0, |block| block.height);
        let reason = format!("none of the blocks read since height {oldest} is on the best chain");
        return Ok(Followed::Halted(reason, None));
    };
    let (kept, dropped) = cursor.recent.split_at(index + 1);
    let ancestor = kept.last().ok_or_else(empty_cursor)?;
    if let Some(last) = cursor.finalized.filter(|last| ancestor.height < last.height) {
        let reason = format!("final block {} ({}) was replaced", last.height, last.hash);
        return Ok(Followed::Halted(reason, shown(chain, ancestor, dropped)));
    }
    Ok(Followed::Replaced { common_ancestor: *ancestor, dropped: dropped.to_vec() })
}

/// Both branches after `ancestor`: that of `dropped`, and the best chain's. Nothing where the headers of the first are not known
/// any more, as after a restart.
fn shown(chain: &HeaderChain, ancestor: &BlockRef, dropped: &[BlockRef]) -> Option<Box<Contradiction>> {
    let header = |block: BlockRef| -> Option<Bytes> { Some(chain.header(block.hash)?.1.encode().into()) };
    let best = chain.best().height;
    let two = bitcoin::Contradiction {
        chain: chain.params().chain(),
        anchor: chain.rebased(best.checked_sub(ancestor.height)?).ok()?.anchor().clone(),
        replaced: dropped.iter().copied().map(header).collect::<Option<_>>()?,
        replacing: (ancestor.height + 1..=best)
            .map(|height| header(chain.at_height(height)?))
            .collect::<Option<_>>()?,
    };
    let two = Contradiction::Bitcoin(Box::new(two));
    two.verify().is_ok().then(|| Box::new(two))
}

/// A cursor without blocks was not made by a watcher.
pub fn empty_cursor() -> FollowError {
    FollowError::Permanent {
        field: "cursor.recent".into(),
        expected: "at least one block".into(),
        found: "none".into(),
    }
}

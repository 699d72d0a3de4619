//! Whether a cursor's last block is still on the best chain, and if not, where the branches part.

use spandrel_verifiers::follow::{BlockRef, Cursor, FollowError};

use super::node::{Node, Standing, hash_from};

/// How a cursor stands to the node's best chain.
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
    /// A final block, or more than the cursor remembers, was replaced.
    Halted(String),
}

/// Asks the node where the cursor's blocks stand.
///
/// A node that has not come as far as the cursor yet is no reorg: that is [`FollowError::Transient`].
pub async fn follow(node: &Node, cursor: &Cursor) -> Result<Followed, FollowError> {
    let tip = cursor.tip().ok_or_else(empty_cursor)?;
    let standing = node.standing(tip).await?;
    if standing == Standing::Best {
        return Ok(Followed::Extends);
    }
    let mut is_another_branch = standing == Standing::Replaced;
    for (index, block) in cursor.recent.iter().enumerate().rev() {
        match node.rpc.hash_at(block.height).await?.map(hash_from) {
            Some(hash) if hash == block.hash => return replaced(node, cursor, index, is_another_branch),
            Some(_) => is_another_branch = true,
            None => {}
        }
    }
    if !is_another_branch {
        return Err(lagging(node, tip));
    }
    let oldest = cursor.recent.first().map_or(0, |block| block.height);
    Ok(Followed::Halted(format!("none of the blocks read since height {oldest} is on the best chain")))
}

fn replaced(node: &Node, cursor: &Cursor, index: usize, is_another_branch: bool) -> Result<Followed, FollowError> {
    let (kept, dropped) = cursor.recent.split_at(index + 1);
    let (Some(ancestor), Some(tip)) = (kept.last(), cursor.tip()) else { return Err(empty_cursor()) };
    if dropped.is_empty() {
        return Err(node.contradiction(format!("block {} is and is not on the best chain", tip.hash)));
    }
    if !is_another_branch {
        return Err(lagging(node, tip));
    }
    if let Some(last) = cursor.finalized.filter(|last| ancestor.height < last.height) {
        let reason = format!("final block {} ({}) was replaced", last.height, last.hash);
        return Ok(Followed::Halted(reason));
    }
    Ok(Followed::Replaced { common_ancestor: *ancestor, dropped: dropped.to_vec() })
}

fn lagging(node: &Node, tip: &BlockRef) -> FollowError {
    node.contradiction(format!("the node has not come to block {} ({}) yet", tip.height, tip.hash))
}

/// A cursor without blocks was not made by a watcher.
pub fn empty_cursor() -> FollowError {
    FollowError::Permanent {
        field: "cursor.recent".into(),
        expected: "at least one block".into(),
        found: "none".into(),
    }
}

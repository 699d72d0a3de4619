//! Standing on a cursor: is its tip still in the best chain, which ancestor is, and what follows it, parent by parent.

use futures::StreamExt;
use spandrel_verifiers::follow::{BlockRef, Cursor, FollowError};

use super::execution::{Execution, ExecutionBlock};

/// Headers asked for at the same time.
const CONCURRENT_HEADERS: usize = 8;

/// Where a cursor stands in the node's best chain.
#[derive(Debug)]
pub(super) enum Standing {
    /// The tip is in the best chain, whose head is `head`.
    OnTip {
        /// The tip's header.
        tip: Box<ExecutionBlock>,
        /// Height of the best block.
        head: u64,
    },
    /// The node's chain ends at one of the blocks below the tip, or before all of them: it lags.
    NodeBehind,
    /// The tip was replaced; `recent[index]` is the last block still in the best chain.
    Replaced {
        /// Index of the common ancestor in `Cursor::recent`.
        index: usize,
    },
    /// None of the cursor's blocks is in the best chain.
    Lost,
}

/// Compares the cursor's blocks with the node's best chain, newest first.
pub(super) async fn locate(execution: &Execution, cursor: &Cursor) -> Result<Standing, FollowError> {
    let head = execution.head().await?;
    let height = head.header.number;
    let reachable: Vec<(usize, &BlockRef)> =
        cursor.recent.iter().enumerate().filter(|(_, block)| block.height <= height).collect();
    let last = cursor.recent.len().saturating_sub(1);
    for (index, block) in reachable.iter().rev() {
        let found = if block.height == height { Some(head.clone()) } else { execution.at(block.height).await? };
        let found = found.ok_or_else(|| {
            execution.lied("eth_getBlockByNumber", format!("no block {} below its head {height}", block.height))
        })?;
        if found.hash != block.hash {
            continue;
        }
        return Ok(match (*index == last, block.height == height) {
            (true, _) => Standing::OnTip { tip: Box::new(found), head: height },
            (false, true) => Standing::NodeBehind,
            (false, false) => Standing::Replaced { index: *index },
        });
    }
    Ok(if reachable.is_empty() { Standing::NodeBehind } else { Standing::Lost })
}

/// The blocks after `tip` up to height `to`, each the child of the one before; ends early where the node has none or
/// another branch.
pub(super) async fn children(
    execution: &Execution,
    tip: &ExecutionBlock,
    to: u64,
) -> Result<Vec<ExecutionBlock>, FollowError> {
    let heights = tip.header.number.saturating_add(1)..=to;
    let mut headers =
        std::pin::pin!(futures::stream::iter(heights).map(|height| execution.at(height)).buffered(CONCURRENT_HEADERS));
    let mut linked: Vec<ExecutionBlock> = Vec::new();
    while let Some(found) = headers.next().await {
        let parent = linked.last().map_or(tip.hash, |block| block.hash);
        match found? {
            Some(block) if block.header.parent_hash == parent => linked.push(block),
            _ => break,
        }
    }
    Ok(linked)
}

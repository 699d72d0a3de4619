//! How far one node's logs of a contract were read.
//!
//! Blocks are read up to the newest, so that what must not be is found before it is final, and read again until they are
//! final, so that nothing is missed in a reorg. Each node is read by itself, and what any of them tells is looked at: a log is
//! hidden only if every node hides it.

use alloy::rpc::types::Log;
use alloy_primitives::{Address, B256};
use spandrel_verifiers::follow::FollowError;
use tokio::sync::Mutex;

use crate::ethereum::Execution;

/// Blocks before the newest final one that are read at start: what happened while the process was down.
const LOOK_BACK: u64 = 7_200;
/// Most blocks of one read: many providers serve no more.
const MOST_BLOCKS: u64 = 1_000;

#[derive(Default)]
pub(super) struct Place(Mutex<Reached>);

#[derive(Default)]
struct Reached {
    /// The next block to read.
    next: Option<u64>,
    /// The newest block when it was last read to the end.
    newest: Option<u64>,
}

impl Place {
    /// What `told` makes of logs of `contract` with a first topic of `topics`, in the blocks from here on. A block is final
    /// `confirmations` below the newest, or by the chain's `finalized` tag.
    pub(super) async fn read<T>(
        &self,
        node: &Execution,
        contract: Address,
        topics: &[B256],
        confirmations: Option<u64>,
        told: impl Fn(&Log) -> Result<T, String>,
    ) -> Result<Vec<T>, FollowError> {
        let newest = node.height().await?;
        let mut reached = self.0.lock().await;
        if reached.newest == Some(newest) {
            return Ok(Vec::new());
        }
        let last_final = match confirmations {
            Some(depth) => newest.saturating_sub(depth),
            None => node.final_height().await?.unwrap_or(0),
        };
        let from = reached.next.unwrap_or_else(|| last_final.saturating_sub(LOOK_BACK));
        let to = newest.min(from.saturating_add(MOST_BLOCKS - 1));
        let mut found = Vec::new();
        if from <= to {
            let logs = node.logs_between(from, to, contract, topics).await?;
            for log in &logs {
                found.push(told(log).map_err(|reason| node.lied("eth_getLogs", reason))?);
            }
        }
        reached.next = Some(from.max(to.min(last_final).saturating_add(1)));
        reached.newest = (to == newest).then_some(newest);
        Ok(found)
    }
}

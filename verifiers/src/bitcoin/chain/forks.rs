//! Keeping headers off the best chain within bounds.

use std::cmp::Reverse;
use std::collections::HashSet;

use alloy_primitives::B256;

use super::{HeaderChain, Node};
use crate::VerifyError;

/// Most headers kept that are not on the best chain. A deeper reorganisation than this needs a new anchor.
pub const MAX_FORK_HEADERS: usize = 16_128;

/// When fork storage is full, branches with less work than the best chain had this many blocks ago are dropped.
pub const FORK_PRUNE_DEPTH: u64 = 2016;

impl HeaderChain {
    /// When there are too many forked headers, drops those of stale branches; if that is not enough, drops none and
    /// errors (`headers`).
    pub(super) fn prune_forks(&mut self) -> Result<(), VerifyError> {
        if self.forked() <= MAX_FORK_HEADERS {
            return Ok(());
        }
        let stale = self.stale_forks();
        let left = self.forked().saturating_sub(stale.len());
        if left > MAX_FORK_HEADERS {
            return Err(VerifyError::not_yet(
                "headers",
                format!("at most {MAX_FORK_HEADERS} off the best chain"),
                left,
            ));
        }
        for hash in &stale {
            self.nodes.remove(hash);
        }
        Ok(())
    }

    fn stale_forks(&self) -> HashSet<B256> {
        let floor = self.tip.height.saturating_sub(FORK_PRUNE_DEPTH);
        let Some(floor) = self.at_height(floor).and_then(|block| self.nodes.get(&block.hash)) else {
            return HashSet::new();
        };
        let mut forks: Vec<&Node> = self.nodes.values().filter(|node| !self.is_best(node)).collect();
        forks.sort_unstable_by_key(|node| Reverse(node.height));
        let (mut alive, mut stale) = (HashSet::new(), HashSet::new());
        for node in forks {
            if alive.contains(&node.header.hash) || node.chain_work >= floor.chain_work {
                alive.insert(node.header.parent);
            } else {
                stale.insert(node.header.hash);
            }
        }
        stale
    }
}

//! Keeping headers off the best chain within bounds.

use super::HeaderChain;
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
        let is_kept = self.fresh();
        let left = is_kept.iter().filter(|is_kept| **is_kept).count().saturating_sub(self.best.len());
        if left > MAX_FORK_HEADERS {
            return Err(VerifyError::not_yet(
                "headers",
                format!("at most {MAX_FORK_HEADERS} off the best chain"),
                left,
            ));
        }
        self.keep(&is_kept);
        Ok(())
    }

    /// For each header, whether it is on the best chain, or on a branch that has as much work as the best chain had
    /// [`FORK_PRUNE_DEPTH`] blocks ago.
    fn fresh(&self) -> Vec<bool> {
        let floor = self.tip.height.saturating_sub(FORK_PRUNE_DEPTH);
        let Some(floor) = self.best_node(floor).map(|node| node.chain_work) else {
            return vec![true; self.nodes.len()];
        };
        let mut is_kept = vec![false; self.nodes.len()];
        // Children before parents, so that a branch is kept whole.
        for (place, node) in self.nodes.iter().enumerate().rev() {
            let is_wanted = is_kept.get(place) == Some(&true) || node.chain_work >= floor || self.is_best(node);
            if !is_wanted {
                continue;
            }
            for place in [place, node.parent] {
                if let Some(is_kept) = is_kept.get_mut(place) {
                    *is_kept = true;
                }
            }
        }
        is_kept
    }

    /// Drops the other headers and closes the gaps they leave.
    fn keep(&mut self, is_kept: &[bool]) {
        let mut next = 0usize;
        let moved = is_kept.iter().map(|is_kept| {
            let place = next;
            next = next.saturating_add(usize::from(*is_kept));
            place
        });
        let moved: Vec<usize> = moved.collect();
        let moved_to = |place: usize| moved.get(place).copied().unwrap_or_default();
        let mut kept = is_kept.iter();
        self.nodes.retain(|_| kept.next() == Some(&true));
        for node in &mut self.nodes {
            node.parent = moved_to(node.parent);
        }
        for place in &mut self.best {
            *place = moved_to(*place);
        }
        self.places.retain(|_, place| {
            let was_kept = is_kept.get(*place) == Some(&true);
            *place = moved_to(*place);
            was_kept
        });
    }
}

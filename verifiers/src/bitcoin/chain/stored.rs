//! A header chain as it is stored, and moved to a later anchor: always by checking its headers again.

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};

use super::{HeaderChain, Node};
use crate::bitcoin::anchor::{Anchor, MEDIAN_TIME_SPAN};
use crate::bitcoin::params::ChainParams;
use crate::{UnixSeconds, VerifyError};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredChain {
    params: ChainParams,
    anchor: Anchor,
    /// In the order of arrival, so that of two branches with equal work the same one stays best.
    headers: Vec<Bytes>,
}

impl TryFrom<StoredChain> for HeaderChain {
    type Error = VerifyError;
    fn try_from(stored: StoredChain) -> Result<Self, VerifyError> {
        let mut chain = Self::new(stored.params, stored.anchor)?;
        // The two-hour rule was obeyed when they came; it is about that moment, not about now.
        chain.extend(&stored.headers, UnixSeconds::MAX)?;
        Ok(chain)
    }
}

impl From<HeaderChain> for StoredChain {
    fn from(chain: HeaderChain) -> Self {
        let headers = chain.headers_where(|node| node.height > chain.anchor.height);
        Self { headers, params: chain.params, anchor: chain.anchor }
    }
}

impl HeaderChain {
    /// The same chain from a later anchor: the best block `depth` blocks ago. What branches off before it is
    /// forgotten, and memory is bounded by `depth`. Unchanged when the chain is not that long.
    pub fn rebased(&self, depth: u64) -> Result<Self, VerifyError> {
        let height = self.tip.height.saturating_sub(depth);
        let Some(node) = self.best_node(height) else {
            return Ok(self.clone());
        };
        let span = u64::try_from(MEDIAN_TIME_SPAN).unwrap_or(u64::MAX);
        let first = height.saturating_sub(span.saturating_sub(1));
        let within = (first..height).filter_map(|at| self.at_height(at)).filter_map(|at| u32::try_from(at.time).ok());
        let within: Vec<u32> = within.collect();
        let wanted = usize::try_from(height.saturating_sub(first)).unwrap_or(usize::MAX);
        let before = self.anchor.previous_times.iter().rev().take(wanted.saturating_sub(within.len()));
        let mut previous_times: Vec<u32> = before.copied().collect();
        previous_times.reverse();
        previous_times.extend(within);
        let anchor = Anchor {
            height,
            header: node.header.encode().into(),
            chain_work: node.chain_work,
            period_start_time: node.period.time,
            period_start_bits: node.period.bits,
            previous_times,
        };
        let hash = node.header.hash;
        let kept = self.headers_where(|node| {
            node.height > height && self.ancestor(node.header.hash, height).is_some_and(|block| block.hash == hash)
        });
        let mut chain = Self::new(self.params.clone(), anchor)?;
        chain.extend(&kept, UnixSeconds::MAX)?;
        Ok(chain)
    }

    fn headers_where(&self, is_wanted: impl Fn(&Node) -> bool) -> Vec<Bytes> {
        self.nodes.iter().filter(|node| is_wanted(node)).map(|node| node.header.encode().into()).collect()
    }
}

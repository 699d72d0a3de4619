//! Feeds a verifier's header chain from the verifier's own node, and makes the anchor it starts from.

use std::time::Duration;

use alloy_primitives::{Bytes, U256};
use bitcoin::block::Header;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::bitcoin::{
    Anchor, ChainParams, HeaderChain, HeaderUpdate, MEDIAN_TIME_SPAN, RETARGET_INTERVAL,
};
use spandrel_verifiers::follow::{ConsensusSource, FollowError};

use super::RpcEndpoint;
use super::node::{Node, hash_from, hash_to};
use super::rpc::{BitcoinRpc, MAX_BATCH};

/// Most updates of one call, each of at most [`MAX_BATCH`] headers: what is left comes with the next.
const MAX_UPDATES: usize = 32;

/// The Bitcoin [`ConsensusSource`]: the headers of the node's best chain that a [`HeaderChain`] lacks, from where the
/// branches part. The headers are linked; whether they are valid is for the header chain to judge.
#[derive(Clone, Debug)]
pub struct BitcoinConsensus {
    node: Node,
}

impl BitcoinConsensus {
    /// A source on the verifier's own node.
    pub fn new(params: ChainParams, rpc: RpcEndpoint, call_timeout: Duration) -> Result<Self, FollowError> {
        Ok(Self { node: Node { rpc: BitcoinRpc::new(rpc, call_timeout)?, params } })
    }

    /// An anchor at `height` by the node's word, for an operator who trusts this node now: everything above is
    /// checked from there on. Height, header and work should be compared with another source.
    pub async fn anchor(&self, height: u64) -> Result<Anchor, FollowError> {
        self.node.check_identity().await?;
        let period_start = self.linked_headers(height - height % RETARGET_INTERVAL, 1).await?;
        let span = u64::try_from(MEDIAN_TIME_SPAN).unwrap_or(u64::MAX);
        let first = height.saturating_add(1).saturating_sub(span);
        let recent = self.linked_headers(first, height.saturating_add(1).saturating_sub(first)).await?;
        let (Some(period_start), Some(anchor)) = (period_start.first(), recent.last()) else {
            return Err(self.node.contradiction(format!("the node has no block at height {height} yet")));
        };
        let status = self.node.rpc.header_status(anchor.block_hash()).await?;
        let work = status.and_then(|status| U256::from_str_radix(&status.chainwork, 16).ok());
        let work = work.ok_or_else(|| self.node.contradiction("a header without chainwork".to_owned()))?;
        let recent: Vec<Bytes> = recent.iter().map(encoded).collect();
        Anchor::from_headers(&self.node.params, height, Some(work), &encoded(period_start), &recent)
            .map_err(|error| self.node.contradiction(error.to_string()))
    }

    /// A header that breaks the network's rules.
    pub(super) fn refused(&self, error: &VerifyError) -> FollowError {
        self.node.contradiction(error.to_string())
    }

    /// Height of a block on the node's best chain that `trusted` knows, near the highest such.
    async fn common_height(&self, trusted: &HeaderChain) -> Result<u64, FollowError> {
        let anchor = trusted.anchor().height;
        let best = self.node.rpc.height().await?;
        let mut height = trusted.best().height.min(best);
        let mut step = 1;
        while height > anchor {
            if let Some(hash) = self.node.rpc.hash_at(height).await?
                && trusted.header(hash_from(hash)).is_some()
            {
                return Ok(height);
            }
            height = height.saturating_sub(step).max(anchor);
            step *= 2;
        }
        let Some(found) = self.node.rpc.hash_at(anchor).await? else {
            return Err(self.node.contradiction(format!("the node has not come to the anchor's height {anchor} yet")));
        };
        if trusted.header(hash_from(found)).is_none() {
            let expected = trusted.at_height(anchor).map(|block| hash_to(block.hash).to_string());
            return Err(FollowError::Permanent {
                field: format!("best chain's block at the anchor's height {anchor}"),
                expected: expected.unwrap_or_default(),
                found: found.to_string(),
            });
        }
        Ok(anchor)
    }

    /// Up to `count` headers of the best chain from `height` on; fewer at its tip, or where it moved meanwhile.
    async fn linked_headers(&self, height: u64, count: u64) -> Result<Vec<Header>, FollowError> {
        let hashes = self.node.rpc.hashes_at(height..height.saturating_add(count)).await?;
        let mut headers = self.node.rpc.headers(&hashes).await?;
        let pairs = headers.iter().zip(headers.iter().skip(1));
        let linked = pairs.take_while(|(parent, child)| child.prev_blockhash == parent.block_hash()).count();
        headers.truncate(linked.saturating_add(1));
        Ok(headers)
    }
}

impl ConsensusSource<HeaderChain, HeaderUpdate> for BitcoinConsensus {
    async fn updates(&self, trusted: &HeaderChain) -> Result<Vec<HeaderUpdate>, FollowError> {
        self.node.check_identity().await?;
        if trusted.header(hash_from(self.node.rpc.best_hash().await?)).is_some() {
            return Ok(Vec::new());
        }
        let mut height = self.common_height(trusted).await?.saturating_add(1);
        let mut updates: Vec<HeaderUpdate> = Vec::new();
        let mut last: Option<Header> = None;
        let batch = u64::try_from(MAX_BATCH).unwrap_or(u64::MAX);
        while updates.len() < MAX_UPDATES {
            let headers = self.linked_headers(height, batch).await?;
            let Some(first) = headers.first() else { break };
            let is_child = match last {
                None => trusted.header(hash_from(first.prev_blockhash)).is_some(),
                Some(last) => first.prev_blockhash == last.block_hash(),
            };
            if !is_child {
                break;
            }
            let read = u64::try_from(headers.len()).unwrap_or(u64::MAX);
            last = headers.last().copied();
            updates.push(HeaderUpdate { headers: headers.iter().map(encoded).collect() });
            if read < batch {
                break;
            }
            height = height.saturating_add(read);
        }
        if updates.is_empty() {
            return Err(self.node.contradiction("the best chain moved while its headers were read".to_owned()));
        }
        Ok(updates)
    }
}

fn encoded(header: &Header) -> Bytes {
    bitcoin::consensus::serialize(header).into()
}

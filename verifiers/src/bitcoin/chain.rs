//! The tree of headers grown from an [`Anchor`], and its best chain: the one with most work.
//!
//! Every header in the tree has been checked in full under its parent (see `rules`). Best is the branch with most
//! work by 256-bit sum, however deep it forks; of two with equal work the one seen first. A batch of headers is taken
//! as a whole or not at all.

mod forks;
mod rules;
mod stored;

use std::collections::HashMap;

use alloy_primitives::{B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use self::rules::{Period, Place};
use super::anchor::{Anchor, MEDIAN_TIME_SPAN};
use super::header::Header;
use super::params::ChainParams;
use super::target::work_of;
use crate::follow::BlockRef;
use crate::{Finalized, UnixSeconds, VerifyError};

pub use self::forks::{FORK_PRUNE_DEPTH, MAX_FORK_HEADERS};
pub use self::rules::MAX_FUTURE;

/// All headers known from an anchor on. Serialized as its headers, which are checked again when it is loaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "stored::StoredChain", into = "stored::StoredChain")]
pub struct HeaderChain {
    params: ChainParams,
    anchor: Anchor,
    nodes: HashMap<B256, Node>,
    /// Hashes of the best chain, the anchor's first, the tip's last.
    best: Vec<B256>,
    tip: Node,
    /// How many headers ever came.
    arrivals: u64,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    header: Header,
    height: u64,
    /// Work up to and including this block.
    chain_work: U256,
    /// Place in the order of arrival, the anchor's being 0.
    arrival: u64,
    period: Period,
}

impl HeaderChain {
    /// A chain of one block, the anchor. Errors name `anchor.…`.
    pub fn new(params: ChainParams, anchor: Anchor) -> Result<Self, VerifyError> {
        let header = anchor.check(&params)?;
        let tip = Node {
            header,
            height: anchor.height,
            chain_work: anchor.chain_work,
            arrival: 0,
            period: Period { time: anchor.period_start_time, bits: anchor.period_start_bits },
        };
        let nodes = HashMap::from([(header.hash, tip)]);
        Ok(Self { params, anchor, nodes, best: vec![header.hash], tip, arrivals: 0 })
    }

    /// The network's rules.
    pub fn params(&self) -> &ChainParams {
        &self.params
    }

    /// Where trust starts.
    pub fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// The last block of the chain with most work.
    pub fn best(&self) -> BlockRef {
        self.tip.block()
    }

    /// Work of the best chain, from the genesis block on.
    pub fn best_work(&self) -> U256 {
        self.tip.chain_work
    }

    /// The header `hash` and its height, on whatever branch.
    pub fn header(&self, hash: B256) -> Option<(u64, &Header)> {
        self.nodes.get(&hash).map(|node| (node.height, &node.header))
    }

    /// The best chain's block at `height`; None below the anchor or above the best block.
    pub fn at_height(&self, height: u64) -> Option<BlockRef> {
        let index = usize::try_from(height.checked_sub(self.anchor.height)?).ok()?;
        self.best.get(index).and_then(|hash| self.nodes.get(hash)).map(Node::block)
    }

    /// The block at `height` on the branch that ends in `hash`.
    pub fn ancestor(&self, hash: B256, height: u64) -> Option<BlockRef> {
        let mut node = self.nodes.get(&hash)?;
        while node.height > height {
            if self.is_best(node) {
                return self.at_height(height);
            }
            node = self.nodes.get(&node.header.parent)?;
        }
        (node.height == height).then(|| node.block())
    }

    /// How many headers are known, the anchor and forks included.
    pub fn known(&self) -> usize {
        self.nodes.len()
    }

    /// How many headers are known that are not on the best chain; at most [`MAX_FORK_HEADERS`].
    pub fn forked(&self) -> usize {
        self.nodes.len().saturating_sub(self.best.len())
    }

    /// Blocks of the best chain from `hash` to the last one, itself included; None when it is not on it.
    pub fn confirmations(&self, hash: B256) -> Option<u64> {
        let node = self.nodes.get(&hash).filter(|node| self.is_best(node))?;
        self.tip.height.checked_sub(node.height)?.checked_add(1)
    }

    /// The block `hash`, if it stands at least `confirmations` deep (itself included) on the chain with most work.
    /// Errors name `header` or `confirmations`; all of them may pass later.
    pub fn is_final(&self, hash: B256, confirmations: u32) -> Result<Finalized<BlockRef>, VerifyError> {
        let Some(node) = self.nodes.get(&hash) else {
            return Err(VerifyError::not_yet("header", "a known block", hash));
        };
        let Some(depth) = self.confirmations(hash) else {
            let best = self.at_height(node.height).unwrap_or_else(|| self.best());
            let expected = format!("a block of the chain with most work, such as {}", best.hash);
            return Err(VerifyError::not_yet("header", expected, hash));
        };
        if depth < u64::from(confirmations.max(1)) {
            return Err(VerifyError::not_yet("confirmations", format!("at least {confirmations}"), depth));
        }
        Ok(Finalized::new(node.block()))
    }

    /// Takes headers, each 80 bytes, parents before children; known ones are skipped. On error nothing has changed,
    /// and the field names the header and the rule: `headers[3].bits`.
    pub fn extend(&mut self, headers: &[Bytes], now: UnixSeconds) -> Result<(), VerifyError> {
        let mut added = Vec::new();
        let taken = self.take_all(headers, now, &mut added).and_then(|()| self.settle(&added));
        if taken.is_err() {
            for hash in &added {
                self.nodes.remove(hash);
            }
        }
        taken
    }

    fn take_all(&mut self, headers: &[Bytes], now: UnixSeconds, added: &mut Vec<B256>) -> Result<(), VerifyError> {
        for (index, bytes) in headers.iter().enumerate() {
            let node = Header::parse(bytes).and_then(|header| match self.nodes.contains_key(&header.hash) {
                true => Ok(None),
                false => self.check(header, now).map(Some),
            });
            if let Some(node) = node.map_err(|error| error.within(&format!("headers[{index}]")))? {
                self.arrivals = node.arrival;
                self.nodes.insert(node.header.hash, node);
                added.push(node.header.hash);
            }
        }
        Ok(())
    }

    /// Every rule of a header under its parent.
    fn check(&self, header: Header, now: UnixSeconds) -> Result<Node, VerifyError> {
        let Some(parent) = self.nodes.get(&header.parent) else {
            return Err(VerifyError::not_yet("parent", "the hash of a known header", header.parent));
        };
        let place = Place {
            height: parent.height.saturating_add(1),
            parent_time: parent.header.time,
            parent_bits: parent.header.bits,
            median_time: self.median_time(parent),
            period: parent.period,
        };
        let target = place.check(&self.params, &header, now)?;
        let Some(chain_work) = parent.chain_work.checked_add(work_of(target)) else {
            return Err(VerifyError::invalid("bits", "a sum of work within 256 bits", parent.chain_work));
        };
        let arrival = self.arrivals.saturating_add(1);
        Ok(Node { header, height: place.height, chain_work, arrival, period: place.period_with(&header) })
    }

    /// Median time of `node` and the ten blocks before it.
    fn median_time(&self, node: &Node) -> u32 {
        let mut times = Vec::with_capacity(MEDIAN_TIME_SPAN);
        let mut at = Some(node);
        while let Some(node) = at.filter(|_| times.len() < MEDIAN_TIME_SPAN) {
            times.push(node.header.time);
            at = self.nodes.get(&node.header.parent);
        }
        let missing = MEDIAN_TIME_SPAN.saturating_sub(times.len());
        times.extend(self.anchor.previous_times.iter().rev().take(missing));
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or(u32::MAX)
    }

    /// Moves the best chain to the new header with most work, if it beats it, and keeps fork storage within its limit.
    fn settle(&mut self, added: &[B256]) -> Result<(), VerifyError> {
        let previous = self.tip;
        for node in added.iter().filter_map(|hash| self.nodes.get(hash)) {
            if node.chain_work > self.tip.chain_work {
                self.tip = *node;
            }
        }
        self.follow_tip();
        let pruned = self.prune_forks();
        if pruned.is_err() {
            self.tip = previous;
            self.follow_tip();
        }
        pruned
    }

    /// Makes `best` the branch of `tip`.
    fn follow_tip(&mut self) {
        let mut branch = Vec::new();
        let mut at = Some(self.tip);
        while let Some(node) = at.filter(|node| !self.is_best(node)) {
            branch.push(node.header.hash);
            at = self.nodes.get(&node.header.parent).copied();
        }
        let length = self.index_of(self.tip.height).saturating_add(1);
        self.best.truncate(length.saturating_sub(branch.len()));
        self.best.extend(branch.into_iter().rev());
    }

    fn index_of(&self, height: u64) -> usize {
        usize::try_from(height.saturating_sub(self.anchor.height)).unwrap_or(usize::MAX)
    }

    fn is_best(&self, node: &Node) -> bool {
        self.best.get(self.index_of(node.height)) == Some(&node.header.hash)
    }
}

impl Node {
    fn block(&self) -> BlockRef {
        BlockRef { height: self.height, hash: self.header.hash, time: self.header.time.into() }
    }
}

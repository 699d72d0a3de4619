//! The tree of headers grown from an [`Anchor`], and its best chain: the one with most work.
//!
//! Every header in the tree has been checked in full under its parent (see `rules`). Best is the branch with most
//! work by 256-bit sum, however deep it forks; of two with equal work the one seen first. A batch of headers is taken
//! as a whole or not at all.

mod forks;
mod rules;
mod stored;
mod times;

use alloy_primitives::map::B256Map;
use alloy_primitives::map::hash_map::Entry;
use alloy_primitives::{B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use self::rules::{Period, Place};
use self::times::RecentTimes;
use super::anchor::Anchor;
use super::header::Header;
use super::params::ChainParams;
use super::work::{Difficulty, header_hashes};
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
    /// In the order of arrival, the anchor first: parents stand before their children.
    nodes: Vec<Node>,
    /// Where in `nodes` each hash stands.
    places: B256Map<usize>,
    /// Places of the best chain, the anchor's first, the tip's last.
    best: Vec<usize>,
    tip: Node,
    /// Of the header taken last.
    difficulty: Difficulty,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    header: Header,
    /// Where its parent stands; the anchor's own place for the anchor.
    parent: usize,
    height: u64,
    /// Work up to and including this block.
    chain_work: U256,
    period: Period,
}

/// A header in `nodes`, with what its child is asked about the blocks before it.
#[derive(Clone, Copy)]
struct Last {
    place: usize,
    times: RecentTimes,
}

impl HeaderChain {
    /// A chain of one block, the anchor. Errors name `anchor.…`.
    pub fn new(params: ChainParams, anchor: Anchor) -> Result<Self, VerifyError> {
        let header = anchor.check(&params)?;
        let tip = Node {
            header,
            parent: 0,
            height: anchor.height,
            chain_work: anchor.chain_work,
            period: Period { time: anchor.period_start_time, bits: anchor.period_start_bits },
        };
        let difficulty = Difficulty::of(&params, header.bits)?;
        let places = B256Map::from_iter([(header.hash, 0)]);
        Ok(Self { params, anchor, nodes: vec![tip], places, best: vec![0], tip, difficulty })
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
        self.node(hash).map(|node| (node.height, &node.header))
    }

    /// The best chain's block at `height`; None below the anchor or above the best block.
    pub fn at_height(&self, height: u64) -> Option<BlockRef> {
        self.best_node(height).map(Node::block)
    }

    /// The block at `height` on the branch that ends in `hash`.
    pub fn ancestor(&self, hash: B256, height: u64) -> Option<BlockRef> {
        let mut node = self.node(hash)?;
        while node.height > height {
            if self.is_best(node) {
                return self.at_height(height);
            }
            node = self.nodes.get(node.parent)?;
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

    /// Bytes that it holds in memory, without what its maps and lists keep ready for more.
    pub fn memory(&self) -> usize {
        let per_header = size_of::<Node>().saturating_add(size_of::<(B256, usize)>());
        let of_best = self.best.len().saturating_mul(size_of::<usize>());
        self.nodes.len().saturating_mul(per_header).saturating_add(of_best).saturating_add(size_of::<Self>())
    }

    /// Blocks of the best chain from `hash` to the last one, itself included; None when it is not on it.
    pub fn confirmations(&self, hash: B256) -> Option<u64> {
        let node = self.node(hash).filter(|node| self.is_best(node))?;
        self.tip.height.checked_sub(node.height)?.checked_add(1)
    }

    /// The block `hash`, if it stands at least `confirmations` deep (itself included) on the chain with most work.
    /// Errors name `header` or `confirmations`; all of them may pass later.
    pub fn is_final(&self, hash: B256, confirmations: u32) -> Result<Finalized<BlockRef>, VerifyError> {
        let Some(node) = self.node(hash) else {
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
        let before = self.nodes.len();
        let taken = self.take_all(headers, now).and_then(|()| self.settle(before));
        if taken.is_err() {
            for node in self.nodes.drain(before..) {
                self.places.remove(&node.header.hash);
            }
        }
        taken
    }

    fn take_all(&mut self, headers: &[Bytes], now: UnixSeconds) -> Result<(), VerifyError> {
        self.nodes.reserve(headers.len());
        self.places.reserve(headers.len());
        let mut last = None;
        for (index, (bytes, hash)) in headers.iter().zip(header_hashes(headers)).enumerate() {
            let taken = Header::hashed(bytes, hash).and_then(|header| self.take(header, now, &mut last));
            taken.map_err(|error| error.within(&format!("headers[{index}]")))?;
        }
        Ok(())
    }

    /// Takes a header that obeys every rule under its parent, which most often is the one taken before, `last`.
    fn take(&mut self, header: Header, now: UnixSeconds, last: &mut Option<Last>) -> Result<(), VerifyError> {
        let is_child = |last: &Last| self.nodes.get(last.place).is_some_and(|node| node.header.hash == header.parent);
        let parent_place = match last.filter(is_child) {
            Some(last) => Some(last.place),
            None => self.places.get(&header.parent).copied(),
        };
        let Entry::Vacant(vacant) = self.places.entry(header.hash) else { return Ok(()) };
        let Some((parent_place, parent)) = parent_place.and_then(|place| Some((place, self.nodes.get(place)?))) else {
            return Err(VerifyError::not_yet("parent", "the hash of a known header", header.parent));
        };
        let mut times = match last {
            Some(last) if last.place == parent_place => last.times,
            _ => recent_times(&self.nodes, &self.anchor, parent),
        };
        let place = Place {
            height: parent.height.saturating_add(1),
            parent_time: parent.header.time,
            parent_bits: parent.header.bits,
            median_time: times.median(),
            period: parent.period,
        };
        let difficulty = place.check(&self.params, &header, self.difficulty, now)?;
        let Some(chain_work) = parent.chain_work.checked_add(difficulty.work) else {
            return Err(VerifyError::invalid("bits", "a sum of work within 256 bits", parent.chain_work));
        };
        let period = place.period_with(&header);
        let node = Node { header, parent: parent_place, height: place.height, chain_work, period };
        times.push(header.time);
        *last = Some(Last { place: self.nodes.len(), times });
        vacant.insert(self.nodes.len());
        self.nodes.push(node);
        self.difficulty = difficulty;
        Ok(())
    }

    /// Moves the best chain to the header with most work of those that stand from `first` on, if it beats it, and
    /// keeps fork storage within its limit.
    fn settle(&mut self, first: usize) -> Result<(), VerifyError> {
        let previous = self.tip;
        let mut best = &previous;
        for node in self.nodes.iter().skip(first) {
            if node.chain_work > best.chain_work {
                best = node;
            }
        }
        self.tip = *best;
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
        let mut at = self.places.get(&self.tip.header.hash).copied();
        while let Some((place, node)) = at.and_then(|place| self.nodes.get(place).map(|node| (place, node))) {
            if self.best.get(self.index_of(node.height)) == Some(&place) {
                break;
            }
            branch.push(place);
            at = Some(node.parent);
        }
        let length = self.index_of(self.tip.height).saturating_add(1);
        self.best.truncate(length.saturating_sub(branch.len()));
        self.best.extend(branch.into_iter().rev());
    }

    fn node(&self, hash: B256) -> Option<&Node> {
        self.places.get(&hash).and_then(|place| self.nodes.get(*place))
    }

    /// The best chain's block at `height`.
    fn best_node(&self, height: u64) -> Option<&Node> {
        let index = usize::try_from(height.checked_sub(self.anchor.height)?).ok()?;
        self.best.get(index).and_then(|place| self.nodes.get(*place))
    }

    fn index_of(&self, height: u64) -> usize {
        usize::try_from(height.saturating_sub(self.anchor.height)).unwrap_or(usize::MAX)
    }

    fn is_best(&self, node: &Node) -> bool {
        self.best_node(node.height).is_some_and(|best| best.header.hash == node.header.hash)
    }
}

/// Times of `node` and the ten blocks before it.
fn recent_times(nodes: &[Node], anchor: &Anchor, node: &Node) -> RecentTimes {
    let parent_of = |node: &&Node| (node.height > anchor.height).then(|| nodes.get(node.parent)).flatten();
    let known = std::iter::successors(Some(node), parent_of).map(|node| node.header.time);
    RecentTimes::ending_with(known.chain(anchor.previous_times.iter().rev().copied()))
}

impl Node {
    fn block(&self) -> BlockRef {
        BlockRef { height: self.height, hash: self.header.hash, time: self.header.time.into() }
    }
}

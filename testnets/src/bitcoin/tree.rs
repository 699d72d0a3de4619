//! Every block ever seen, on every branch, and which of them form the active chain.
//!
//! The best candidate is the valid block of most work, the first seen among equals (Core's
//! `CBlockIndexWorkComparator`).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use bitcoin::{Block, BlockHash, Work};

/// A block in the tree.
pub struct Entry {
    /// The block itself.
    pub block: Arc<Block>,
    /// Its height.
    pub height: u32,
    /// Work of its chain, itself included.
    pub work: Work,
    /// Order of arrival.
    sequence: usize,
    /// It, or one of its ancestors, was found or declared invalid.
    pub invalid: bool,
    children: Vec<BlockHash>,
}

/// All branches over one genesis block.
pub struct BlockTree {
    entries: HashMap<BlockHash, Entry>,
    active: Vec<BlockHash>,
}

impl BlockTree {
    /// A tree of the genesis block alone.
    pub fn new(genesis: Block) -> Self {
        let hash = genesis.block_hash();
        let work = genesis.header.work();
        let entry =
            Entry { block: Arc::new(genesis), height: 0, work, sequence: 0, invalid: false, children: Vec::new() };
        Self { entries: HashMap::from([(hash, entry)]), active: vec![hash] }
    }

    /// Adds a block below a known parent; false if the parent is not known. A known block stays as it is.
    pub fn insert(&mut self, block: Block) -> bool {
        let hash = block.block_hash();
        if self.entries.contains_key(&hash) {
            return true;
        }
        let sequence = self.entries.len();
        let Some(parent) = self.entries.get_mut(&block.header.prev_blockhash) else { return false };
        parent.children.push(hash);
        let entry = Entry {
            height: parent.height + 1,
            work: parent.work + block.header.work(),
            invalid: parent.invalid,
            block: Arc::new(block),
            sequence,
            children: Vec::new(),
        };
        self.entries.insert(hash, entry);
        true
    }

    /// The block of this hash, on whatever branch.
    pub fn get(&self, hash: &BlockHash) -> Option<&Entry> {
        self.entries.get(hash)
    }

    /// An entry that the caller has taken from this tree.
    pub fn entry(&self, hash: &BlockHash) -> &Entry {
        &self.entries[hash]
    }

    /// Hashes of the active chain, by height.
    pub fn active(&self) -> &[BlockHash] {
        &self.active
    }

    /// The active tip.
    pub fn tip(&self) -> BlockHash {
        self.active[self.active.len() - 1]
    }

    /// Height of the active tip.
    pub fn tip_height(&self) -> u32 {
        self.active.len() as u32 - 1
    }

    /// Whether this block is in the active chain.
    pub fn is_active(&self, hash: &BlockHash) -> bool {
        self.get(hash).is_some_and(|entry| self.active.get(entry.height as usize) == Some(hash))
    }

    /// Core's confirmations: 1 at the tip, -1 off the active chain.
    pub fn confirmations(&self, hash: &BlockHash) -> i64 {
        match self.get(hash) {
            Some(entry) if self.is_active(hash) => i64::from(self.tip_height() - entry.height) + 1,
            _ => -1,
        }
    }

    /// Median time of this block and its ten ancestors (BIP 113).
    pub fn median_time_past(&self, hash: &BlockHash) -> u32 {
        let mut times: Vec<u32> = self.ancestry(hash).take(11).map(|entry| entry.block.header.time).collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// This block and its ancestors, down to genesis.
    pub fn ancestry(&self, hash: &BlockHash) -> impl Iterator<Item = &Entry> {
        std::iter::successors(self.get(hash), |entry| self.get(&entry.block.header.prev_blockhash))
    }

    /// The valid block of most work, first seen among equals.
    pub fn best_candidate(&self) -> BlockHash {
        let best = self.entries.iter().filter(|(_, entry)| !entry.invalid);
        best.max_by_key(|(_, entry)| (entry.work, Reverse(entry.sequence))).map_or(self.active[0], |(hash, _)| *hash)
    }

    /// The blocks to connect from the active chain to reach `hash`, lowest first, and the height where they fork off.
    pub fn path_to(&self, hash: &BlockHash) -> (u32, Vec<BlockHash>) {
        let mut path: Vec<BlockHash> = self
            .ancestry(hash)
            .map(|entry| entry.block.block_hash())
            .take_while(|ancestor| !self.is_active(ancestor))
            .collect();
        path.reverse();
        let fork = match path.first() {
            Some(first) => self.entry(first).height - 1,
            None => self.entry(hash).height,
        };
        (fork, path)
    }

    /// Puts a child of the tip on the active chain.
    pub fn push_active(&mut self, hash: BlockHash) {
        self.active.push(hash);
    }

    /// Takes the tip off the active chain; genesis stays.
    pub fn pop_active(&mut self) -> Option<BlockHash> {
        if self.active.len() > 1 { self.active.pop() } else { None }
    }

    /// Marks a block and its descendants invalid.
    pub fn invalidate(&mut self, hash: &BlockHash) {
        self.mark_down(hash, true);
    }

    /// Clears the mark from a block, its descendants and its ancestors (Core's `ResetBlockFailureFlags`).
    pub fn reconsider(&mut self, hash: &BlockHash) {
        self.mark_down(hash, false);
        let ancestors: Vec<BlockHash> = self.ancestry(hash).map(|entry| entry.block.block_hash()).collect();
        for ancestor in ancestors {
            if let Some(entry) = self.entries.get_mut(&ancestor) {
                entry.invalid = false;
            }
        }
    }

    /// The ends of all branches.
    pub fn leaves(&self) -> impl Iterator<Item = (&BlockHash, &Entry)> {
        self.entries.iter().filter(|(_, entry)| entry.children.is_empty())
    }

    fn mark_down(&mut self, hash: &BlockHash, invalid: bool) {
        let mut pending = vec![*hash];
        while let Some(next) = pending.pop() {
            if let Some(entry) = self.entries.get_mut(&next) {
                entry.invalid = invalid;
                pending.extend(entry.children.iter().copied());
            }
        }
    }
}

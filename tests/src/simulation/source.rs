//! The truth of one source chain: every block ever made, and which of them are the best chain.
//!
//! Hashes commit to content: whatever a hash was given for, in the best chain, on a dropped branch or in a forgery,
//! can be looked up for ever. That is what an inclusion proof proves, and no more.

use std::collections::HashMap;
use std::sync::Arc;

use alloy::primitives::{B256, Bytes, U256, keccak256};
use spandrel_verifiers::bitcoin::{self, DepositTerms, sha256d};
use spandrel_verifiers::ethereum::{self, DepositEvidence};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{ChainId, Deposit, DepositId, Evidence, UnixSeconds};

use super::clock::START;

/// Confirmations after which a block is final.
pub const DEPTH: u64 = 4;

const HEADER: usize = 80;

/// A deposit as its depositor made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The deposit.
    pub deposit: Deposit,
    /// Its id.
    pub id: DepositId,
    /// Its transaction; on Bitcoin the key is derived from it.
    pub transaction: Bytes,
}

/// A block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Height, hash, time.
    pub at: BlockRef,
    /// What the hash is of.
    pub header: Bytes,
    /// The deposits in it.
    pub orders: Vec<Order>,
    /// The deposits in it and in all blocks before it, and which block holds each.
    pub branch: Arc<Vec<(DepositId, BlockRef)>>,
}

/// One source chain.
#[derive(Debug)]
pub struct SourceChain {
    /// Its name.
    pub id: ChainId,
    is_bitcoin: bool,
    /// By hash; never iterated, so that its order decides nothing.
    blocks: HashMap<B256, Block>,
    best: Vec<B256>,
    made: u64,
}

impl SourceChain {
    /// A chain of a few empty blocks.
    pub fn new(id: ChainId) -> Self {
        let is_bitcoin = id.eip155_number().is_none();
        let mut chain = Self { id, is_bitcoin, blocks: HashMap::new(), best: Vec::new(), made: 0 };
        for height in 0..=DEPTH {
            chain.mine(Vec::new(), START - DEPTH + height);
        }
        chain
    }

    /// Whether deposits are keyed by outpoints, not by nonces.
    pub fn is_bitcoin(&self) -> bool {
        self.is_bitcoin
    }

    /// Hashes of the best chain, by height.
    pub fn best(&self) -> &[B256] {
        &self.best
    }

    /// The highest height that no reorg will ever reach.
    pub fn final_height(&self) -> u64 {
        (self.best.len() as u64).saturating_sub(DEPTH)
    }

    /// A block that was made, wherever it stands now.
    pub fn block(&self, hash: B256) -> Option<&Block> {
        self.blocks.get(&hash)
    }

    /// Puts a block on the best chain.
    pub fn mine(&mut self, orders: Vec<Order>, time: UnixSeconds) {
        let parent = self.best.last().copied().unwrap_or_default();
        let hash = self.make(parent, self.best.len() as u64, orders, time);
        self.best.push(hash);
    }

    /// Makes a block that the best chain does not have.
    pub fn forge(&mut self, parent: B256, orders: Vec<Order>, time: UnixSeconds) -> B256 {
        let height = self.blocks.get(&parent).map_or(0, |block| block.at.height + 1);
        self.make(parent, height, orders, time)
    }

    /// Takes the last `count` blocks off the best chain. Answers their deposits, oldest first.
    pub fn drop_blocks(&mut self, count: usize) -> Vec<Order> {
        let dropped = self.best.split_off(self.best.len() - count);
        dropped.iter().filter_map(|hash| self.blocks.get(hash)).flat_map(|block| block.orders.clone()).collect()
    }

    fn make(&mut self, parent: B256, height: u64, orders: Vec<Order>, time: UnixSeconds) -> B256 {
        self.made += 1;
        let mut header = [parent.as_slice(), &height.to_be_bytes(), &self.made.to_be_bytes()].concat();
        header.resize(HEADER, 0);
        let hash = if self.is_bitcoin { sha256d(&header) } else { keccak256(&header) };
        let at = BlockRef { height, hash, time };
        let mut branch = self.blocks.get(&parent).map(|block| block.branch.clone()).unwrap_or_default();
        if !orders.is_empty() {
            Arc::make_mut(&mut branch).extend(orders.iter().map(|order| (order.id, at)));
        }
        self.blocks.insert(hash, Block { at, header: header.into(), orders, branch });
        hash
    }

    /// The deposits of the best chain, and which block holds each.
    pub fn standing(&self) -> &[(DepositId, BlockRef)] {
        self.best.last().and_then(|tip| self.blocks.get(tip)).map_or(&[], |block| block.branch.as_slice())
    }

    /// The block of the best chain that holds a deposit.
    pub fn mined(&self, id: DepositId) -> Option<BlockRef> {
        self.standing().iter().find(|(standing, _)| *standing == id).map(|(_, block)| *block)
    }

    /// Whether a deposit stands in a block that no reorg will ever reach.
    pub fn is_final(&self, id: DepositId) -> bool {
        self.mined(id).is_some_and(|block| block.height <= self.final_height())
    }

    /// The deposits of a block, as a watcher reports them.
    pub fn sightings(&self, hash: B256) -> Vec<SeenDeposit> {
        let Some(block) = self.blocks.get(&hash) else { return Vec::new() };
        let seen = |order: &Order| SeenDeposit {
            deposit: order.deposit.clone(),
            block: block.at,
            transaction: sha256d(&order.transaction),
            position: 0,
        };
        block.orders.iter().map(seen).collect()
    }

    /// Evidence of a deposit in the block it was seen in: under that block on Bitcoin, else under `at`.
    pub fn evidence(&self, seen: &SeenDeposit, at: B256) -> Option<Evidence> {
        let id = seen.deposit.id();
        let holder = self.blocks.get(&seen.block.hash)?;
        let order = holder.orders.iter().find(|order| order.id == id)?;
        if self.is_bitcoin {
            return Some(Evidence::Bitcoin(Box::new(bitcoin::Inclusion {
                height: holder.at.height,
                header: holder.header.clone(),
                transaction: order.transaction.clone(),
                index: 0,
                path: Vec::new(),
                coinbase: Bytes::new(),
                coinbase_path: Vec::new(),
                output: 0,
                terms: terms(&order.deposit),
            })));
        }
        let inclusion = ethereum::Inclusion {
            header: self.blocks.get(&at)?.header.clone(),
            account_proof: Vec::new(),
            storage_proof: Vec::new(),
            deposit: order.deposit.clone(),
        };
        Some(Evidence::Ethereum(Box::new(DepositEvidence { finality: None, inclusion })))
    }

    /// What evidence proves, by content alone: a deposit, and the block under which.
    pub fn proves(&self, evidence: &Evidence) -> Option<(DepositId, BlockRef)> {
        let under = self.blocks.get(&evidence.root())?;
        match evidence {
            Evidence::Bitcoin(inclusion) => {
                let order = under.orders.iter().find(|order| order.transaction == inclusion.transaction)?;
                (inclusion.terms == terms(&order.deposit)).then_some((order.id, under.at))
            }
            Evidence::Ethereum(evidence) => {
                let id = evidence.inclusion.deposit.id();
                under.branch.iter().any(|(held, _)| *held == id).then_some((id, under.at))
            }
            Evidence::Cosmos(_) | Evidence::Solana(_) => None,
        }
    }
}

/// The key of a Bitcoin deposit: output 0 of its transaction.
pub fn outpoint_key(transaction: &[u8]) -> B256 {
    keccak256([sha256d(transaction).as_slice(), &0u32.to_le_bytes()].concat())
}

/// The key of an Ethereum deposit.
pub fn nonce_key(nonce: u64) -> B256 {
    U256::from(nonce).into()
}

fn terms(deposit: &Deposit) -> DepositTerms {
    DepositTerms {
        destination_chain: deposit.destination_chain.clone(),
        destination_bridge: deposit.destination_bridge,
        recipient: deposit.recipient,
        lane: deposit.lane,
        expiry: deposit.expiry,
        refund_key: deposit.sender,
        refund_delay: 1008,
    }
}

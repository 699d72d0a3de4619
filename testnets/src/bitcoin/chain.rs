//! The chain state: branches, unspent outputs and mempool moving together, and the notices of what happened.
//!
//! The order of notices follows Core's `ActivateBestChain`: on a reorg all disconnections, then the transactions
//! that come back, then the connections, and a tip notice only once the new tip has more work than the old one.
//! `invalidateblock` disconnects block by block and gives no tip notice of its own.

use std::sync::Arc;

use bitcoin::constants::genesis_block;
use bitcoin::{Amount, Block, BlockHash, Network, OutPoint, Transaction, Txid};

use super::coins::{Coin, Coins};
use super::error::Fault;
use super::mempool::{Mempool, Waiting};
use super::rules;
use super::spend::{self, Place};
use super::tree::BlockTree;

/// Lowest fee the mempool takes, in satoshis per 1,000 virtual bytes (Core's default `minrelaytxfee` since 30).
const MIN_RELAY_FEE: u64 = 100;

/// What happened, in the order in which Core publishes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A block joined the active chain (`sequence`, label C).
    Connected(BlockHash),
    /// A block left the active chain (`sequence`, label D).
    Disconnected(BlockHash),
    /// A transaction entered the mempool (label A), with the mempool's sequence.
    Added(Txid, u64),
    /// A transaction left the mempool other than by a block (label R), with the mempool's sequence.
    Removed(Txid, u64),
    /// There is a new tip (`hashblock`, `rawblock`).
    Tip(Arc<Block>),
}

/// The node's state.
pub struct Chain {
    /// All branches.
    pub tree: BlockTree,
    /// Unspent outputs of the active chain.
    pub coins: Coins,
    /// Waiting transactions.
    pub mempool: Mempool,
    notices: Vec<Notice>,
}

impl Chain {
    /// Regtest's genesis block alone.
    pub fn new() -> Self {
        let tree = BlockTree::new(genesis_block(Network::Regtest));
        let notices = vec![Notice::Connected(tree.tip())];
        Self { tree, coins: Coins::default(), mempool: Mempool::default(), notices }
    }

    /// What happened since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Where the next block's transactions stand.
    pub fn next_place(&self) -> Place {
        let tip = self.tree.tip();
        Place { height: self.tree.tip_height() + 1, median_time_past: self.tree.median_time_past(&tip) }
    }

    /// An output that the next transaction may spend, confirmed or waiting.
    pub fn coin(&self, outpoint: &OutPoint) -> Option<Coin> {
        if let Some(coin) = self.coins.get(outpoint) {
            return Some(coin.clone());
        }
        let output = self.mempool.get(&outpoint.txid)?.tx.output.get(outpoint.vout as usize)?.clone();
        Some(Coin { output, height: self.tree.tip_height() + 1, coinbase: false })
    }

    /// Takes a transaction into the mempool, replacing cheaper conflicts (full RBF).
    pub fn accept(&mut self, tx: Transaction) -> Result<Txid, Fault> {
        let txid = tx.compute_txid();
        if self.mempool.get(&txid).is_some() {
            return Ok(txid);
        }
        let outputs = (0..tx.output.len() as u32).map(|vout| OutPoint::new(txid, vout));
        if outputs.into_iter().any(|outpoint| self.coins.get(&outpoint).is_some()) {
            return Err(Fault::new(Fault::VERIFY_ALREADY_IN_CHAIN, "Transaction outputs already in utxo set"));
        }
        let conflicts = self.mempool.conflicts(&tx);
        if tx.input.iter().any(|input| conflicts.contains(&input.previous_output.txid)) {
            return Err(Fault::rejected("bad-txns-spends-conflicting-tx"));
        }
        let fee = spend::check(&tx, self.next_place(), |outpoint| self.coin(outpoint))?;
        let replaced: Amount = conflicts.iter().filter_map(|txid| self.mempool.get(txid)).map(|old| old.fee).sum();
        let relay = Amount::from_sat((tx.vsize() as u64 * MIN_RELAY_FEE).div_ceil(1000));
        if fee < relay {
            return Err(Fault::rejected("min relay fee not met"));
        }
        if !conflicts.is_empty() && fee < replaced + relay {
            return Err(Fault::rejected("insufficient fee, rejecting replacement"));
        }
        for conflict in conflicts {
            self.drop_waiting(&conflict);
        }
        let sequence = self.mempool.add(Waiting { tx, fee });
        self.notices.push(Notice::Added(txid, sequence));
        Ok(txid)
    }

    /// Takes a block of any branch, and moves to the best one.
    pub fn add_block(&mut self, block: Block, now: u64) -> Result<BlockHash, Fault> {
        let hash = block.block_hash();
        let Some(parent) = self.tree.get(&block.header.prev_blockhash) else {
            return Err(Fault::new(Fault::VERIFY, "prev-blk-not-found"));
        };
        let height = parent.height + 1;
        rules::check_header(&block.header, self.tree.median_time_past(&block.header.prev_blockhash), now)?;
        rules::check_block(&block, height)?;
        self.tree.insert(block);
        self.activate_best()?;
        Ok(hash)
    }

    /// `invalidateblock`: the block and all above it leave the active chain, and the best of the rest takes over.
    pub fn invalidate(&mut self, hash: &BlockHash) -> Result<(), Fault> {
        let Some(entry) = self.tree.get(hash) else { return Err(Fault::unknown("Block not found")) };
        if entry.height == 0 {
            return Err(Fault::new(Fault::VERIFY, "genesis block cannot be invalidated"));
        }
        while self.tree.is_active(hash) {
            let returning = self.disconnect_tip();
            self.take_back(returning);
        }
        self.tree.invalidate(hash);
        self.activate_best()
    }

    /// `reconsiderblock`: undoes an invalidation.
    pub fn reconsider(&mut self, hash: &BlockHash) -> Result<(), Fault> {
        if self.tree.get(hash).is_none() {
            return Err(Fault::unknown("Block not found"));
        }
        self.tree.reconsider(hash);
        self.activate_best()
    }

    /// Moves to the valid branch of most work. An error is that of a block that did not connect; the chain then
    /// stands on the best of the others.
    fn activate_best(&mut self) -> Result<(), Fault> {
        let mut outcome = Ok(());
        loop {
            let best = self.tree.best_candidate();
            let old_tip = self.tree.tip();
            if best == old_tip {
                return outcome;
            }
            let old_work = self.tree.entry(&old_tip).work;
            let (fork, path) = self.tree.path_to(&best);
            let mut returning: Vec<Transaction> = Vec::new();
            while self.tree.tip_height() > fork {
                let mut transactions = self.disconnect_tip();
                transactions.append(&mut returning);
                returning = transactions;
            }
            let mut connected = Vec::new();
            for hash in path {
                if let Err(fault) = self.connect_tip(hash) {
                    self.tree.invalidate(&hash);
                    outcome = Err(fault);
                    break;
                }
                connected.push(Notice::Connected(hash));
                if self.tree.entry(&hash).work > old_work {
                    break;
                }
            }
            returning.retain(|tx| self.coins.block_of(&tx.compute_txid()).is_none());
            if !self.tree.is_active(&old_tip) {
                self.take_back(returning);
            }
            self.notices.append(&mut connected);
            let tip = self.tree.tip();
            if tip != old_tip {
                self.notices.push(Notice::Tip(self.tree.entry(&tip).block.clone()));
            }
        }
    }

    fn connect_tip(&mut self, hash: BlockHash) -> Result<(), Fault> {
        let block = self.tree.entry(&hash).block.clone();
        self.coins.connect(&block, self.next_place())?;
        self.tree.push_active(hash);
        for tx in &block.txdata {
            self.mempool.remove(&tx.compute_txid());
            for conflict in self.mempool.conflicts(tx) {
                self.drop_waiting(&conflict);
            }
        }
        Ok(())
    }

    /// Takes the tip off; returns its transactions, which may come back to the mempool.
    fn disconnect_tip(&mut self) -> Vec<Transaction> {
        let Some(hash) = self.tree.pop_active() else { return Vec::new() };
        let block = self.tree.entry(&hash).block.clone();
        self.coins.disconnect(&block);
        self.notices.push(Notice::Disconnected(hash));
        block.txdata.iter().skip(1).cloned().collect()
    }

    /// After disconnections: transactions come back if they are still good, and what is no longer good leaves.
    fn take_back(&mut self, returning: Vec<Transaction>) {
        for tx in returning {
            let txid = tx.compute_txid();
            if let Err(fault) = self.accept(tx) {
                tracing::debug!(%txid, %fault, "transaction does not come back after a reorg");
            }
        }
        let place = self.next_place();
        let broken: Vec<Txid> = self
            .mempool
            .iter()
            .filter(|waiting| spend::check(&waiting.tx, place, |outpoint| self.coin(outpoint)).is_err())
            .map(|waiting| waiting.tx.compute_txid())
            .collect();
        for txid in self.mempool.with_descendants(broken.into_iter()) {
            self.drop_waiting(&txid);
        }
    }

    fn drop_waiting(&mut self, txid: &Txid) {
        if let Some(sequence) = self.mempool.remove(txid) {
            self.notices.push(Notice::Removed(*txid, sequence));
        }
    }
}

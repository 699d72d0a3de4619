//! The destination chain: mempool, blocks, reorgs, finality.

use std::collections::BTreeMap;

use alloy::primitives::{B256, keccak256};
use spandrel_core::Effect;
use spandrel_risk::Scope;

use super::dice::Dice;
use super::keys;
use super::rules::{Revert, Rules, Scene, State};
use super::source::SourceChain;
use super::universe::Breakage;

/// Blocks after which one is final.
pub const DEPTH: usize = 3;

/// A signed transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct SentTx {
    /// Its hash.
    pub hash: B256,
    /// The relayer's nonce; absent on a stranger's.
    pub nonce: Option<u64>,
    /// Hash of its calldata.
    pub input: B256,
}

/// A block.
#[derive(Clone, Debug)]
pub struct SimBlock {
    /// Its hash.
    pub hash: B256,
    /// Its time.
    pub time: u64,
    /// Its transactions.
    pub txs: Vec<MinedTx>,
    /// The contracts after it.
    pub state: State,
}

/// A transaction in a block.
#[derive(Clone, Debug)]
pub struct MinedTx {
    /// What was sent.
    pub sent: SentTx,
    /// Whether it succeeded.
    pub success: bool,
    /// Which of its calls did what they were to do, in order; none if it failed.
    pub done: Vec<bool>,
}

/// Where a transaction stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Of which transaction.
    pub hash: B256,
    /// Block number.
    pub height: u64,
    /// Block hash.
    pub block: B256,
    /// Whether it succeeded.
    pub success: bool,
    /// Which of its calls did what they were to do.
    pub done: Vec<bool>,
}

/// The destination.
#[derive(Debug)]
pub struct SimChain {
    rules: Rules,
    blocks: Vec<SimBlock>,
    mempool: Vec<SentTx>,
    /// What calldata says, by its hash: content, known for ever.
    calldata: BTreeMap<B256, Vec<Effect>>,
    /// Scopes that guardians paused on the destination itself.
    pub guarded: BTreeMap<Scope, u64>,
    /// The verifier set's epoch, and until when the one before counts.
    verifiers: (u64, u64),
    made: u64,
}

impl SimChain {
    /// An empty chain, whose contracts have windows of their own or not.
    pub fn new(breakage: Option<Breakage>, has_windows: bool) -> Self {
        let genesis = SimBlock { hash: keccak256("genesis"), time: 0, txs: Vec::new(), state: State::default() };
        Self {
            rules: Rules::new(breakage, has_windows),
            blocks: vec![genesis],
            mempool: Vec::new(),
            calldata: BTreeMap::new(),
            guarded: BTreeMap::new(),
            verifiers: (keys::EPOCH, 0),
            made: 0,
        }
    }

    /// The verifier set that counts now.
    pub fn verifier_epoch(&self) -> u64 {
        self.verifiers.0
    }

    /// A new verifier set; the old one counts until then.
    pub fn rotate_verifiers(&mut self, until: u64) {
        self.verifiers = (self.verifiers.0 + 1, until);
    }

    fn scene<'a>(&'a self, time: u64, sources: &'a [SourceChain; 2], is_hostile: bool) -> Scene<'a> {
        Scene { time, sources, guarded: &self.guarded, verifiers: self.verifiers, is_hostile }
    }

    /// The contracts after the newest block.
    pub fn latest(&self) -> &State {
        self.blocks.last().map(|block| &block.state).expect("the genesis block stays")
    }

    /// The contracts after the newest final block.
    pub fn finalized(&self) -> &State {
        &self.last_final().state
    }

    /// The time of the newest final block.
    pub fn final_time(&self) -> u64 {
        self.last_final().time
    }

    fn last_final(&self) -> &SimBlock {
        &self.blocks[self.blocks.len().saturating_sub(DEPTH)]
    }

    /// Whether a block at `height` is final.
    pub fn is_final(&self, height: u64) -> bool {
        height + DEPTH as u64 <= self.blocks.len() as u64
    }

    /// How many of the relayer's transactions stand in blocks and failed, whole or in one of their items.
    pub fn reverted(&self) -> usize {
        let txs = self.blocks.iter().flat_map(|block| &block.txs);
        txs.filter(|tx| tx.sent.nonce.is_some() && (!tx.success || tx.done.contains(&false))).count()
    }

    /// Hash of the block at `height`.
    pub fn block_hash(&self, height: u64) -> Option<B256> {
        self.blocks.get(height as usize).map(|block| block.hash)
    }

    /// Calldata of `effects`.
    pub fn encode(&mut self, key: B256, effects: Vec<Effect>) {
        self.calldata.entry(key).or_insert(effects);
    }

    /// What calldata says.
    pub fn decode(&self, input: B256) -> &[Effect] {
        self.calldata.get(&input).map_or(&[], Vec::as_slice)
    }

    /// Calldata of everything that waits or was mined.
    pub fn inputs(&self) -> Vec<B256> {
        let mined = self.blocks.iter().flat_map(|block| block.txs.iter().map(|tx| &tx.sent));
        mined.chain(&self.mempool).map(|tx| tx.input).collect()
    }

    /// Carries calls out on a copy of the newest state, one after the other; a call that reverts changes nothing.
    pub fn simulate(&self, effects: &[Effect], time: u64, sources: &[SourceChain; 2]) -> Vec<Result<(), Revert>> {
        let mut state = self.latest().clone();
        let scene = self.scene(time, sources, false);
        effects.iter().map(|effect| self.rules.call(&mut state, effect, scene)).collect()
    }

    /// Takes a transaction into the mempool. False when its nonce is used.
    pub fn send(&mut self, tx: SentTx) -> bool {
        if tx.nonce.is_some_and(|nonce| nonce < self.latest().nonce) {
            return false;
        }
        if !self.mempool.contains(&tx) {
            self.mempool.push(tx);
        }
        true
    }

    /// Whether the node has the transaction, in a block or waiting.
    pub fn knows(&self, hash: B256) -> bool {
        self.mempool.iter().any(|tx| tx.hash == hash) || self.receipt(hash).is_some()
    }

    /// Where a transaction stands.
    pub fn receipt(&self, hash: B256) -> Option<Receipt> {
        self.blocks.iter().enumerate().rev().find_map(|(height, block)| {
            let MinedTx { success, done, .. } = block.txs.iter().find(|tx| tx.sent.hash == hash)?.clone();
            Some(Receipt { hash, height: height as u64, block: block.hash, success, done })
        })
    }

    /// Forgets a waiting transaction.
    pub fn forget(&mut self, dice: &mut Dice) {
        if !self.mempool.is_empty() {
            let place = dice.place(self.mempool.len());
            self.mempool.remove(place);
        }
    }

    /// Mines a block of what is waiting; on a bad day, not all of it and in any order that nonces allow.
    pub fn mine(&mut self, time: u64, sources: &[SourceChain; 2], dice: &mut Dice, is_stormy: bool) {
        self.made += 1;
        let mut state = self.latest().clone();
        let mut txs = Vec::new();
        let mut waiting = std::mem::take(&mut self.mempool);
        loop {
            waiting.retain(|tx| tx.nonce.is_none_or(|nonce| nonce >= state.nonce));
            let ready: Vec<usize> = (0..waiting.len())
                .filter(|place| waiting[*place].nonce.is_none_or(|nonce| nonce == state.nonce))
                .collect();
            if ready.is_empty() || (is_stormy && dice.percent(25)) {
                break;
            }
            let tx = waiting.remove(dice.pick(&ready));
            let done = self.execute(&mut state, &tx, time, sources, is_stormy);
            txs.push(MinedTx { sent: tx, success: done.is_some(), done: done.unwrap_or_default() });
        }
        self.mempool = waiting;
        let hash = keccak256([&self.made.to_be_bytes()[..], self.blocks.len().to_be_bytes().as_slice()].concat());
        self.blocks.push(SimBlock { hash, time, txs, state });
    }

    /// Which of its calls did what they were to do; `None` when it reverts. Payouts fail alone, as in `claimEach`.
    fn execute(
        &self,
        state: &mut State,
        tx: &SentTx,
        time: u64,
        sources: &[SourceChain; 2],
        is_stormy: bool,
    ) -> Option<Vec<bool>> {
        let scene = self.scene(time, sources, is_stormy);
        let mut after = state.clone();
        after.nonce += u64::from(tx.nonce.is_some());
        state.nonce = after.nonce;
        let mut done = Vec::new();
        for effect in self.decode(tx.input) {
            let is_passed_over = self.rules.is_passed_over(&after, effect);
            let is_carried_out = !is_passed_over && self.rules.call(&mut after, effect, scene).is_ok();
            if !is_passed_over && !is_carried_out && effect.lane().is_none() {
                return None;
            }
            done.push(is_carried_out);
        }
        *state = after;
        Some(done)
    }

    /// Replaces the last `count` blocks, none of them final; some of their transactions are lost.
    pub fn reorg(&mut self, count: usize, time: u64, sources: &[SourceChain; 2], dice: &mut Dice) {
        let count = count.min(DEPTH - 1).min(self.blocks.len() - 1);
        let dropped = self.blocks.split_off(self.blocks.len() - count);
        for tx in dropped.into_iter().flat_map(|block| block.txs).map(|tx| tx.sent) {
            if dice.percent(70) && !self.mempool.contains(&tx) {
                self.mempool.push(tx);
            }
        }
        for _ in 0..=count {
            self.mine(time, sources, dice, true);
        }
    }
}

//! The unspent outputs of the active chain, with what is needed to disconnect a block again.

use std::collections::HashMap;

use bitcoin::{Amount, Block, BlockHash, OutPoint, Transaction, TxOut, Txid};

use super::error::Fault;
use super::rules;
use super::spend::{self, Place};

/// An unspent output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coin {
    /// Value and script.
    pub output: TxOut,
    /// Height of the block that made it.
    pub height: u32,
    /// Whether a coinbase made it.
    pub coinbase: bool,
}

/// Unspent outputs and the transactions' blocks, both of the active chain.
#[derive(Default)]
pub struct Coins {
    unspent: HashMap<OutPoint, Coin>,
    spent_by: HashMap<BlockHash, Vec<(OutPoint, Coin)>>,
    blocks: HashMap<Txid, BlockHash>,
}

impl Coins {
    /// The unspent output at this outpoint.
    pub fn get(&self, outpoint: &OutPoint) -> Option<&Coin> {
        self.unspent.get(outpoint)
    }

    /// All unspent outputs.
    pub fn iter(&self) -> impl Iterator<Item = (&OutPoint, &Coin)> {
        self.unspent.iter()
    }

    /// The active block that holds this transaction.
    pub fn block_of(&self, txid: &Txid) -> Option<BlockHash> {
        self.blocks.get(txid).copied()
    }

    /// What the transactions of an active block spent, in input order.
    pub fn spent_by(&self, block: &BlockHash) -> &[(OutPoint, Coin)] {
        self.spent_by.get(block).map_or(&[], Vec::as_slice)
    }

    /// Checks and applies a block's transactions; on error nothing is changed.
    pub fn connect(&mut self, block: &Block, place: Place) -> Result<(), Fault> {
        let hash = block.block_hash();
        let mut spent: Vec<(OutPoint, Coin)> = Vec::new();
        let mut made: Vec<OutPoint> = Vec::new();
        let outcome = self.apply(block, place, &mut spent, &mut made);
        if let Err(fault) = outcome {
            for outpoint in made {
                self.unspent.remove(&outpoint);
            }
            self.unspent.extend(spent.into_iter().filter(|(_, coin)| coin.height < place.height));
            return Err(fault);
        }
        self.blocks.extend(block.txdata.iter().map(|tx| (tx.compute_txid(), hash)));
        self.spent_by.insert(hash, spent);
        Ok(())
    }

    /// Undoes [`Coins::connect`] of the tip.
    pub fn disconnect(&mut self, block: &Block) {
        for (outpoint, coin) in self.spent_by.remove(&block.block_hash()).unwrap_or_default() {
            self.unspent.insert(outpoint, coin);
        }
        for tx in &block.txdata {
            let txid = tx.compute_txid();
            self.blocks.remove(&txid);
            for vout in 0..tx.output.len() as u32 {
                self.unspent.remove(&OutPoint::new(txid, vout));
            }
        }
    }

    fn apply(
        &mut self,
        block: &Block,
        place: Place,
        spent: &mut Vec<(OutPoint, Coin)>,
        made: &mut Vec<OutPoint>,
    ) -> Result<(), Fault> {
        let mut fees = Amount::ZERO;
        for tx in &block.txdata {
            let coinbase = tx.is_coinbase();
            if !coinbase {
                fees += spend::check(tx, place, |outpoint| self.unspent.get(outpoint).cloned())?;
                for input in &tx.input {
                    if let Some(coin) = self.unspent.remove(&input.previous_output) {
                        spent.push((input.previous_output, coin));
                    }
                }
            }
            self.add_outputs(tx, place.height, coinbase, made);
        }
        let claimed: Amount = block.txdata.iter().take(1).flat_map(|tx| &tx.output).map(|output| output.value).sum();
        if claimed > rules::subsidy(place.height) + fees {
            return Err(Fault::rejected("bad-cb-amount"));
        }
        Ok(())
    }

    fn add_outputs(&mut self, tx: &Transaction, height: u32, coinbase: bool, made: &mut Vec<OutPoint>) {
        let txid = tx.compute_txid();
        for (vout, output) in (0u32..).zip(&tx.output) {
            if !output.script_pubkey.is_op_return() {
                let outpoint = OutPoint::new(txid, vout);
                self.unspent.insert(outpoint, Coin { output: output.clone(), height, coinbase });
                made.push(outpoint);
            }
        }
    }
}

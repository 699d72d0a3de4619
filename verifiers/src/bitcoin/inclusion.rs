//! Inclusion of a transaction in a block of the trusted chain, and how such evidence is made from a block.

use alloy_primitives::{B256, Bytes};
use bitcoin::consensus::encode::serialize;
use bitcoin::{Block, Txid};

use super::blame::{self, Branch};
use super::chain::HeaderChain;
use super::evidence::{DepositTerms, Inclusion};
use super::header::Header;
use super::merkle::{fold_path, merkle_path};
use super::transaction::{DecodedTransaction, check_coinbase, decode_transaction, without_witness};
use crate::VerifyError;

/// A transaction proven to be in a known block.
pub(super) struct Included {
    pub(super) transaction: DecodedTransaction,
    /// Hash of the block.
    pub(super) block: B256,
}

impl Inclusion {
    /// Evidence for output `output` of transaction `index` (0 being the coinbase) of `block` at `height`. It is made,
    /// not checked, except that the places exist (`index`, `output`) and that it is not the coinbase.
    pub fn of_block(
        block: &Block,
        height: u64,
        index: usize,
        output: u32,
        terms: DepositTerms,
    ) -> Result<Self, VerifyError> {
        let txids: Vec<Txid> = block.txdata.iter().map(|transaction| transaction.compute_txid()).collect();
        let (Some(coinbase), Some(transaction), 1..) = (block.txdata.first(), block.txdata.get(index), index) else {
            return Err(VerifyError::invalid("index", format!("1 to {}", txids.len().saturating_sub(1)), index));
        };
        let outputs = transaction.output.len();
        if usize::try_from(output).map_or(true, |output| output >= outputs) {
            return Err(VerifyError::invalid("output", format!("below {outputs}"), output));
        }
        Ok(Self {
            height,
            header: serialize(&block.header).into(),
            transaction: without_witness(transaction).into(),
            index: u32::try_from(index).map_err(|_| VerifyError::invalid("index", "32 bits", index))?,
            path: merkle_path(&txids, index),
            coinbase: Bytes::from(without_witness(coinbase)),
            coinbase_path: merkle_path(&txids, 0),
            output,
            terms,
        })
    }

    /// Checks that the header is known at the stated height, and that transaction and coinbase are in that block,
    /// equally deep. Nothing is said about which branch the block is on. Errors name the evidence's fields.
    pub(super) fn check(&self, trusted: &HeaderChain) -> Result<Included, VerifyError> {
        let header = Header::parse(&self.header)?;
        let Some((height, _)) = trusted.header(header.hash) else {
            return Err(VerifyError::not_yet("header", "the header of a known block", header.hash));
        };
        if self.height != height {
            return Err(VerifyError::invalid("height", height, self.height));
        }
        let transaction = decode_transaction("transaction", &self.transaction)?;
        if transaction.transaction().is_coinbase() {
            let expected = "a transaction other than a coinbase, whose outputs cannot be spent for 100 blocks";
            return Err(VerifyError::invalid("transaction", expected, transaction.txid()));
        }
        let coinbase = decode_transaction("coinbase", &self.coinbase)?;
        check_coinbase(coinbase.transaction(), height, trusted.params().bip34_height())?;
        self.check_paths(header.merkle_root, transaction.txid(), coinbase.txid())?;
        Ok(Included { transaction, block: header.hash })
    }

    fn check_paths(&self, root: B256, txid: B256, coinbase: B256) -> Result<(), VerifyError> {
        let under_coinbase = fold_path(coinbase, 0, &self.coinbase_path);
        if self.path.len() != self.coinbase_path.len() {
            let (field, expected, found) = match &under_coinbase {
                Ok(found) if *found == root => ("path", self.coinbase_path.len(), self.path.len()),
                _ => ("coinbase_path", self.path.len(), self.coinbase_path.len()),
            };
            return Err(VerifyError::invalid(field, format!("{expected} siblings"), found));
        }
        let found = fold_path(txid, self.index, &self.path)?;
        let under_coinbase = under_coinbase.map_err(|mut error| {
            error.field = "coinbase_path".to_owned();
            error
        })?;
        if found == root && under_coinbase == root {
            return Ok(());
        }
        let transaction = Branch { leaf: txid, index: self.index, path: &self.path };
        Err(blame::refusal(root, transaction, Branch { leaf: coinbase, index: 0, path: &self.coinbase_path }))
    }
}

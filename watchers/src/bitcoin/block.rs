//! What a node's block must hold before anything in it is believed, and the deposits in it.

use std::collections::HashSet;

use alloy_primitives::{B256, U256};
use bitcoin::hashes::Hash;
use bitcoin::{Block, Txid};
use spandrel_verifiers::bitcoin::{ChainParams, Header, is_deposit_script, merkle_root, source_key};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{Deposit, VerifyError};

use super::IntentBook;

/// A block whose transactions are those that its header commits to.
pub struct CheckedBlock {
    block: Block,
    txids: Vec<Txid>,
    parent: B256,
}

impl CheckedBlock {
    /// Checks a block that has the hash it was asked by: the hash meets the stated target, the header commits to
    /// exactly these transactions, and the first and only the first is a coinbase.
    ///
    /// The Merkle root alone does not say which transactions: a repeated tail has the same root (CVE-2012-2459), so
    /// txids must differ; a row of inner nodes read as 64-byte transactions has it too (CVE-2017-12842), but its
    /// first could not be a coinbase. Errors name `block.…`.
    pub fn new(block: Block, params: &ChainParams) -> Result<Self, VerifyError> {
        let header = Header::parse(&bitcoin::consensus::serialize(&block.header))?;
        header.check_work(params).map_err(|error| error.within("block.header"))?;
        let txids: Vec<Txid> = block.txdata.iter().map(|tx| tx.compute_txid()).collect();
        let root = merkle_root(&txids);
        if root != header.merkle_root {
            return Err(VerifyError::invalid("block.merkle_root", header.merkle_root, root));
        }
        let distinct = txids.iter().collect::<HashSet<_>>().len();
        if distinct != txids.len() {
            return Err(VerifyError::invalid("block.transactions", "all different", format!("{distinct} different")));
        }
        let coinbases = block.txdata.iter().map(|tx| tx.is_coinbase());
        if !coinbases.enumerate().all(|(index, is_coinbase)| is_coinbase == (index == 0)) || txids.is_empty() {
            return Err(VerifyError::invalid("block.transactions", "one coinbase, the first", "another order"));
        }
        Ok(Self { block, txids, parent: header.parent })
    }

    /// The block itself.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Its transactions' ids, in order.
    pub fn txids(&self) -> &[Txid] {
        &self.txids
    }

    /// Hash of its parent.
    pub fn parent(&self) -> B256 {
        self.parent
    }

    /// The block at `height`.
    pub fn reference(&self, height: u64) -> BlockRef {
        let hash = B256::new(self.block.block_hash().to_byte_array());
        BlockRef { height, hash, time: u64::from(self.block.header.time) }
    }

    /// Deposits into `vault` in the block at `height`, in order. A coinbase pays no deposit: its outputs cannot be
    /// spent for 100 blocks, and the verifiers refuse it.
    pub fn deposits(&self, height: u64, vault: B256, params: &ChainParams, book: &impl IntentBook) -> Vec<SeenDeposit> {
        let block = self.reference(height);
        let mut found = Vec::new();
        for (tx, txid) in self.block.txdata.iter().zip(&self.txids).skip(1) {
            let transaction = B256::new(txid.to_byte_array());
            for (position, output) in (0u32..).zip(&tx.output) {
                let script = output.script_pubkey.as_bytes();
                let Some(terms) = book.terms(script) else { continue };
                match is_deposit_script(script, vault, &terms) {
                    Ok(true) => {}
                    Ok(false) => {
                        tracing::error!(%txid, position, "an intent's terms do not make the script it is kept under");
                        continue;
                    }
                    Err(error) => {
                        tracing::error!(%txid, position, %error, "an intent has terms that no deposit can have");
                        continue;
                    }
                }
                let deposit = Deposit {
                    version: Deposit::VERSION,
                    source_chain: params.chain(),
                    source_bridge: vault,
                    source_key: source_key(transaction, position),
                    asset: params.asset(),
                    amount: U256::from(output.value.to_sat()),
                    destination_chain: terms.destination_chain,
                    destination_bridge: terms.destination_bridge,
                    recipient: terms.recipient,
                    sender: terms.refund_key,
                    lane: terms.lane,
                    expiry: terms.expiry,
                };
                found.push(SeenDeposit { deposit, block, transaction, position });
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use bitcoin::absolute::LockTime;
    use bitcoin::consensus::{deserialize, serialize};
    use bitcoin::constants::genesis_block;
    use bitcoin::{Amount, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction};

    use super::*;

    fn vectors() -> Option<PathBuf> {
        if let Some(named) = std::env::var_os("SPANDREL_VECTORS") {
            return Some(PathBuf::from(named));
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        root.ancestors().map(|folder| folder.join("../shared/vectors")).find(|folder| folder.is_dir())
    }

    /// A transaction of one input and one output.
    fn spend(number: u32) -> Transaction {
        let input = TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array([7; 32]), number),
            script_sig: ScriptBuf::from_bytes(vec![0; 4]),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        };
        let output = TxOut { value: Amount::from_sat(1_000), script_pubkey: ScriptBuf::new() };
        let (input, output) = (vec![input], vec![output]);
        Transaction { version: transaction::Version::TWO, lock_time: LockTime::ZERO, input, output }
    }

    /// A block whose header agrees with its transactions.
    fn mined(spends: impl IntoIterator<Item = Transaction>) -> Block {
        let mut block = genesis_block(Network::Regtest);
        block.txdata.extend(spends);
        solve(&mut block);
        block
    }

    fn solve(block: &mut Block) {
        block.header.merkle_root = block.compute_merkle_root().unwrap();
        while block.header.validate_pow(block.header.target()).is_err() {
            block.header.nonce += 1;
        }
    }

    fn refused(block: &Block) -> String {
        CheckedBlock::new(block.clone(), &ChainParams::regtest()).err().expect("refused").field
    }

    #[test]
    fn a_block_that_agrees_with_itself_passes() {
        for count in 0..6 {
            let block = mined((0..count).map(spend));
            assert!(CheckedBlock::new(block, &ChainParams::regtest()).is_ok(), "{count}");
        }
    }

    #[test]
    fn altered_removed_and_added_transactions_are_refused() {
        let block = mined((0..3).map(spend));
        let mut altered = block.clone();
        altered.txdata[2].output[0].value = Amount::from_sat(2_000);
        assert_eq!(refused(&altered), "block.merkle_root");
        let mut removed = block.clone();
        removed.txdata.pop();
        assert_eq!(refused(&removed), "block.merkle_root");
        let mut added = block.clone();
        added.txdata.push(spend(9));
        assert_eq!(refused(&added), "block.merkle_root");
        let mut swapped = block;
        swapped.txdata.swap(1, 2);
        assert_eq!(refused(&swapped), "block.merkle_root");
    }

    #[test]
    fn a_repeated_tail_with_the_same_merkle_root_is_refused() {
        let honest = mined((0..2).map(spend));
        let mut doubled = honest.clone();
        doubled.txdata.push(spend(1));
        assert_eq!(doubled.compute_merkle_root(), honest.compute_merkle_root(), "CVE-2012-2459");
        assert_eq!(refused(&doubled), "block.transactions");
    }

    #[test]
    fn inner_nodes_read_as_64_byte_transactions_are_refused() {
        let mut block = mined([]);
        block.txdata = vec![spend(0)];
        assert_eq!(serialize(&block.txdata[0]).len(), 64);
        solve(&mut block);
        assert_eq!(refused(&block), "block.transactions", "the first is no coinbase");
        let coinbase = genesis_block(Network::Regtest).txdata.remove(0);
        let mut second = coinbase.clone();
        second.output[0].value = Amount::from_sat(1);
        assert_eq!(refused(&mined([second])), "block.transactions", "only the first may be one");
    }

    #[test]
    fn a_header_without_the_work_it_states_is_refused() {
        let mut block = mined([]);
        while block.header.validate_pow(block.header.target()).is_ok() {
            block.header.nonce += 1;
        }
        assert!(refused(&block).starts_with("block.header"));
        let mainnet = mined([]);
        assert!(CheckedBlock::new(mainnet, &ChainParams::mainnet()).is_err(), "regtest work on mainnet");
    }

    #[test]
    fn real_mainnet_blocks_pass() {
        let Some(folder) = vectors().map(|folder| folder.join("bitcoin/rust_bitcoin")).filter(|folder| folder.is_dir())
        else {
            println!("skipped: vectors bitcoin/rust_bitcoin not found");
            return;
        };
        let mut pending = vec![folder];
        let mut blocks = 0;
        while let Some(folder) = pending.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    pending.push(path);
                } else if path.extension().is_some_and(|extension| extension == "raw") {
                    let block: Block = deserialize(&std::fs::read(path).unwrap()).unwrap();
                    CheckedBlock::new(block, &ChainParams::mainnet()).unwrap();
                    blocks += 1;
                }
            }
        }
        assert!(blocks > 0);
    }
}

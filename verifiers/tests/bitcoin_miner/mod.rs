//! Mines real regtest blocks for tests: every header has its proof of work, every coinbase its height.

use alloy_primitives::{B256, Bytes};
use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::serialize;
use bitcoin::hashes::Hash;
use bitcoin::pow::CompactTarget;
use bitcoin::script::{Builder, PushBytesBuf, ScriptBuf};
use bitcoin::transaction::Version;
use bitcoin::{Amount, Block, BlockHash, OutPoint, Sequence, Transaction, TxIn, TxMerkleNode, TxOut, Witness};
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, HeaderChain};

/// Time of the first block after the genesis block.
pub const START: u32 = 1_700_000_000;

/// A chain that starts at the regtest genesis block.
pub fn regtest_chain() -> HeaderChain {
    let params = ChainParams::regtest();
    let anchor = Anchor::genesis(&params).unwrap();
    HeaderChain::new(params, anchor).unwrap()
}

/// The 80 bytes of a block's header.
pub fn header_bytes(block: &Block) -> Bytes {
    serialize(&block.header).into()
}

/// A block's hash in wire order.
pub fn hash(block: &Block) -> B256 {
    B256::new(block.block_hash().to_byte_array())
}

/// Mines a block at `height` on `parent`, with a coinbase that also carries `tag`, and `transactions`.
pub fn mine(parent: B256, height: u64, time: u32, tag: u64, transactions: Vec<Transaction>) -> Block {
    let script = Builder::new().push_int(height as i64).push_slice(PushBytesBuf::from(tag.to_le_bytes())).into_script();
    let coinbase = transaction(OutPoint::null(), script, vec![(ScriptBuf::from(vec![0x51]), 50)]);
    let mut block = Block {
        header: bitcoin::block::Header {
            version: bitcoin::block::Version::from_consensus(0x2000_0000),
            prev_blockhash: BlockHash::from_byte_array(parent.0),
            merkle_root: TxMerkleNode::all_zeros(),
            time,
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: 0,
        },
        txdata: [vec![coinbase], transactions].concat(),
    };
    block.header.merkle_root = block.compute_merkle_root().unwrap();
    while block.header.validate_pow(block.header.target()).is_err() {
        block.header.nonce += 1;
    }
    block
}

/// Mines `count` blocks on `parent`, ten minutes apart, the first at `height`.
pub fn mine_run(mut parent: B256, height: u64, count: u64, tag: u64) -> Vec<Block> {
    (height..height + count)
        .map(|height| {
            let block = mine(parent, height, START + 600 * height as u32, tag, Vec::new());
            parent = hash(&block);
            block
        })
        .collect()
}

/// A transaction with one input and outputs of `(script, satoshis)`.
pub fn transaction(spent: OutPoint, script_sig: ScriptBuf, outputs: Vec<(ScriptBuf, u64)>) -> Transaction {
    let output = |(script_pubkey, value)| TxOut { value: Amount::from_sat(value), script_pubkey };
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { previous_output: spent, script_sig, sequence: Sequence::MAX, witness: Witness::new() }],
        output: outputs.into_iter().map(output).collect(),
    }
}

//! Making blocks: a coinbase with the height (BIP 34) and the witness commitment (BIP 141), and real proof of work.

use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::script::{Builder, PushBytesBuf};
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut,
    Witness, transaction,
};

use super::mempool::Waiting;
use super::rules;
use super::tree::BlockTree;

/// Weight left for transactions beside header and coinbase.
pub const TRANSACTIONS_WEIGHT: u64 = 3_990_000;

const WITNESS_RESERVED: [u8; 32] = [0; 32];
const COMMITMENT_HEADER: [u8; 4] = [0xaa, 0x21, 0xa9, 0xed];

/// Makes and solves a block on `parent` that pays subsidy and fees to `payout`.
///
/// `now` is the clock in Unix seconds; the block's time is never at or below the median time past. The hash is
/// new to `tree`: a branch mined within the same second as another never repeats its blocks.
pub fn mine(tree: &BlockTree, parent: BlockHash, payout: ScriptBuf, transactions: Vec<Waiting>, now: u32) -> Block {
    let height = tree.entry(&parent).height + 1;
    let fees: Amount = transactions.iter().map(|waiting| waiting.fee).sum();
    let mut txdata = vec![coinbase(height, payout, rules::subsidy(height) + fees)];
    txdata.extend(transactions.into_iter().map(|waiting| waiting.tx));
    let header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: parent,
        merkle_root: TxMerkleNode::all_zeros(),
        time: now.max(tree.median_time_past(&parent) + 1),
        bits: CompactTarget::from_consensus(rules::BITS),
        nonce: 0,
    };
    let mut block = Block { header, txdata };
    commit_to_witnesses(&mut block);
    block.header.merkle_root = block.compute_merkle_root().unwrap_or_else(TxMerkleNode::all_zeros);
    solve(&mut block.header, |hash| tree.get(hash).is_none());
    block
}

fn coinbase(height: u32, payout: ScriptBuf, value: Amount) -> Transaction {
    let input = TxIn {
        previous_output: OutPoint::null(),
        script_sig: Builder::new().push_int(i64::from(height)).push_int(0).into_script(),
        sequence: Sequence::ENABLE_LOCKTIME_NO_RBF,
        witness: Witness::from_slice(&[WITNESS_RESERVED]),
    };
    Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::from_height(height - 1).unwrap_or(LockTime::ZERO),
        input: vec![input],
        output: vec![TxOut { value, script_pubkey: payout }],
    }
}

fn commit_to_witnesses(block: &mut Block) {
    let Some(root) = block.witness_root() else { return };
    let commitment = Block::compute_witness_commitment(&root, &WITNESS_RESERVED);
    let mut data = PushBytesBuf::from(COMMITMENT_HEADER);
    if data.extend_from_slice(commitment.as_byte_array()).is_ok() {
        let script_pubkey = Builder::new().push_opcode(OP_RETURN).push_slice(data).into_script();
        block.txdata[0].output.push(TxOut { value: Amount::ZERO, script_pubkey });
    }
}

fn solve(header: &mut Header, is_new: impl Fn(&BlockHash) -> bool) {
    while !header.validate_pow(header.target()).is_ok_and(|hash| is_new(&hash)) {
        header.nonce = header.nonce.wrapping_add(1);
    }
}

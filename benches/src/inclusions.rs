//! A block full of Bitcoin deposits, with evidence of each.

use alloy_primitives::{B256, Bytes, b256};
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::encode::serialize;
use bitcoin::hashes::Hash;
use bitcoin::script::{Builder, ScriptBuf};
use bitcoin::{Amount, Block, BlockHash, CompactTarget, OutPoint, Sequence, Transaction, TxIn, TxMerkleNode, TxOut};
use bitcoin::{Txid, Witness};
use spandrel_verifiers::bitcoin::{
    BitcoinVerifier, ChainParams, ConfirmationPolicy, DepositTerms, HeaderChain, Inclusion, MerkleProof,
    deposit_script, sha256d,
};
use spandrel_verifiers::{ChainId, LanePreference};

use crate::headers::genesis_chain;

/// x of 2·G, the vault's key, and of 3·G, to which deposits go back.
const VAULT: B256 = b256!("c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5");
const REFUND: B256 = b256!("f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9");
const TIME: u32 = 1_700_000_000;

/// A verifier with a chain of one block, and evidence of some of its deposits.
#[derive(Debug)]
pub struct BlockOfDeposits {
    /// The verifier.
    pub verifier: BitcoinVerifier,
    /// The genesis block and this one.
    pub chain: HeaderChain,
    /// Unix seconds.
    pub now: u64,
    /// Of transactions spread evenly over the block.
    pub evidence: Vec<Inclusion>,
    root: B256,
}

fn terms() -> DepositTerms {
    DepositTerms {
        destination_chain: ChainId::eip155(31_338),
        destination_bridge: B256::left_padding_from(&[0x11; 20]),
        recipient: B256::left_padding_from(&[0x22; 20]),
        lane: LanePreference::LightClient,
        expiry: 1_900_000_000,
        refund_key: REFUND,
        refund_delay: 4_320,
    }
}

fn transaction(previous_output: OutPoint, script_sig: ScriptBuf, script_pubkey: ScriptBuf) -> Transaction {
    Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { previous_output, script_sig, sequence: Sequence::MAX, witness: Witness::new() }],
        output: vec![TxOut { value: Amount::from_sat(250_000), script_pubkey }],
    }
}

impl BlockOfDeposits {
    /// A block of `count` transactions, all deposits but the coinbase, of which `proven` are proven.
    ///
    /// # Panics
    /// When `proven` is zero or not below `count`.
    pub fn of(count: usize, proven: usize) -> Self {
        let script = ScriptBuf::from(deposit_script(VAULT, &terms()).expect("good terms").to_vec());
        let coinbase = Builder::new().push_int(1).push_int(0).into_script();
        let spent = |index: usize| OutPoint::new(Txid::hash(&index.to_le_bytes()), 0);
        let first = transaction(OutPoint::null(), coinbase, script.clone());
        let others = (1..count).map(|index| transaction(spent(index), ScriptBuf::new(), script.clone()));
        let params = ChainParams::regtest();
        let mut chain = genesis_chain();
        let header = Header {
            version: Version::from_consensus(0x2000_0000),
            prev_blockhash: BlockHash::from_byte_array(chain.best().hash.0),
            merkle_root: TxMerkleNode::all_zeros(),
            time: TIME,
            bits: CompactTarget::from_consensus(params.pow_limit_bits),
            nonce: 0,
        };
        let mut block = Block { header, txdata: std::iter::once(first).chain(others).collect() };
        block.header.merkle_root = block.compute_merkle_root().expect("transactions");
        while block.header.validate_pow(block.header.target()).is_err() {
            block.header.nonce += 1;
        }
        let now = u64::from(TIME);
        chain.extend(&[Bytes::from(serialize(&block.header))], now).expect("a mined header");
        let indices = (1..count).step_by((count - 1) / proven).take(proven);
        let evidence = indices.map(|index| Inclusion::of_block(&block, 1, index, 0, terms()).expect("it is there"));
        let evidence = evidence.collect();
        let verifier = BitcoinVerifier::new(params, VAULT, ConfirmationPolicy::flat(1)).expect("a key");
        Self { verifier, chain, now, evidence, root: B256::new(block.header.merkle_root.to_byte_array()) }
    }

    /// The paths in the evidence.
    pub fn proofs(&self) -> Vec<MerkleProof<'_>> {
        let proofs = self.evidence.iter().map(|Inclusion { transaction, index, path, .. }| MerkleProof {
            root: self.root,
            leaf: sha256d(transaction),
            index: *index,
            path,
        });
        proofs.collect()
    }

    /// Bytes of the first piece of evidence, as it is held.
    pub fn evidence_bytes(&self) -> usize {
        let owned = |item: &Inclusion| {
            let parts = [&item.header, &item.transaction, &item.coinbase];
            let bytes: usize = parts.iter().map(|part| part.len()).sum();
            size_of::<Inclusion>() + bytes + 32 * (item.path.len() + item.coinbase_path.len())
        };
        self.evidence.first().map(owned).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spandrel_verifiers::Verifier;

    #[test]
    fn every_piece_of_evidence_verifies() {
        let block = BlockOfDeposits::of(40, 13);
        assert_eq!(block.evidence.len(), 13);
        let verdicts = block.verifier.verify_batch(&block.chain, &block.evidence, block.now);
        assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");
    }
}

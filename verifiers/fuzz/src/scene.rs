//! A Bitcoin deposit that verifies, and the verifier and chain under which it does.

use alloy_primitives::{B256, Bytes, b256};
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header as PeerHeader, Version as BlockVersion};
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash;
use bitcoin::script::{Builder, ScriptBuf};
use bitcoin::transaction::Version;
use bitcoin::{Amount, Block, OutPoint, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
use spandrel_verifiers::bitcoin::{
    BitcoinVerifier, ChainParams, ConfirmationPolicy, DepositTerms, HeaderChain, Inclusion, deposit_script,
};
use spandrel_verifiers::{ChainId, LanePreference};

use crate::headers::{START, bytes, genesis_chain, mine};

const VAULT: B256 = b256!("c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5");
const REFUND_KEY: B256 = b256!("f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9");

/// A deposit in the first block of a chain of two.
pub struct Scene {
    pub verifier: BitcoinVerifier,
    pub vault: B256,
    pub chain: HeaderChain,
    /// What follows the genesis block.
    pub headers: Vec<Bytes>,
    pub evidence: Inclusion,
    pub now: u64,
}

impl Scene {
    /// Six transactions, the deposit being output 1 of transaction 3.
    pub fn new() -> Self {
        let terms = DepositTerms {
            destination_chain: ChainId::eip155(31_338),
            destination_bridge: B256::left_padding_from(&[1; 20]),
            recipient: B256::left_padding_from(&[2; 20]),
            lane: LanePreference::Any,
            expiry: 1_900_000_000,
            refund_key: REFUND_KEY,
            refund_delay: 4_320,
        };
        let script = ScriptBuf::from(deposit_script(VAULT, &terms).expect("good terms").to_vec());
        let mut transactions: Vec<_> = (0..6).map(filler).collect();
        transactions[0].input[0].previous_output = OutPoint::null();
        transactions[0].input[0].script_sig = Builder::new().push_int(1).push_int(0).into_script();
        transactions[3].output.push(TxOut { value: Amount::from_sat(250_000), script_pubkey: script });
        let mut chain = genesis_chain();
        let header: PeerHeader = deserialize(&ChainParams::regtest().genesis_header()).expect("a header");
        let mut block = Block { header, txdata: transactions };
        block.header.version = BlockVersion::from_consensus(4);
        let root = B256::new(block.compute_merkle_root().expect("transactions").to_byte_array());
        let first = mine(chain.best().hash, root, START);
        let second = mine(first.hash, B256::ZERO, START + 600);
        let now = u64::from(START) + 1_200;
        let headers = vec![bytes(&first), bytes(&second)];
        chain.extend(&headers, now).expect("mined headers");
        block.header = deserialize(&first.encode()).expect("a header");
        let evidence = Inclusion::of_block(&block, 1, 3, 1, terms).expect("it is there");
        let confirmations = ConfirmationPolicy::flat(2);
        let verifier = BitcoinVerifier::new(ChainParams::regtest(), VAULT, confirmations).expect("a key");
        Self { verifier, vault: VAULT, chain, headers, evidence, now }
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

fn filler(tag: u8) -> Transaction {
    let previous_output = OutPoint::new(Txid::from_byte_array([tag; 32]), tag.into());
    let script_sig = ScriptBuf::new();
    let script_pubkey = ScriptBuf::from(vec![0x51; 1 + usize::from(tag)]);
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn { previous_output, script_sig, sequence: Sequence::MAX, witness: Witness::new() }],
        output: vec![TxOut { value: Amount::from_sat(1_000), script_pubkey }],
    }
}

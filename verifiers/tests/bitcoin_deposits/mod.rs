//! A regtest chain with one deposit in it, and evidence of that deposit.

use std::sync::OnceLock;

use alloy_primitives::{B256, Bytes, b256};
use bitcoin::hashes::Hash;
use bitcoin::script::ScriptBuf;
use bitcoin::{Block, OutPoint, Transaction, Txid};
use spandrel_verifiers::bitcoin::{
    BitcoinVerifier, ChainParams, ConfirmationPolicy, DepositTerms, HeaderChain, Inclusion, deposit_script,
};
use spandrel_verifiers::{ChainId, Deposit, LanePreference, Verified, Verifier, VerifyError};

use super::bitcoin_miner::{START, hash, header_bytes, mine, mine_run, regtest_chain, transaction};

/// x of 2·G: the vault's internal key.
pub const VAULT: B256 = b256!("c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5");

/// A block of nine transactions at height 5, the deposit being output 1 of transaction 5, buried to some depth.
pub struct Scene {
    pub verifier: BitcoinVerifier,
    pub chain: HeaderChain,
    /// All headers after the genesis block.
    pub headers: Vec<Bytes>,
    pub block: Block,
    pub height: u64,
    pub tip: B256,
    pub evidence: Inclusion,
    pub now: u64,
}

/// A parent hash in wire order.
pub trait WireParent {
    /// The parent's hash.
    fn prev_blockhash_wire(&self) -> B256;
}

impl WireParent for bitcoin::block::Header {
    fn prev_blockhash_wire(&self) -> B256 {
        B256::new(self.prev_blockhash.to_byte_array())
    }
}

pub fn terms() -> DepositTerms {
    DepositTerms {
        destination_chain: ChainId::eip155(31_338),
        destination_bridge: B256::left_padding_from(&[0x11; 20]),
        recipient: B256::left_padding_from(&[0x22; 20]),
        lane: LanePreference::Fast,
        expiry: 1_900_000_000,
        // x of 3·G.
        refund_key: b256!("f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9"),
        refund_delay: 4320,
    }
}

/// Any transaction: nobody checks that what it spends exists, and neither does an SPV proof.
pub fn filler(tag: u8, outputs: Vec<(ScriptBuf, u64)>) -> Transaction {
    transaction(OutPoint::new(Txid::from_byte_array([tag; 32]), tag.into()), ScriptBuf::new(), outputs)
}

impl Scene {
    pub fn new(depth: u64) -> Self {
        Self::with(depth, 250_000, terms())
    }

    /// The same for every caller, six deep.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Scene> = OnceLock::new();
        SHARED.get_or_init(|| Self::new(6))
    }

    pub fn with(depth: u64, amount: u64, terms: DepositTerms) -> Self {
        let mut chain = regtest_chain();
        let before = mine_run(chain.best().hash, 1, 4, 1);
        let script = ScriptBuf::from(deposit_script(VAULT, &terms).unwrap().to_vec());
        let plain = |tag: u8| (ScriptBuf::from(vec![0x51; usize::from(tag)]), 1000 + u64::from(tag));
        let mut transactions: Vec<Transaction> = (1..=8).map(|tag| filler(tag, vec![plain(tag)])).collect();
        let outputs = vec![plain(20), (script, amount), plain(21)];
        transactions[4] = filler(5, outputs);
        let height = 5;
        let block = mine(hash(before.last().unwrap()), height, START + 600 * height as u32, 1, transactions);
        let after = mine_run(hash(&block), height + 1, depth - 1, 1);
        let tip = after.last().map_or(hash(&block), hash);
        let headers: Vec<Bytes> = before.iter().chain([&block]).chain(&after).map(header_bytes).collect();
        let now = u64::from(START) + 600 * (height + depth + 20);
        chain.extend(&headers, now).unwrap();
        let evidence = Inclusion::of_block(&block, height, 5, 1, terms).unwrap();
        let verifier = BitcoinVerifier::new(ChainParams::regtest(), VAULT, ConfirmationPolicy::flat(6)).unwrap();
        Self { verifier, chain, headers, block, height, tip, evidence, now }
    }

    pub fn verify(&self, evidence: &Inclusion) -> Result<Verified<Deposit>, VerifyError> {
        self.verifier.verify(&self.chain, evidence, self.now)
    }

    pub fn verify_own(&self) -> Result<Verified<Deposit>, VerifyError> {
        self.verify(&self.evidence)
    }
}

//! A Bitcoin block of a few transactions, one of which pays to the vault.

use alloy::primitives::{Address, B256, U256, keccak256};
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version as HeaderVersion};
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{Keypair, Secp256k1};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut, Txid,
    Witness,
};
use spandrel_verifiers::bitcoin::{
    DepositTerms, Inclusion, deposit_script, merkle_path, merkle_root, sha256d, source_key, without_witness,
};
use spandrel_verifiers::{AssetId, ChainId, Checkpoint, Deposit, LanePreference};

/// Transactions in the block; the deposit is the one at [`INDEX`], and pays with its output [`OUTPUT`].
const COUNT: usize = 7;
const INDEX: usize = 4;
const OUTPUT: usize = 1;
const HEIGHT: u64 = 210;

/// A deposit, what proves it, and the block it is in.
pub struct BitcoinDeposit {
    pub deposit: Deposit,
    pub inclusion: Inclusion,
    pub checkpoint: Checkpoint,
}

/// x-only public key that is the same in every run.
pub fn x_only(name: &str) -> B256 {
    let pair = Keypair::from_seckey_slice(&Secp256k1::new(), keccak256(name).as_slice()).unwrap();
    B256::new(pair.x_only_public_key().0.serialize())
}

/// The regtest chain.
pub fn chain() -> ChainId {
    ChainId::parse("bip122:0f9188f13cb7b2c71f2a335e3a4fc328").unwrap()
}

/// Its coin.
pub fn satoshis() -> AssetId {
    AssetId::parse("bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0").unwrap()
}

/// A deposit of `amount` satoshis into the vault `x_only("vault")` in a block mined at `time`.
pub fn deposit(time: u64, amount: u64, to: &ChainId, inbox: Address, recipient: Address) -> BitcoinDeposit {
    deposit_by(LanePreference::LightClient, time, amount, to, inbox, recipient)
}

/// The same, by a depositor who prefers `lane`.
pub fn deposit_by(
    lane: LanePreference,
    time: u64,
    amount: u64,
    to: &ChainId,
    inbox: Address,
    recipient: Address,
) -> BitcoinDeposit {
    let terms = DepositTerms {
        destination_chain: to.clone(),
        destination_bridge: inbox.into_word(),
        recipient: recipient.into_word(),
        lane,
        expiry: time + 86_400,
        refund_key: x_only("refund"),
        refund_delay: 1008,
    };
    let vault = x_only("vault");
    let script = ScriptBuf::from_bytes(deposit_script(vault, &terms).unwrap().to_vec());
    let paying = transaction(INDEX, vec![ScriptBuf::from_bytes(vec![0x6a]), script], amount);
    let block: Vec<_> = (0..COUNT)
        .map(|index| match index {
            0 => coinbase(),
            INDEX => paying.clone(),
            _ => transaction(index, vec![ScriptBuf::from_bytes(vec![0x51]); index], 1000),
        })
        .collect();
    let txids: Vec<Txid> = block.iter().map(Transaction::compute_txid).collect();
    let header = serialize(&Header {
        version: HeaderVersion::TWO,
        prev_blockhash: BlockHash::from_byte_array(keccak256("parent").0),
        merkle_root: TxMerkleNode::from_byte_array(merkle_root(&txids).0),
        time: time as u32,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 7,
    });
    let txid = B256::new(txids[INDEX].to_byte_array());
    let checkpoint = Checkpoint { chain: chain(), height: HEIGHT, root: sha256d(&header), time, up_to: amount };
    let deposit = Deposit {
        version: 1,
        source_chain: chain(),
        source_bridge: vault,
        source_key: source_key(txid, OUTPUT as u32),
        asset: satoshis(),
        amount: U256::from(amount),
        destination_chain: to.clone(),
        destination_bridge: terms.destination_bridge,
        recipient: terms.recipient,
        sender: terms.refund_key,
        lane: terms.lane,
        expiry: terms.expiry,
    };
    let inclusion = Inclusion {
        height: HEIGHT,
        header: header.into(),
        transaction: without_witness(&paying).into(),
        index: INDEX as u32,
        path: merkle_path(&txids, INDEX),
        coinbase: without_witness(&block[0]).into(),
        coinbase_path: merkle_path(&txids, 0),
        output: OUTPUT as u32,
        terms,
    };
    BitcoinDeposit { deposit, inclusion, checkpoint }
}

fn coinbase() -> Transaction {
    let mut coinbase = transaction(0, vec![ScriptBuf::from_bytes(vec![0x51])], 5_000_000_000);
    coinbase.input[0].previous_output = OutPoint::null();
    coinbase.input[0].script_sig = ScriptBuf::from_bytes(vec![0x02, 0xd2, 0x00, 0x51, 0x51]);
    coinbase.input[0].witness = Witness::from_slice(&[[0u8; 32]]);
    coinbase
}

fn transaction(seed: usize, scripts: Vec<ScriptBuf>, value: u64) -> Transaction {
    let spent = Txid::from_byte_array(keccak256([seed as u8]).0);
    let output = |script_pubkey| TxOut { value: Amount::from_sat(value), script_pubkey };
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(spent, seed as u32),
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::from_slice(&[[seed as u8; 64]]),
        }],
        output: scripts.into_iter().map(output).collect(),
    }
}

//! What the Solidity tests read in `test/vectors`: made by the Rust vocabulary, compared here, rewritten with
//! `SPANDREL_BLESS=1`.

use std::path::Path;

use alloy::primitives::{Address, B256, U256, keccak256};
use serde_json::{Value, json};
use spandrel_contracts::{attest, proof, solidity_deposit};
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{AssetId, ChainId, Checkpoint, Deposit, DepositId, LanePreference};

use crate::anvil::GENESIS_TIME;
use crate::bitcoin_block::{self, BitcoinDeposit};

fn require_current(name: &str, vector: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/vectors").join(name);
    let text = serde_json::to_string_pretty(vector).unwrap() + "\n";
    if std::env::var_os("SPANDREL_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    } else {
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{name} is stale: run with SPANDREL_BLESS=1");
    }
}

fn deposit_json(deposit: &Deposit) -> Value {
    let d = solidity_deposit(deposit);
    json!({
        "version": d.version, "sourceChain": d.sourceChain, "sourceBridge": d.sourceBridge, "sourceKey": d.sourceKey,
        "asset": d.asset, "amount": B256::from(d.amount), "destinationChain": d.destinationChain,
        "destinationBridge": d.destinationBridge, "recipient": d.recipient, "sender": d.sender, "lane": d.lane,
        "expiry": d.expiry, "id": deposit.id().0,
    })
}

#[test]
fn deposit_ids_are_those_that_solidity_checks() {
    let base = Deposit {
        version: 1,
        source_chain: ChainId::eip155(1),
        source_bridge: Address::repeat_byte(2).into_word(),
        source_key: B256::with_last_byte(3),
        asset: AssetId::parse("eip155:1/slip44:60").unwrap(),
        amount: U256::from(1_000_000_000_000_000_000u64),
        destination_chain: ChainId::eip155(31337),
        destination_bridge: Address::repeat_byte(7).into_word(),
        recipient: Address::repeat_byte(8).into_word(),
        sender: Address::repeat_byte(9).into_word(),
        lane: LanePreference::Any,
        expiry: GENESIS_TIME,
    };
    let extreme = Deposit {
        version: u8::MAX,
        amount: U256::MAX,
        source_key: B256::repeat_byte(0xff),
        lane: LanePreference::LightClient,
        expiry: u64::MAX,
        ..base.clone()
    };
    let bitcoin = Deposit {
        source_chain: bitcoin_block::chain(),
        source_bridge: bitcoin_block::x_only("vault"),
        asset: bitcoin_block::satoshis(),
        amount: U256::from(21_000_000),
        lane: LanePreference::Fast,
        ..base.clone()
    };
    let deposits: Vec<_> = [base, extreme, bitcoin].iter().map(deposit_json).collect();
    require_current("deposit_ids.json", &json!({ "deposits": deposits }));
}

#[test]
fn digests_and_batch_trees_are_those_that_solidity_checks() {
    let contract = Address::repeat_byte(0x77);
    let checkpoint = Checkpoint { chain: ChainId::eip155(1), height: 5, root: B256::repeat_byte(6), time: 7, up_to: 9 };
    let ids: Vec<_> = (0..11u8).map(|n| DepositId(keccak256([n]))).collect();
    let trees: Vec<_> = (1..=ids.len())
        .map(|count| {
            let tree = BatchTree::new(&ids[..count]).unwrap();
            json!({ "root": tree.root(), "lastId": ids[count - 1].0, "lastPath": tree.path(count - 1) })
        })
        .collect();
    let members = [Address::repeat_byte(1), Address::repeat_byte(2), Address::repeat_byte(3)];
    let vector = json!({
        "contract": contract,
        "chainNumber": 31337,
        "checkpoint": checkpoint.digest(31337, contract, 8),
        "batch": attest::batch_digest(31337, contract, B256::repeat_byte(6), 5, 8, 9),
        "rotation": attest::rotation_digest(31337, contract, &members, 2, 8, 9),
        "trees": trees,
    });
    require_current("digests.json", &vector);
}

#[test]
fn the_bitcoin_proof_is_the_one_that_solidity_checks() {
    let inbox = Address::repeat_byte(7);
    let recipient = Address::repeat_byte(8);
    let cases: Vec<_> = [50_000u64, 60_000, 70_000]
        .iter()
        .map(|amount| {
            let BitcoinDeposit { deposit, inclusion, checkpoint } =
                bitcoin_block::deposit(GENESIS_TIME, *amount, &ChainId::eip155(31337), inbox, recipient);
            let proof = proof::bitcoin(&inclusion, deposit.source_bridge).unwrap();
            json!({
                "deposit": deposit_json(&deposit), "proof": proof, "root": checkpoint.root,
                "height": checkpoint.height, "time": checkpoint.time,
            })
        })
        .collect();
    require_current("bitcoin_claims.json", &json!({ "claims": cases }));
}

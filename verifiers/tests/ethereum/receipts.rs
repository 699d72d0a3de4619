//! Receipts: every one of recorded mainnet blocks proven by its index, whatever its type.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bloom, Bytes, U256, keccak256};
use serde::Deserialize;
use serde_json::Value;
use spandrel_verifiers::ethereum::trie::{self, Query};
use spandrel_verifiers::ethereum::{ExecutionHeader, LogPosition, Receipt};

use crate::history::Content;
use crate::planted::build;
use crate::support::{Tally, bytes, hex_bytes, json, readable, vectors, vectors_with};
use crate::vector_coverage::is_home;

/// RLP of a list of encoded items.
pub fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: items.iter().map(Vec::len).sum() }.encode(&mut out);
    out.extend(items.concat());
    out
}

pub fn string(bytes: &[u8]) -> Vec<u8> {
    alloy_rlp::encode(bytes)
}

/// A receipt as it stands in the trie: behind its type, if it has one.
pub fn enveloped(kind: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    let body = list(fields);
    if kind == 0 { body } else { [vec![kind], body].concat() }
}

/// `log` of JSON-RPC, in RLP.
fn rpc_log(log: &Value) -> Vec<u8> {
    let bytes = |value: &Value| hex_bytes(value.as_str().unwrap());
    let topics: Vec<_> = log["topics"].as_array().unwrap().iter().map(|topic| string(&bytes(topic))).collect();
    list(&[string(&bytes(&log["address"])), list(&topics), string(&bytes(&log["data"]))])
}

/// `eth_getTransactionReceipt`, in RLP.
pub fn rpc_receipt(receipt: &Value) -> Vec<u8> {
    let number = |name: &str| receipt[name].as_str().map(|text| text.parse::<U256>().unwrap());
    let logs: Vec<_> = receipt["logs"].as_array().unwrap().iter().map(rpc_log).collect();
    let status = alloy_rlp::encode(number("status").unwrap());
    let gas = alloy_rlp::encode(number("cumulativeGasUsed").unwrap());
    let bloom = string(&hex_bytes(receipt["logsBloom"].as_str().unwrap()));
    enveloped(number("type").unwrap_or_default().to(), &[status, gas, bloom, list(&logs)])
}

/// Proves every receipt of a block, alone and together, and that there are no more. Returns how many of each type.
pub fn prove_all(tally: &mut Tally, root: B256, leaves: &[Vec<u8>]) -> BTreeMap<u8, usize> {
    let key = |index: usize| alloy_rlp::encode(index);
    let entries: BTreeMap<_, _> = leaves.iter().enumerate().map(|(index, leaf)| (key(index), leaf.clone())).collect();
    let keys: Vec<_> = (0..=leaves.len()).map(key).collect();
    let (built, proofs) = build(&entries, &keys);
    assert_eq!(built, root, "the receipts are not this block's");
    let mut kinds = BTreeMap::new();
    for (index, (leaf, proof)) in leaves.iter().zip(&proofs).enumerate() {
        let receipt = Receipt::prove(root, index as u64, proof).unwrap().unwrap();
        assert_eq!(receipt, Receipt::decode(leaf).unwrap());
        *kinds.entry(receipt.kind).or_default() += 1;
        tally.pass();
        if index + 1 < leaves.len() {
            tally.refuse_any(Receipt::prove(root, index as u64 + 1, proof));
        }
    }
    assert_eq!(Receipt::prove(root, leaves.len() as u64, &proofs[leaves.len()]).unwrap(), None);
    let queries: Vec<_> =
        keys.iter().zip(&proofs).map(|(key, proof)| Query { root, key: key.as_slice(), proof }).collect();
    for (index, found) in trie::values("proof", &queries).into_iter().enumerate() {
        assert_eq!(found.unwrap(), leaves.get(index).map(Vec::as_slice));
    }
    kinds
}

#[test]
fn every_receipt_that_nodes_gave_of_four_blocks_is_proven() {
    let sets = ["helios_execution", "snowbridge/relayer/chain/ethereum/testdata", "axelar_mainnet_capella/prover"];
    let Some(folder) = vectors_with("ethereum", &sets) else { return };
    let mut tally = Tally::new("receipts of JSON-RPC");
    let root_of = |path: &str| -> B256 {
        let block: Value = json(folder.join(path));
        block["receiptsRoot"].as_str().unwrap().parse().unwrap()
    };
    let snowbridge = "snowbridge/relayer/chain/ethereum/testdata";
    let helios = root_of("helios_execution/rpc/block.json");
    let berlin = root_of(&format!("{snowbridge}/header11408438.json"));
    // The Capella block's root stands in the beacon block that carries it.
    let axelar = "axelar_mainnet_capella/prover/src/prover/testdata";
    let capella: Value = json(folder.join(axelar).join(
        "state_prover/block_proof_0x7d6b5bbdd7de1273eb399ca4135896cecd6bbc63d4a221c43e230b9ad1eafa3b_body,\
         execution_payload,receipts_root.json",
    ));
    let capella: B256 = capella["leaf"].as_str().unwrap().parse().unwrap();
    for (root, path) in [
        (helios, "helios_execution/rpc/receipts.json".to_owned()),
        (berlin, format!("{snowbridge}/receipts11408438.json")),
        (capella, format!("{axelar}/execution_blocks/receipts/18615160.json")),
    ] {
        let receipts: Vec<Value> = json(folder.join(&path));
        let leaves: Vec<_> = receipts.iter().map(rpc_receipt).collect();
        let kinds = prove_all(&mut tally, root, &leaves);
        println!("{path}: receipts by type {kinds:?}");
    }
}

#[test]
fn a_recorded_log_is_proven_by_its_receipt_proof() {
    let Some(folder) = vectors("ethereum/helios_execution") else { return };
    let mut tally = Tally::new("helios receipt proofs");
    let block: Value = json(folder.join("rpc/block.json"));
    let root: B256 = block["receiptsRoot"].as_str().unwrap().parse().unwrap();
    let single: Value = json(folder.join("verifiable_api/receipt.json"));
    let many: Value = json(folder.join("verifiable_api/logs.json"));
    let cases = many["receiptProofs"].as_object().unwrap().values().chain([&single]);
    for case in cases {
        run_receipt_proof(case, root, &mut tally);
    }
}

/// A receipt of JSON-RPC with its proof: each of its logs is proven.
pub fn run_receipt_proof(case: &Value, root: B256, tally: &mut Tally) {
    let proof: Vec<Bytes> = serde_json::from_value(case["receiptProof"].clone()).unwrap();
    let receipt = &case["receipt"];
    let transaction = receipt["transactionIndex"].as_str().unwrap().parse::<U256>().unwrap().to();
    for (index, log) in receipt["logs"].as_array().unwrap().iter().enumerate() {
        let position = LogPosition { transaction, log: index };
        let emitter: Address = serde_json::from_value(log["address"].clone()).unwrap();
        let topics: Vec<B256> = serde_json::from_value(log["topics"].clone()).unwrap();
        let found = Receipt::prove_log(root, position, &proof, emitter, &topics).unwrap();
        assert_eq!(found.data, hex_bytes(log["data"].as_str().unwrap()));
        tally.pass();
        let next = LogPosition { log: index + 1, ..position };
        tally.refuse(Receipt::prove_log(root, next, &proof, emitter, &topics), "receipt.logs");
    }
    tally.refuse_any(Receipt::prove(root, transaction + 1, &proof));
}

/// A block as Portal's vectors have it: all three in RLP.
#[derive(Deserialize)]
pub struct Block {
    header: Bytes,
    body: Bytes,
    receipts: Bytes,
}

/// The encoded items of an RLP list.
fn items(encoded: &[u8]) -> Vec<&[u8]> {
    match alloy_rlp::Header::decode_raw(&mut &encoded[..]).unwrap() {
        alloy_rlp::PayloadView::List(items) => items,
        alloy_rlp::PayloadView::String(_) => panic!("a list"),
    }
}

fn payload(encoded: &[u8]) -> &[u8] {
    match alloy_rlp::Header::decode_raw(&mut &encoded[..]).unwrap() {
        alloy_rlp::PayloadView::String(payload) => payload,
        alloy_rlp::PayloadView::List(_) => panic!("a string"),
    }
}

/// What a trie holds of a transaction or receipt of a block: typed ones stand in a list as strings.
fn leaf(encoded: &[u8]) -> Vec<u8> {
    if encoded[0] >= 0xc0 { encoded.to_vec() } else { payload(encoded).to_vec() }
}

/// A receipt of eth/69, `[type, status, gas, logs]`: without the bloom, which follows from the logs.
fn with_bloom(slim: &[u8]) -> Vec<u8> {
    let [kind, status, gas, logs] = items(slim)[..] else { panic!("four fields") };
    let mut bloom = Bloom::ZERO;
    for log in items(logs) {
        let [emitter, topics, _] = items(log)[..] else { panic!("three fields") };
        bloom.accrue(alloy_primitives::BloomInput::Raw(payload(emitter)));
        items(topics).iter().for_each(|topic| bloom.accrue(alloy_primitives::BloomInput::Raw(payload(topic))));
    }
    let kind = payload(kind).first().copied().unwrap_or_default();
    enveloped(kind, &[status.to_vec(), gas.to_vec(), string(bloom.as_slice()), logs.to_vec()])
}

#[test]
fn every_receipt_and_transaction_of_whole_mainnet_blocks_is_proven_under_their_headers() {
    let Some(folder) = vectors("ethereum/portal_blocks_receipts_mainnet") else { return };
    let mut tally = Tally::new("portal blocks and receipts");
    let mut kinds = BTreeMap::new();
    let blocks = readable::<Block>(folder.join("block_data"));
    for (_, block) in &blocks {
        for (kind, count) in block.prove(&mut tally) {
            *kinds.entry(kind).or_insert(0) += count;
        }
    }
    println!("portal blocks: receipts by type {kinds:?}");
    assert!((0..5).all(|kind| kinds.contains_key(&kind)) || !is_home());
    // Full receipts, as nodes gave them before eth/69.
    for (_, content) in readable::<Content>(folder.join("receipts")) {
        let leaves = leaves_of(&content);
        let hash = B256::from_slice(&content.content_key[1..]);
        let Some((_, block)) = blocks.iter().find(|(_, block)| keccak256(&block.header) == hash) else {
            tally.skip("receipts without their block");
            continue;
        };
        prove_all(&mut tally, ExecutionHeader::decode(&block.header).unwrap().receipts_root, &leaves);
    }
}

/// The receipts that Portal's network keeps under a block's hash.
pub fn leaves_of(content: &Content) -> Vec<Vec<u8>> {
    crate::tries::ssz_list(&content.content_value).iter().map(|leaf| leaf.to_vec()).collect()
}

impl Block {
    /// Proves each receipt and transaction under its header. Returns how many receipts of each type.
    pub fn prove(&self, tally: &mut Tally) -> BTreeMap<u8, usize> {
        let header = ExecutionHeader::decode(&self.header).unwrap();
        let receipts: Vec<_> = items(&self.receipts).into_iter().map(with_bloom).collect();
        let kinds = prove_all(tally, header.receipts_root, &receipts);
        let transactions: Vec<_> = items(items(&self.body)[0]).into_iter().map(leaf).collect();
        let entries: BTreeMap<_, _> =
            transactions.iter().enumerate().map(|(index, leaf)| (alloy_rlp::encode(index), leaf.clone())).collect();
        let keys: Vec<_> = entries.keys().cloned().collect();
        let (root, proofs) = build(&entries, &keys);
        assert_eq!(root, header.transactions_root);
        for (key, proof) in keys.iter().zip(&proofs) {
            assert_eq!(trie::value("proof", root, key, proof).unwrap(), entries.get(key).map(Vec::as_slice));
            tally.pass();
        }
        kinds
    }
}

#[test]
fn axelars_recorded_receipt_decodes_and_holds_its_topic() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/contracts/light-client/testdata") else { return };
    let mut tally = Tally::new("axelar receipts");
    run_topic(&json(folder.join("topic_inclusion.json")));
    tally.pass();
    let legacy: Vec<u8> = json(folder.join("legacy_receipt.json"));
    match Receipt::decode(&legacy) {
        Ok(receipt) => {
            assert_eq!(receipt.kind, 0);
            tally.pass();
        }
        Err(error) => panic!("legacy_receipt.json: {error}"),
    }
    for name in ["receipt_log_contractcall.json", "receipt_log_operatorship.json"] {
        assert!(!bytes(folder.join(name)).is_empty());
        tally.skip("a decoded log without its receipt: nothing to prove");
    }
}

/// A receipt that has a log with this topic.
pub fn run_topic(case: &Value) {
    let receipt = Receipt::decode(&hex_bytes(case["receipt"].as_str().unwrap())).unwrap();
    let topic: B256 = case["topic"].as_str().unwrap().parse().unwrap();
    assert!(receipt.logs.iter().any(|log| log.topics.contains(&topic)));
}

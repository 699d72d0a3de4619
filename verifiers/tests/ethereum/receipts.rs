//! Receipts: every one of recorded mainnet blocks proven by its index, whatever its type, and attacks on one log.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bloom, Bytes, U256, keccak256};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use spandrel_verifiers::ethereum::trie::{self, Query};
use spandrel_verifiers::ethereum::{ExecutionHeader, LogPosition, Outcome, Receipt};

use crate::planted::build;
use crate::support::{Tally, bytes, files, hex_bytes, json, vectors, vectors_with, yaml};
use crate::vector_coverage::is_home;

/// RLP of a list of encoded items.
fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: items.iter().map(Vec::len).sum() }.encode(&mut out);
    out.extend(items.concat());
    out
}

fn string(bytes: &[u8]) -> Vec<u8> {
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
fn rpc_receipt(receipt: &Value) -> Vec<u8> {
    let number = |name: &str| receipt[name].as_str().map(|text| text.parse::<U256>().unwrap());
    let logs: Vec<_> = receipt["logs"].as_array().unwrap().iter().map(rpc_log).collect();
    let status = alloy_rlp::encode(number("status").unwrap());
    let gas = alloy_rlp::encode(number("cumulativeGasUsed").unwrap());
    let bloom = string(&hex_bytes(receipt["logsBloom"].as_str().unwrap()));
    enveloped(number("type").unwrap_or_default().to(), &[status, gas, bloom, list(&logs)])
}

/// Proves every receipt of a block, alone and together, and that there are no more. Returns how many of each type.
fn prove_all(tally: &mut Tally, root: B256, leaves: &[Vec<u8>]) -> BTreeMap<u8, usize> {
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
}

#[derive(Deserialize)]
struct Block {
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
    for file in files(folder.join("block_data")) {
        let block: Block = yaml(&file);
        let header = ExecutionHeader::decode(&block.header).unwrap();
        let receipts: Vec<_> = items(&block.receipts).into_iter().map(with_bloom).collect();
        for (kind, count) in prove_all(&mut tally, header.receipts_root, &receipts) {
            *kinds.entry(kind).or_insert(0) += count;
        }
        let transactions: Vec<_> = items(items(&block.body)[0]).into_iter().map(leaf).collect();
        let entries: BTreeMap<_, _> =
            transactions.iter().enumerate().map(|(index, leaf)| (alloy_rlp::encode(index), leaf.clone())).collect();
        let keys: Vec<_> = entries.keys().cloned().collect();
        let (root, proofs) = build(&entries, &keys);
        assert_eq!(root, header.transactions_root);
        for (key, proof) in keys.iter().zip(&proofs) {
            assert_eq!(trie::value("proof", root, key, proof).unwrap(), entries.get(key).map(Vec::as_slice));
            tally.pass();
        }
    }
    println!("portal blocks: receipts by type {kinds:?}");
    assert!(kinds.keys().copied().eq(0..5) || !is_home());
    // Full receipts, as nodes gave them before eth/69.
    for file in files(folder.join("receipts")) {
        #[derive(Deserialize)]
        struct Content {
            content_key: Bytes,
            content_value: Bytes,
        }
        let content: Content = yaml(&file);
        let leaves: Vec<_> = crate::tries::ssz_list(&content.content_value).iter().map(|leaf| leaf.to_vec()).collect();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let block: Block = yaml(folder.join(format!("block_data/block-data-{name}.yaml")));
        assert_eq!(keccak256(&block.header), B256::from_slice(&content.content_key[1..]));
        prove_all(&mut tally, ExecutionHeader::decode(&block.header).unwrap().receipts_root, &leaves);
    }
}

#[test]
fn axelars_recorded_receipt_decodes_and_holds_its_topic() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/contracts/light-client/testdata") else { return };
    let mut tally = Tally::new("axelar receipts");
    let file: Value = json(folder.join("topic_inclusion.json"));
    let receipt = Receipt::decode(&hex_bytes(file["receipt"].as_str().unwrap())).unwrap();
    let topic: B256 = file["topic"].as_str().unwrap().parse().unwrap();
    assert!(receipt.logs.iter().any(|log| log.topics.contains(&topic)));
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

/// A receipt with two logs of one contract, in a block of forty.
struct Scene {
    root: B256,
    proof: Vec<Bytes>,
}

const EMITTER: Address = Address::repeat_byte(0xee);
const TOPICS: [B256; 2] = [B256::repeat_byte(1), B256::repeat_byte(2)];
const POSITION: LogPosition = LogPosition { transaction: 17, log: 1 };

pub fn log(emitter: Address, topics: &[B256], data: &[u8]) -> Vec<u8> {
    let topics: Vec<_> = topics.iter().map(|topic| string(topic.as_slice())).collect();
    list(&[string(emitter.as_slice()), list(&topics), string(data)])
}

fn honest_logs() -> Vec<Vec<u8>> {
    vec![log(Address::repeat_byte(0xdd), &[], b""), log(EMITTER, &TOPICS, b"paid")]
}

fn receipt(kind: u8, status: &[u8], logs: &[Vec<u8>]) -> Vec<u8> {
    // A bloom that says everything: it is not looked at.
    enveloped(kind, &[string(status), alloy_rlp::encode(21_000_u64), string(&[0xff; 256]), list(logs)])
}

fn scene(leaf: &[u8]) -> Scene {
    let other = receipt(2, &[1], &[]);
    let mut entries: BTreeMap<_, _> = (0..40_u64).map(|index| (alloy_rlp::encode(index), other.clone())).collect();
    let key = alloy_rlp::encode(POSITION.transaction);
    entries.insert(key.clone(), leaf.to_vec());
    let (root, mut proofs) = build(&entries, &[key]);
    Scene { root, proof: proofs.remove(0) }
}

fn prove(leaf: &[u8]) -> Result<spandrel_verifiers::ethereum::Log, spandrel_verifiers::VerifyError> {
    let Scene { root, proof } = scene(leaf);
    Receipt::prove_log(root, POSITION, &proof, EMITTER, &TOPICS)
}

#[test]
fn a_log_counts_only_in_a_transaction_that_succeeded() {
    for kind in 0..=4 {
        let found = prove(&receipt(kind, &[1], &honest_logs())).unwrap();
        assert_eq!(found.data, Bytes::from_static(b"paid"));
        assert_eq!(prove(&receipt(kind, &[], &honest_logs())).unwrap_err().field, "receipt.status");
    }
    // Before Byzantium a receipt does not say how its transaction ended.
    let root = receipt(0, &[7; 32], &honest_logs());
    assert_eq!(Receipt::decode(&root).unwrap().outcome, Outcome::StateRoot(B256::repeat_byte(7)));
    assert_eq!(prove(&root).unwrap_err().field, "receipt.status");
}

#[test]
fn emitter_topics_and_index_must_be_the_logs() {
    let refused = |logs: &[Vec<u8>]| prove(&receipt(2, &[1], logs)).unwrap_err().field;
    let [first, second] = honest_logs().try_into().unwrap();
    assert_eq!(refused(std::slice::from_ref(&first)), "receipt.logs");
    assert_eq!(refused(&[second.clone(), first.clone()]), "receipt.logs[1].emitter");
    assert_eq!(refused(&[first.clone(), log(EMITTER, &TOPICS[..1], b"paid")]), "receipt.logs[1].topics");
    assert_eq!(refused(&[first, log(EMITTER, &[TOPICS[1], TOPICS[0]], b"paid")]), "receipt.logs[1].topics");
}

#[test]
fn a_receipt_proof_speaks_only_for_its_index() {
    let Scene { root, proof } = scene(&receipt(2, &[1], &honest_logs()));
    for transaction in [0, 16, 18, 0x11_00, u64::MAX] {
        let position = LogPosition { transaction, ..POSITION };
        let error = Receipt::prove_log(root, position, &proof, EMITTER, &TOPICS).unwrap_err();
        assert!(error.field.starts_with("receipt_proof"), "{error}");
    }
}

#[test]
fn a_receipt_of_another_shape_is_refused() {
    let fields = [string(&[1]), alloy_rlp::encode(1_u64), string(&[0; 256]), list(&[])];
    let refused = |bytes: &[u8], field: &str| {
        let error = Receipt::decode(bytes).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    };
    Receipt::decode(&enveloped(4, &fields)).unwrap();
    refused(&[], "receipt");
    // Unknown types, a legacy receipt in an envelope, and an envelope as it stands in a list.
    for kind in [0, 5, 0x7f, 0x80, 0xb9] {
        refused(&[vec![kind], list(&fields)].concat(), "receipt");
    }
    refused(&list(&fields[..3]), "receipt");
    refused(&list(&[&fields[..], &[list(&[])]].concat()), "receipt");
    refused(&[list(&fields), vec![0]].concat(), "receipt");
    let with = |index: usize, item: Vec<u8>| {
        let mut fields = fields.clone();
        fields[index] = item;
        list(&fields)
    };
    for status in [vec![0x00], vec![0x02], string(&[1, 0]), string(&[7; 31]), vec![0xc0]] {
        refused(&with(0, status), "receipt.status");
    }
    let typed_root = [vec![2], with(0, string(&[7; 32]))].concat();
    refused(&typed_root, "receipt.status");
    refused(&with(1, string(&[0, 1])), "receipt.cumulative_gas_used");
    refused(&with(2, string(&[0; 255])), "receipt.logs_bloom");
    refused(&with(3, string(b"logs")), "receipt.logs");
    let five = [B256::ZERO; 5];
    for (bad, field) in [
        (list(&[]), "receipt.logs[0]"),
        (log(EMITTER, &five, b""), "receipt.logs[0].topics"),
        (list(&[string(&[1; 19]), list(&[]), string(b"")]), "receipt.logs[0].emitter"),
        (list(&[string(&[1; 20]), list(&[string(&[1; 31])]), string(b"")]), "receipt.logs[0].topics"),
        (list(&[string(&[1; 20]), list(&[]), list(&[])]), "receipt.logs[0].data"),
    ] {
        refused(&with(3, list(&[bad])), field);
    }
}

proptest! {
    #[test]
    fn a_flipped_byte_of_a_receipt_proof_is_refused(at: prop::sample::Index, change in 1_u8..) {
        static SCENE: std::sync::LazyLock<Scene> = std::sync::LazyLock::new(|| scene(&receipt(2, &[1], &honest_logs())));
        let mut proof = SCENE.proof.clone();
        let total: usize = proof.iter().map(|node| node.len()).sum();
        let mut place = at.index(total);
        for node in &mut proof {
            if place < node.len() {
                let mut changed = node.to_vec();
                changed[place] ^= change;
                *node = changed.into();
                break;
            }
            place -= node.len();
        }
        prop_assert!(Receipt::prove_log(SCENE.root, POSITION, &proof, EMITTER, &TOPICS).is_err());
    }

    #[test]
    fn a_receipt_that_decodes_is_the_only_encoding_of_itself(at: prop::sample::Index, change: u8, kind in 0_u8..5) {
        let mut bytes = receipt(kind, &[1], &honest_logs());
        let place = at.index(bytes.len());
        bytes[place] ^= change;
        if let Ok(decoded) = Receipt::decode(&bytes) {
            let logs: Vec<_> = decoded.logs.iter().map(|entry| log(entry.emitter, &entry.topics, &entry.data)).collect();
            let status = match decoded.outcome {
                Outcome::Success => vec![1],
                Outcome::Failure => vec![],
                Outcome::StateRoot(root) => root.to_vec(),
            };
            let gas = alloy_rlp::encode(decoded.cumulative_gas_used);
            let fields = [string(&status), gas, string(decoded.logs_bloom.as_slice()), list(&logs)];
            prop_assert_eq!(enveloped(decoded.kind, &fields), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_stop_the_receipt_decoder(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(receipt) = Receipt::decode(&bytes) {
            prop_assert!(receipt.kind <= 4);
        }
    }
}

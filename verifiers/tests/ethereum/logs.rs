//! Attacks on one log of a receipt, and on the receipt that holds it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes};
use proptest::prelude::*;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::{Log, LogPosition, Outcome, Receipt};

use crate::planted::build;
use crate::receipts::{enveloped, list, string};

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

fn prove(leaf: &[u8]) -> Result<Log, VerifyError> {
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

//! Receipts of every type: what decodes is the only encoding of itself, and is proven by its index and no other.

use alloy_primitives::{Bytes, keccak256};
use spandrel_verifiers::ethereum::{Outcome, Receipt};
use crate::patch::{Patch, patched};
use crate::rlp;

fn encode(receipt: &Receipt) -> Vec<u8> {
    let status = match receipt.outcome {
        Outcome::Success => rlp::string(&[1]),
        Outcome::Failure => rlp::string(&[]),
        Outcome::StateRoot(root) => rlp::string(root.as_slice()),
    };
    let logs: Vec<_> = receipt
        .logs
        .iter()
        .map(|log| {
            let topics: Vec<_> = log.topics.iter().map(|topic| rlp::string(topic.as_slice())).collect();
            rlp::list(&[rlp::string(log.emitter.as_slice()), rlp::list(&topics), rlp::string(&log.data)])
        })
        .collect();
    let gas = alloy_rlp::encode(receipt.cumulative_gas_used);
    let body = rlp::list(&[status, gas, rlp::string(receipt.logs_bloom.as_slice()), rlp::list(&logs)]);
    if receipt.kind == 0 { body } else { [vec![receipt.kind], body].concat() }
}

/// Type, logs (emitter, topics, data), changes, and the transaction's index.
type Input = (u8, Vec<([u8; 20], Vec<[u8; 32]>, Vec<u8>)>, Vec<Patch>, u8);

fuzz_target!(|input: Input| {
    let (kind, logs, patches, index) = input;
    let logs: Vec<_> = logs
        .iter()
        .map(|(emitter, topics, data)| {
            let topics: Vec<_> = topics.iter().map(|topic| rlp::string(topic)).collect();
            rlp::list(&[rlp::string(emitter), rlp::list(&topics), rlp::string(data)])
        })
        .collect();
    let body = rlp::list(&[rlp::string(&[1]), rlp::string(&[7]), rlp::string(&[0; 256]), rlp::list(&logs)]);
    let honest = if kind % 6 == 0 { body } else { [vec![kind % 6], body].concat() };
    let bytes = patched(honest, &patches);
    let Ok(receipt) = Receipt::decode(&bytes) else { return };
    assert_eq!(encode(&receipt), bytes);
    // A block of one transaction, at whatever index: its leaf has the whole key.
    let key = alloy_rlp::encode(u64::from(index));
    let leaf = rlp::list(&[rlp::string(&[&[0x20][..], &key].concat()), rlp::string(&bytes)]);
    let (root, proof) = (keccak256(&leaf), [Bytes::from(leaf)]);
    assert_eq!(Receipt::prove(root, u64::from(index), &proof), Ok(Some(receipt)));
    assert_eq!(Receipt::prove(root, u64::from(index) + 1, &proof), Ok(None));
});

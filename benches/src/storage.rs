//! Tries built with `alloy-trie`, and proofs of some of their keys as nodes serve them.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_trie::proof::ProofRetainer;
use alloy_trie::{HashBuilder, Nibbles};

/// One storage slot under a root: its key before hashing, its RLP value, and the nodes from the root down.
#[derive(Clone, Debug)]
pub struct SlotProof {
    /// The slot.
    pub slot: B256,
    /// RLP of the word.
    pub value: Vec<u8>,
    /// Trie nodes.
    pub nodes: Vec<Bytes>,
}

/// A storage trie of `size` slots with full words, and proofs of the first `proven` of them.
pub fn proofs(size: u64, proven: u64) -> (B256, Vec<SlotProof>) {
    let entry = |n: u64| {
        let slot = B256::from(U256::from(n));
        (slot, alloy_rlp::encode(U256::from_be_bytes(keccak256(slot).0)))
    };
    let trie = (0..size).map(entry).map(|(slot, value)| (keccak256(slot), value)).collect();
    let targets: Vec<_> = (0..proven).map(entry).collect();
    let hashed: Vec<_> = targets.iter().map(|(slot, _)| keccak256(slot)).collect();
    let (root, nodes) = prove(&trie, &hashed);
    let with_nodes = |((slot, value), nodes)| SlotProof { slot, value, nodes };
    (root, targets.into_iter().zip(nodes).map(with_nodes).collect())
}

/// Root of the trie of `entries` by hashed key, and the proof of each of `targets`.
pub fn prove(entries: &BTreeMap<B256, Vec<u8>>, targets: &[B256]) -> (B256, Vec<Vec<Bytes>>) {
    let targets: Vec<_> = targets.iter().map(Nibbles::unpack).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(targets.clone()));
    for (key, value) in entries {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let retained = builder.take_proof_nodes();
    let nodes = |key| retained.matching_nodes_sorted(key).into_iter().map(|(_, node)| node).collect();
    (root, targets.iter().map(nodes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use spandrel_verifiers::ethereum::trie;

    #[test]
    fn every_proof_proves_its_value() {
        let (root, proofs) = proofs(100, 5);
        for proof in &proofs {
            let found = trie::secure_value("proof", root, proof.slot.as_slice(), &proof.nodes).unwrap();
            assert_eq!(found, Some(proof.value.as_slice()));
        }
    }
}

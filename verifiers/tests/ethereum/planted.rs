//! Tries made up for the tests, by `alloy-trie`.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};
use alloy_trie::proof::ProofRetainer;
use alloy_trie::{HashBuilder, Nibbles};

/// A trie of `entries`, with the proof of each of `targets`.
pub fn build(entries: &BTreeMap<Vec<u8>, Vec<u8>>, targets: &[Vec<u8>]) -> (B256, Vec<Vec<Bytes>>) {
    let keys: Vec<Nibbles> = targets.iter().map(Nibbles::unpack).collect();
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(keys.clone()));
    for (key, value) in entries {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes();
    // The builder also reports nodes that stand in their parent, and an empty trie's empty string: neither is proven.
    let is_served = |(path, node): &(Nibbles, Bytes)| node.len() >= 32 || (path.is_empty() && node.len() > 1);
    let proof = |key: &Nibbles| {
        let matching = nodes.matching_nodes_sorted(key).into_iter();
        matching.filter(is_served).map(|(_, node)| node).collect()
    };
    (root, keys.iter().map(proof).collect())
}

//! Proofs that share and steal each other's nodes: together they are answered as alone.

use alloy_primitives::{B256, Bytes, keccak256};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::ethereum::trie::{self, Query};
use crate::patch::{Patch, patched};
use crate::rlp;

/// One proof: whose key, which nodes in which order, and changes to one of them.
#[derive(Arbitrary, Debug)]
struct Pick {
    key: u8,
    is_whole: bool,
    nodes: Vec<u8>,
    changed: u8,
    patches: Vec<Patch>,
}

/// A branch of sixteen leaves under an extension: every node of it, and each key's own way.
fn scene() -> (B256, Vec<[u8; 32]>, Vec<Vec<Bytes>>) {
    let key = |nibble: u8| {
        let mut key = [0x11; 32];
        key[1] = 0x10 | nibble;
        key
    };
    let keys: Vec<_> = (0..16).map(key).collect();
    // Prefix 0x20: a leaf with an even rest, the thirty bytes after the branch.
    let leaves: Vec<_> = (0..16_u8)
        .map(|n| rlp::list(&[rlp::string(&[&[0x20][..], &[0x11; 30]].concat()), rlp::string(&[n + 1; 33])]))
        .collect();
    let mut items: Vec<_> = leaves.iter().map(|leaf| rlp::string(keccak256(leaf).as_slice())).collect();
    items.push(rlp::string(&[]));
    let branch = rlp::list(&items);
    // Prefix 0x1: an extension over three nibbles.
    let root = rlp::list(&[rlp::string(&[0x11, 0x11]), rlp::string(keccak256(&branch).as_slice())]);
    let hash = keccak256(&root);
    let proofs = leaves.into_iter().map(|leaf| [&root, &branch, &leaf].map(|node| Bytes::from(node.clone())).to_vec());
    (hash, keys, proofs.collect())
}

fuzz_target!(|picks: Vec<Pick>| {
    let (root, keys, proofs) = scene();
    let all: Vec<Bytes> = proofs.concat();
    let items: Vec<_> = picks
        .iter()
        .take(64)
        .map(|pick| {
            let at = usize::from(pick.key) % keys.len();
            let mut proof = if pick.is_whole {
                proofs[at].clone()
            } else {
                pick.nodes.iter().take(6).map(|node| all[usize::from(*node) % all.len()].clone()).collect()
            };
            if !proof.is_empty() {
                let changed = usize::from(pick.changed) % proof.len();
                proof[changed] = patched(proof[changed].to_vec(), &pick.patches).into();
            }
            (keys[at], proof)
        })
        .collect();
    let queries: Vec<_> = items.iter().map(|(key, proof)| Query { root, key, proof }).collect();
    for ((key, proof), found) in items.iter().zip(trie::values("proof", &queries)) {
        assert_eq!(found, trie::value("proof", root, key, proof));
    }
});

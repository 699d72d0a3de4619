//! Trie proofs against `alloy-trie` as an oracle: real tries, and tries whose nodes an attacker made up.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::Nibbles;
use alloy_trie::proof::verify_proof;
use proptest::prelude::*;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::trie;

use crate::planted::build;

fn oracle(root: B256, key: &[u8], value: Option<&[u8]>, proof: &[Bytes]) -> bool {
    verify_proof(root, Nibbles::unpack(key), value.map(<[u8]>::to_vec), proof).is_ok()
}

/// Why something that the oracle takes is refused here: no trie has such nodes, so that a walk over them is a forger's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stricter {
    /// An extension without a path, or to nothing.
    EmptyExtension,
    /// An extension to another node than a branch.
    ExtensionToNoBranch,
    /// A branch that parts no two keys.
    LoneBranch,
    /// A node behind the one that decides, which stands in it.
    NodeBehind,
    /// A leaf without a value.
    EmptyLeaf,
}

fn stricter(error: &VerifyError) -> Option<Stricter> {
    match error.expected.as_str() {
        "an extension with a path and a child" => Some(Stricter::EmptyExtension),
        "a branch below an extension" => Some(Stricter::ExtensionToNoBranch),
        "a branch that parts at least two keys" => Some(Stricter::LoneBranch),
        "nothing after the node that decides" => Some(Stricter::NodeBehind),
        "a leaf with a value" => Some(Stricter::EmptyLeaf),
        _ => None,
    }
}

/// Keys that share prefixes often, all of one length.
fn entries() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
    let nibble = prop::sample::select(&[0x00_u8, 0x01, 0x10, 0x11, 0xf0, 0xff][..]);
    let key = prop::collection::vec(nibble, 3).prop_map(|mut head| {
        head.resize(32, 0x77);
        head
    });
    let value = prop_oneof![prop::collection::vec(1_u8.., 1..5), prop::collection::vec(any::<u8>(), 30..60)];
    prop::collection::btree_map(key, value, 1..24)
}

/// A node as an attacker would write it: any items, with references to `child`.
fn crafted(kind: u8, path: &[u8], child: &Bytes, value: &[u8], at: usize) -> Bytes {
    let reference = |out: &mut Vec<u8>| {
        if child.is_empty() {
            out.push(0x80);
        } else if child.len() < 32 {
            out.extend_from_slice(child);
        } else {
            keccak256(child).encode(out);
        }
    };
    let hex_prefix = |leaf: bool| {
        let flag = if leaf { 2 } else { 0 };
        let mut nibbles = if path.len() % 2 == 1 { vec![flag + 1] } else { vec![flag, 0] };
        nibbles.extend_from_slice(path);
        nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect::<Vec<u8>>()
    };
    let mut items = Vec::new();
    match kind {
        0 => {
            hex_prefix(true).as_slice().encode(&mut items);
            value.encode(&mut items);
        }
        1 => {
            hex_prefix(false).as_slice().encode(&mut items);
            reference(&mut items);
        }
        _ => {
            for index in 0..16 {
                match index {
                    _ if index == at => reference(&mut items),
                    // A second child, so that the branch is one.
                    _ if index == (at + 1) % 16 => B256::repeat_byte(0xee).encode(&mut items),
                    _ => items.push(0x80),
                }
            }
            if kind == 3 { value.encode(&mut items) } else { items.push(0x80) }
        }
    }
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: items.len() }.encode(&mut out);
    out.extend(items);
    out.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn real_tries_give_the_oracles_answer(entries in entries(), pick: prop::sample::Index, other in any::<[u8; 3]>()) {
        let mut absent = other.to_vec();
        absent.resize(32, 0x77);
        let present = entries.keys().nth(pick.index(entries.len())).unwrap().clone();
        let targets = vec![present, absent];
        let (root, proofs) = build(&entries, &targets);
        for (key, proof) in targets.iter().zip(&proofs) {
            let expected = entries.get(key).map(Vec::as_slice);
            prop_assert_eq!(trie::value("proof", root, key, proof).unwrap(), expected);
            prop_assert!(oracle(root, key, expected, proof));
            // Truncated, doubled, reordered, with a stranger: never accepted, here or there.
            for wrong in mutations(proof) {
                prop_assert!(trie::value("proof", root, key, &wrong).is_err());
                prop_assert!(!oracle(root, key, expected, &wrong));
            }
        }
    }

    #[test]
    fn crafted_tries_are_never_answered_where_the_oracle_disagrees(
        kinds in prop::collection::vec((0_u8..4, prop::collection::vec(0_u8..3, 0..4), 0_usize..3), 1..6),
        value in prop::collection::vec(any::<u8>(), 0..40),
        key in prop::collection::vec(prop::sample::select(&[0x00_u8, 0x01, 0x10, 0x11, 0x12, 0x21, 0x22][..]), 1..6),
        extra in any::<bool>(),
    ) {
        let mut nodes: Vec<Bytes> = Vec::new();
        let mut child = Bytes::new();
        for (kind, path, at) in &kinds {
            let node = crafted(*kind, path, &child, &value, *at);
            if node.len() >= 32 {
                nodes.insert(0, node.clone());
            }
            child = node;
        }
        if nodes.first() != Some(&child) {
            nodes.insert(0, child.clone());
        }
        if extra {
            // The forgery of alloy-trie below 0.9.7: a node behind the one that decides.
            nodes.push(Bytes::copy_from_slice(&value));
        }
        let root = keccak256(&child);
        // The oracle knows no branches with values and no roots below 32 bytes. Apart from those, what is accepted here is
        // accepted there, and what is refused here alone is refused for a known reason.
        let has_branch_value = !value.is_empty() && kinds.iter().any(|(kind, _, _)| *kind == 3);
        let is_known = !has_branch_value && child.len() >= 32;
        let ours = trie::value("proof", root, &key, &nodes);
        if let (Ok(found), true) = (&ours, is_known) {
            prop_assert!(oracle(root, &key, *found, &nodes), "accepted here only: {found:?}");
        }
        let is_taken = [None, Some(&value[..])].into_iter().any(|claim| oracle(root, &key, claim, &nodes));
        if let (Err(error), true) = (&ours, is_taken) {
            prop_assert!(stricter(error).is_some(), "refused here only: {error}");
        }
    }

    #[test]
    fn arbitrary_nodes_never_stop_the_walk(node in prop::collection::vec(any::<u8>(), 0..700), key: [u8; 32]) {
        let node = Bytes::from(node);
        let root = keccak256(&node);
        if let Ok(found) = trie::value("proof", root, &key, std::slice::from_ref(&node)) {
            prop_assert!(oracle(root, &key, found, std::slice::from_ref(&node)));
        }
    }
}

fn mutations(proof: &[Bytes]) -> Vec<Vec<Bytes>> {
    let mut wrong = vec![proof[..proof.len() - 1].to_vec(), proof[1..].to_vec()];
    wrong.push([proof, &proof[proof.len() - 1..]].concat());
    wrong.push([proof, &[Bytes::from_static(&[0x80])]].concat());
    if proof.len() > 1 {
        wrong.push(proof.iter().rev().cloned().collect());
    }
    for (index, node) in proof.iter().enumerate() {
        for place in [0, node.len() / 2, node.len() - 1] {
            let mut bytes = node.to_vec();
            bytes[place] ^= 1;
            let mut changed = proof.to_vec();
            changed[index] = bytes.into();
            wrong.push(changed);
        }
    }
    wrong
}

#[test]
fn a_well_made_crafted_trie_is_accepted_here_and_by_the_oracle() {
    let leaf = crafted(0, &[3; 40], &Bytes::new(), &[0x2a; 9], 0);
    let branch = crafted(2, &[], &leaf, &[], 5);
    let extension = crafted(1, &[1, 2, 3], &branch, &[], 0);
    let nodes = [extension.clone(), branch, leaf];
    let nibbles: Vec<u8> = [1, 2, 3, 5].into_iter().chain([3; 40]).collect();
    let key: Vec<u8> = nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let root = keccak256(&extension);
    assert_eq!(trie::value("proof", root, &key, &nodes).unwrap(), Some(&[0x2a; 9][..]));
    assert!(oracle(root, &key, Some(&[0x2a; 9]), &nodes));
    let absent = [&[0x12, 0x37], &key[2..]].concat();
    assert_eq!(trie::value("proof", root, &absent, &nodes[..2]).unwrap(), None);
    assert!(oracle(root, &absent, None, &nodes[..2]));
}

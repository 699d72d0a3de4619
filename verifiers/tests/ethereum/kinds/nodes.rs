//! Nodes of a trie by themselves: a walk from the first, which is the root, to a leaf or to where it breaks off.

use std::path::Path;

use alloy_primitives::{B256, Bytes, keccak256};
use spandrel_verifiers::ethereum::trie::value;

use super::json;
use crate::vector_coverage::Ran;

/// The members of a node: of a string what is in it, of a list all its bytes.
fn members(node: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = node;
    let head = alloy_rlp::Header::decode(&mut rest).ok().filter(|head| head.list)?;
    if head.payload_length != rest.len() {
        return None;
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        let head = alloy_rlp::Header::decode(&mut rest).ok()?;
        let (body, after) = rest.split_at_checked(head.payload_length)?;
        found.push(if head.list { &start[..start.len() - after.len()] } else { body });
        rest = after;
    }
    matches!(found.len(), 2 | 17).then_some(found)
}

/// The nibbles of a packed path, and whether a leaf ends it.
fn unpacked(packed: &[u8]) -> (Vec<u8>, bool) {
    let nibbles: Vec<u8> = packed.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect();
    let flag = nibbles.first().copied().unwrap_or_default();
    let skipped = if flag & 1 == 1 { 1 } else { 2 };
    (nibbles.into_iter().skip(skipped).collect(), flag >= 2)
}

/// The nibbles that lead from a node to the one that has this hash.
fn step(node: &[&[u8]], child: B256) -> Option<Vec<u8>> {
    match node {
        [path, below] => (*below == child.as_slice()).then(|| unpacked(path).0),
        branch => branch[..16].iter().position(|below| *below == child.as_slice()).map(|nibble| vec![nibble as u8]),
    }
}

/// A list of nodes in hex. The leaf at its end is held against the verifier, under the hash of the first.
pub fn walk(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let nodes: Vec<Bytes> = serde_json::from_value(json(bytes)?).ok().filter(|nodes: &Vec<_>| !nodes.is_empty())?;
    let parts = nodes.iter().map(|node| members(node)).collect::<Option<Vec<_>>>()?;
    let steps = parts.iter().zip(&nodes[1..]).map(|(node, child)| step(node, keccak256(child)));
    let Some(steps) = steps.collect::<Option<Vec<_>>>() else {
        return Some(Ran::Unread("nodes of a trie that do not lead from one to the next"));
    };
    let mut nibbles = steps.concat();
    if let Some([path, leaf]) = parts.last().map(Vec::as_slice)
        && let (rest, true) = unpacked(path)
    {
        nibbles.extend(rest);
        assert!(nibbles.len().is_multiple_of(2), "a leaf at an odd depth");
        let key: Vec<u8> = nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        assert_eq!(value("nodes", keccak256(&nodes[0]), &key, &nodes).unwrap(), Some(*leaf));
        value("nodes", B256::ZERO, &key, &nodes).unwrap_err();
        return Some(Ran::Cases(1, 1));
    }
    Some(Ran::Cases(1, 0))
}

/// What a prover was given, in a form that no node serves.
pub fn cbor(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_map = matches!(bytes, [0xa1..=0xb7, 0x61..=0x77, ..]) && path.extension()? == "cbor";
    is_map.then_some(Ran::Unread("inputs of a prover in CBOR, in no form that a node serves"))
}

#[test]
fn a_list_of_nodes_is_walked_from_the_first_to_its_leaf() {
    use std::collections::BTreeMap;
    let keys: Vec<Vec<u8>> = (0..200_u16).map(|n| keccak256(n.to_be_bytes()).to_vec()).collect();
    let entries: BTreeMap<_, _> = keys.iter().map(|key| (key.clone(), [key.as_slice(), b"value"].concat())).collect();
    let (_, proofs) = crate::planted::build(&entries, &keys[..1]);
    let nodes = &proofs[0];
    assert!(nodes.len() > 2);
    let run = |nodes: &[Bytes]| walk(Path::new("nodes.json"), serde_json::to_string(nodes).unwrap().as_bytes());
    assert_eq!(run(nodes), Some(Ran::Cases(1, 1)));
    // Broken off before its leaf, or with a node missing, or another in its place.
    assert_eq!(run(&nodes[..nodes.len() - 1]), Some(Ran::Cases(1, 0)));
    assert!(matches!(run(&[&nodes[..1], &nodes[2..]].concat()), Some(Ran::Unread(_))));
    let mut other = nodes.clone();
    let spoiled: Vec<u8> = other[1].iter().enumerate().map(|(place, byte)| byte ^ u8::from(place == 40)).collect();
    other[1] = spoiled.into();
    assert!(matches!(run(&other), Some(Ran::Unread(_))));
    assert_eq!(run(&[Bytes::from(vec![1; 32])]), None);
    let reason = cbor(Path::new("inputs.cbor"), &[0xa1, 0x61, b'a', 1]);
    assert!(matches!(reason, Some(Ran::Unread(_))));
}

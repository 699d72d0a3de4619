//! Trie proofs from mainnet, the official trie tests, and known forgeries.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, keccak256};
use serde::Deserialize;
use serde_json::Value;
use spandrel_verifiers::ethereum::{ExecutionHeader, trie};

use crate::planted::build;
use crate::support::{Tally, files, hex_bytes, json, readable, vectors};
use crate::vector_coverage::is_home;

/// Proofs with their verdicts.
#[derive(Deserialize)]
pub struct Proofs {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    valid: bool,
    root: B256,
    key_nibbles_of: Bytes,
    expected_value: Option<Bytes>,
    proof: Vec<Bytes>,
}

/// Judges each case; passed and refused.
///
/// # Panics
/// When a verdict is another than the case's.
pub fn run_proofs(Proofs { cases }: Proofs) -> (usize, usize) {
    let (mut passed, mut refused) = (0, 0);
    for case in cases {
        let found = trie::value("proof", case.root, &case.key_nibbles_of, &case.proof);
        if case.valid {
            assert_eq!(found.unwrap(), case.expected_value.as_ref().map(AsRef::as_ref), "{}", case.name);
            passed += 1;
        } else {
            found.expect_err(&case.name);
            refused += 1;
        }
    }
    (passed, refused)
}

#[test]
fn known_forgeries_are_refused_and_their_valid_twins_accepted() {
    let Some(file) = vectors("ethereum/derived_mpt_forgeries.json") else { return };
    let mut tally = Tally::new("derived mpt forgeries");
    let (passed, refused) = run_proofs(json(file));
    tally.count(passed, refused);
}

#[test]
fn the_official_trie_tests_prove_every_key_and_some_absent_ones() {
    let Some(folder) = vectors("ethereum/ethereum_tests/TrieTests") else { return };
    let mut tally = Tally::new("ethereum/tests TrieTests");
    let names = [
        ("trieanyorder.json", false),
        ("trieanyorder_secureTrie.json", true),
        ("trietest.json", false),
        ("trietest_secureTrie.json", true),
        ("hex_encoded_securetrie_test.json", true),
    ];
    for (name, secure) in names {
        run_trie(name, &json(folder.join(name)), secure, &mut tally);
    }
    tally.skip("trietestnextprev.json: iteration, not proofs");
}

/// Builds each case's trie, whose keys are hashed first if it is `secure`, and proves its keys and some absent ones.
pub fn run_trie(name: &str, cases: &BTreeMap<String, Value>, secure: bool, tally: &mut Tally) {
    for (case, content) in cases {
        let entries = entries_of(&content["in"], secure);
        let root: B256 = content["root"].as_str().unwrap().parse().unwrap();
        if !secure && entries.keys().any(|key| entries.keys().any(|other| key != other && other.starts_with(key))) {
            // The tree builder used here knows no values in branches; no trie that is proven here has them.
            tally.skip("a key that is another's prefix");
            continue;
        }
        let mut targets: Vec<_> = entries.keys().cloned().collect();
        targets.extend((0_u8..8).map(|n| keccak256([n, 0xab]).to_vec()));
        let (built, proofs) = build(&entries, &targets);
        assert_eq!(built, root, "{name} {case}");
        for (key, proof) in targets.iter().zip(&proofs) {
            let found = trie::value("proof", root, key, proof).unwrap();
            assert_eq!(found, entries.get(key).map(Vec::as_slice), "{name} {case}");
            tally.pass();
            if !proof.is_empty() {
                tally.refuse(trie::value("proof", root, key, &proof[..proof.len() - 1]), "proof");
            }
        }
    }
}

/// What a case's trie holds, by the keys that stand in it.
pub fn entries_of(input: &Value, secure: bool) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let decode = |text: &str| match text.strip_prefix("0x") {
        Some(_) => hex_bytes(text).to_vec(),
        None => text.as_bytes().to_vec(),
    };
    let mut entries = BTreeMap::new();
    let mut apply = |key: &str, value: Option<&str>| {
        let key = if secure { keccak256(decode(key)).to_vec() } else { decode(key) };
        match value {
            Some(value) => entries.insert(key, decode(value)),
            None => entries.remove(&key),
        };
    };
    match input {
        Value::Object(map) => map.iter().for_each(|(key, value)| apply(key, value.as_str())),
        Value::Array(list) => list.iter().for_each(|pair| apply(pair[0].as_str().unwrap(), pair[1].as_str())),
        _ => panic!("entries"),
    }
    entries
}

/// SSZ `List[ByteList]`: offsets, then items.
pub fn ssz_list(bytes: &[u8]) -> Vec<Bytes> {
    let offset = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let count = offset(0) / 4;
    let start = |index: usize| if index == count { bytes.len() } else { offset(index * 4) };
    (0..count).map(|index| Bytes::copy_from_slice(&bytes[start(index)..start(index + 1)])).collect()
}

/// What Portal's network keeps of a state, with the walk to it.
#[derive(Deserialize)]
pub struct Content {
    block_header: Bytes,
    content_key: Bytes,
    content_value_offer: Bytes,
}

/// Portal nibbles: an odd count begins in the low half of the first byte, after a 1.
fn unpack_path(packed: &[u8]) -> Vec<u8> {
    let nibbles: Vec<u8> = packed.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect();
    if nibbles.first() == Some(&1) { nibbles[1..].to_vec() } else { nibbles[2..].to_vec() }
}

/// Completes a path to a full key, with zeros.
fn full_key(path: &[u8]) -> Vec<u8> {
    let mut nibbles = path.to_vec();
    nibbles.resize(64, 0);
    nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn offset(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

#[test]
fn mainnet_walks_are_followed_as_far_as_they_go() {
    let Some(folder) = vectors("ethereum/portal_state_mainnet") else { return };
    let mut tally = Tally::new("portal state mainnet");
    let mut leaves = [0; 3];
    let walks = ["validation", "hive"].into_iter().flat_map(|name| readable::<Vec<Content>>(folder.join(name)));
    for content in walks.flat_map(|(_, contents)| contents) {
        let (kind, is_leaf) = content.follow(&mut tally);
        leaves[kind] += usize::from(is_leaf);
    }
    for _ in files(folder.join("serialization")) {
        tally.skip("serialization of portal's own messages");
    }
    assert!(leaves.iter().all(|count| *count > 0) || !is_home(), "{leaves:?}");
}

impl Content {
    /// Follows its walk, to an account, a slot or code. Returns which of them, and whether it ended in a leaf.
    pub fn follow(&self, tally: &mut Tally) -> (usize, bool) {
        match self.content_key[0] {
            0x20 => (0, account_walk(tally, self)),
            0x21 => (1, storage_walk(tally, self)),
            0x22 => (2, bytecode(tally, self)),
            other => panic!("content of kind {other:#04x}"),
        }
    }
}

fn account_walk(tally: &mut Tally, content: &Content) -> bool {
    let header = ExecutionHeader::decode(&content.block_header).unwrap();
    let offer = &content.content_value_offer;
    assert_eq!(B256::from_slice(&offer[4..36]), header.hash);
    let proof = ssz_list(&offer[offset(offer, 0)..]);
    // Key: selector, offset of the path, node hash, path.
    let path = unpack_path(&content.content_key[1 + offset(&content.content_key, 1)..]);
    walk(tally, header.state_root, &path, &proof)
}

fn storage_walk(tally: &mut Tally, content: &Content) -> bool {
    let header = ExecutionHeader::decode(&content.block_header).unwrap();
    let offer = &content.content_value_offer;
    let (storage, account) = (offset(offer, 0), offset(offer, 4));
    let storage_proof = ssz_list(&offer[storage..account]);
    let account_proof = ssz_list(&offer[account..]);
    // Key: selector, hash of the address, offset of the path, node hash, path.
    let key = &content.content_key[1..];
    let leaf = trie::value("account_proof", header.state_root, &key[..32], &account_proof).unwrap().unwrap();
    tally.pass();
    let storage_root = B256::from_slice(&leaf[leaf.len() - 65..leaf.len() - 33]);
    let path = unpack_path(&key[offset(key, 32)..]);
    walk(tally, storage_root, &path, &storage_proof)
}

/// The code of an account, by the hash in its leaf.
fn bytecode(tally: &mut Tally, content: &Content) -> bool {
    let header = ExecutionHeader::decode(&content.block_header).unwrap();
    let offer = &content.content_value_offer;
    let (code, account) = (offset(offer, 0), offset(offer, 4));
    let proof = ssz_list(&offer[account..]);
    // Key: selector, hash of the address, hash of the code.
    let (address, code_hash) = content.content_key[1..].split_at(32);
    let leaf = trie::value("account_proof", header.state_root, address, &proof).unwrap().unwrap();
    assert_eq!(&leaf[leaf.len() - 32..], code_hash);
    assert_eq!(keccak256(&offer[code..account]), B256::from_slice(code_hash));
    tally.pass();
    tally.refuse(trie::value("account_proof", header.state_root, address, &proof[..proof.len() - 1]), "account_proof");
    true
}

/// A walk that ends in a leaf proves its value; one that ends in a branch is truncated for the keys below it, and
/// proves the absence of keys at its empty children. Returns whether it ended in a leaf.
fn walk(tally: &mut Tally, root: B256, path: &[u8], proof: &[Bytes]) -> bool {
    let last = proof.last().unwrap();
    let mut found_leaf = false;
    let items = alloy_trie::nodes::TrieNode::decode(&mut last.as_ref()).unwrap();
    use alloy_rlp::Decodable;
    match items {
        alloy_trie::nodes::TrieNode::Leaf(leaf) => {
            let full: Vec<u8> = path.iter().copied().chain(leaf.key.to_vec()).collect();
            let value = trie::value("proof", root, &full_key(&full), proof).unwrap();
            assert_eq!(value, Some(leaf.value.as_slice()));
            tally.pass();
            tally.refuse(trie::value("proof", root, &full_key(&full), &proof[..proof.len() - 1]), "proof");
            found_leaf = true;
        }
        alloy_trie::nodes::TrieNode::Branch(branch) => {
            for nibble in 0..16_u8 {
                let below: Vec<u8> = path.iter().copied().chain([nibble]).collect();
                let found = trie::value("proof", root, &full_key(&below), proof);
                if branch.state_mask.is_bit_set(nibble) {
                    // A child behind a hash is missing from the walk; an inlined one decides.
                    match found {
                        Ok(value) => assert!(value.is_none()),
                        Err(error) => tally.refuse(Err::<(), _>(error), "proof"),
                    }
                } else {
                    assert_eq!(found.unwrap(), None);
                    tally.pass();
                }
            }
        }
        other => panic!("{other:?}"),
    }
    found_leaf
}

#[test]
fn receipts_and_transactions_of_a_mainnet_block_are_proven_by_their_index() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/contracts/light-client/testdata") else { return };
    let mut tally = Tally::new("axelar receipt and transaction proofs");
    let receipt: Value = json(folder.join("receipt_proof.json"));
    let transaction: Value = json(folder.join("tx_proof.json"));
    // Both files name key and root as a receipt's.
    for case in [&receipt, &transaction] {
        run_index_proof(case, &mut tally);
    }
}

/// A receipt or transaction under a root.
pub fn run_index_proof(case: &Value, tally: &mut Tally) {
    let proof: Vec<Bytes> = serde_json::from_value(case["proof"].clone()).unwrap();
    let root: B256 = case["receipts_root"].as_str().unwrap().parse().unwrap();
    let key = hex_bytes(case["receipt_key"].as_str().unwrap());
    assert!(trie::value("proof", root, &key, &proof).unwrap().is_some());
    tally.pass();
    tally.refuse_any(trie::value("proof", root, &[0x01], &proof));
}

#[test]
fn an_empty_proof_speaks_only_for_the_empty_root() {
    let key = [0x55; 32];
    let empty_node = Bytes::from_static(&[0x80]);
    assert_eq!(trie::value("proof", trie::EMPTY_ROOT, &key, &[]).unwrap(), None);
    assert_eq!(keccak256(&empty_node), trie::EMPTY_ROOT);
    for (root, proof) in [
        (B256::repeat_byte(1), vec![]),
        (B256::repeat_byte(1), vec![empty_node.clone()]),
        // The trie's one node, which some nodes answer with: a second form of the same proof.
        (trie::EMPTY_ROOT, vec![empty_node.clone()]),
        (trie::EMPTY_ROOT, vec![empty_node.clone(), empty_node]),
        (trie::EMPTY_ROOT, vec![Bytes::from_static(&[0xc0])]),
    ] {
        assert!(trie::value("proof", root, &key, &proof).is_err(), "{root} {proof:?}");
    }
}

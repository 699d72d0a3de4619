//! The Rust and the Solidity verifiers asked the same question: both accept with the same answer, or both refuse
//! (invariant 20). Questions are recorded proofs, forgeries made from them, and what changes of single bits, nodes and
//! indices make of both.

use std::path::{Path, PathBuf};

use alloy::primitives::{B256, Bytes, U256, keccak256};
use alloy::providers::DynProvider;
use alloy::sol_types::SolValue;
use bitcoin::consensus::deserialize;
use bitcoin::{Block, OutPoint, Transaction};
use serde_json::Value;
use spandrel_contracts::ProofReader;
use spandrel_verifiers::DepositId;
use spandrel_verifiers::bitcoin::{
    MAX_DEPTH, decode_transaction, merkle_path, merkle_root, sha256d, verify_path, without_witness,
};
use spandrel_verifiers::ethereum::trie;
use spandrel_verifiers::merkle::{self, BatchTree};

use crate::anvil::Chain;
use crate::recorded::{alterations, bytes, hash, json, list, recordings};

type Reader = ProofReader::ProofReaderInstance<DynProvider>;

async fn reader() -> Option<(Chain, Reader)> {
    let chain = Chain::start(31337).await?;
    let deployed = ProofReader::deploy(&chain.provider).await.unwrap();
    let reader = ProofReader::new(*deployed.address(), chain.provider.clone());
    Some((chain, reader))
}

/// How many questions both answered alike.
#[derive(Default)]
struct Agreed {
    accepted: usize,
    refused: usize,
}

impl Agreed {
    fn count<T: PartialEq + std::fmt::Debug>(&mut self, question: &str, rust: Option<T>, solidity: Option<T>) {
        assert_eq!(rust, solidity, "{question}");
        if rust.is_some() { self.accepted += 1 } else { self.refused += 1 }
    }

    fn say(&self, what: &str) {
        println!("{what}: both accept {}, both refuse {}", self.accepted, self.refused);
        assert!(self.accepted > 0 && self.refused > 0);
    }
}

async fn ask_trie(reader: &Reader, agreed: &mut Agreed, root: B256, key: B256, nodes: &[Bytes]) {
    let rust = trie::value("proof", root, key.as_slice(), nodes).ok();
    let rust = rust.map(|value| Bytes::copy_from_slice(value.unwrap_or_default()));
    let solidity = reader.read(root, key, nodes.to_vec()).call().await.ok();
    agreed.count(&format!("key {key} under {root}, {} nodes", nodes.len()), rust, solidity);
}

/// One proof, asked as it is, for other keys, and altered.
async fn ask_trie_and_its_forgeries(reader: &Reader, agreed: &mut Agreed, root: B256, key: B256, nodes: &[Bytes]) {
    let flipped = |bit: usize| {
        let mut other = key;
        other.0[bit / 8] ^= 0x80 >> (bit % 8);
        other
    };
    ask_trie(reader, agreed, root, key, nodes).await;
    for bit in [0, 3, 5, 9, 40, 255] {
        ask_trie(reader, agreed, root, flipped(bit), nodes).await;
    }
    ask_trie(reader, agreed, keccak256(root), key, nodes).await;
    for altered in alterations(nodes) {
        ask_trie(reader, agreed, root, key, &altered).await;
    }
}

/// Every file with an `eth_getProof` answer in it.
fn proof_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            proof_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if text.len() < 1_000_000 && text.contains("\"accountProof\"") {
                found.push(path);
            }
        }
    }
}

/// The `eth_getProof` answers anywhere in a document.
fn proofs<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) if fields.contains_key("accountProof") => found.push(value),
        Value::Object(fields) => fields.values().for_each(|value| proofs(value, found)),
        Value::Array(items) => items.iter().for_each(|value| proofs(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn tries_are_read_alike_on_every_recorded_proof_and_what_is_made_of_it() {
    let Some(folder) = recordings() else { return };
    let Some((_chain, reader)) = reader().await else { return };
    let mut agreed = Agreed::default();
    let forgeries = json(&folder.join("ethereum/derived_mpt_forgeries.json"));
    for case in forgeries["cases"].as_array().unwrap() {
        let (root, key) = (hash(&case["root"]), hash(&case["key_nibbles_of"]));
        ask_trie_and_its_forgeries(&reader, &mut agreed, root, key, &list(&case["proof"])).await;
    }
    let mut files = Vec::new();
    proof_files(&folder.join("ethereum"), &mut files);
    assert!(!files.is_empty());
    for file in files {
        let document = json(&file);
        let mut found = Vec::new();
        proofs(&document, &mut found);
        for answer in found {
            let nodes = list(&answer["accountProof"]);
            let Some(first) = nodes.first() else { continue };
            if let Some(address) = answer["address"].as_str() {
                let key = keccak256(address.parse::<Bytes>().unwrap());
                ask_trie_and_its_forgeries(&reader, &mut agreed, keccak256(first), key, &nodes).await;
            }
            for slot in answer["storageProof"].as_array().into_iter().flatten().take(4) {
                let (Some(number), nodes) = (slot["key"].as_str(), list(&slot["proof"])) else { continue };
                let Some(first) = nodes.first() else { continue };
                let key = keccak256(number.parse::<U256>().unwrap().abi_encode());
                ask_trie_and_its_forgeries(&reader, &mut agreed, keccak256(first), key, &nodes).await;
            }
        }
    }
    agreed.say("tries");
}

/// An empty trie has no nodes: not even its root, the empty string, with which some nodes answer.
#[tokio::test]
async fn an_empty_trie_is_shown_to_both_by_no_nodes_alone() {
    let Some((_chain, reader)) = reader().await else { return };
    let mut agreed = Agreed::default();
    for nodes in [&[][..], &[Bytes::from_static(&[0x80])]] {
        ask_trie_and_its_forgeries(&reader, &mut agreed, trie::EMPTY_ROOT, B256::repeat_byte(5), nodes).await;
    }
    agreed.say("the empty trie");
}

/// Leaves that share nine nibbles stand in their parent: the walk an attacker can force on another's absence.
#[tokio::test]
async fn nodes_that_stand_in_their_parent_are_read_alike() {
    let Some((_chain, reader)) = reader().await else { return };
    let mut agreed = Agreed::default();
    let key = |last: &str| format!("0x{:0<64}", format!("aaaaaaaaa{last}")).parse::<B256>().unwrap();
    for value in [vec![0x02], vec![0x81, 0xff], vec![0x83, 1, 2, 3]] {
        let leaf = |key: B256| {
            let mut path = vec![0x20];
            path.extend(&key.0[5..]);
            rlp_list(&[rlp_string(&path), rlp_string(&value)])
        };
        let mut children = vec![rlp_string(&[]); 17];
        (children[1], children[2]) = (embed(&leaf(key("1"))), embed(&leaf(key("2"))));
        let branch = Bytes::from(rlp_list(&children));
        let extension =
            rlp_list(&[rlp_string(&[0x1a, 0xaa, 0xaa, 0xaa, 0xaa]), rlp_string(keccak256(&branch).as_slice())]);
        let nodes = [Bytes::from(extension), branch];
        let root = keccak256(&nodes[0]);
        for asked in ["1", "2", "3", "1f", "10f", "2000000000000001"] {
            ask_trie_and_its_forgeries(&reader, &mut agreed, root, key(asked), &nodes).await;
        }
    }
    agreed.say("embedded nodes");
}

/// A child as its parent holds it: whole when it is shorter than a hash.
fn embed(node: &[u8]) -> Vec<u8> {
    if node.len() < 32 { node.to_vec() } else { rlp_string(keccak256(node).as_slice()) }
}

fn rlp_string(bytes: &[u8]) -> Vec<u8> {
    alloy::rlp::encode(bytes)
}

fn rlp_list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut encoded = Vec::new();
    alloy::rlp::Header { list: true, payload_length: payload.len() }.encode(&mut encoded);
    encoded.extend(payload);
    encoded
}

async fn ask_path(reader: &Reader, agreed: &mut Agreed, root: B256, leaf: B256, index: u32, path: &[B256]) {
    let rust = verify_path(root, leaf, index, path).ok();
    let found = reader.bitcoinRoot(leaf, U256::from(index), path.to_vec()).call().await.ok();
    agreed.count(
        &format!("leaf {leaf} at {index}, {} siblings", path.len()),
        rust,
        found.filter(|r| *r == root).map(drop),
    );
}

#[tokio::test]
async fn bitcoin_paths_are_followed_alike_in_trees_of_every_size() {
    let Some((_chain, reader)) = reader().await else { return };
    let mut agreed = Agreed::default();
    for count in 1..=17usize {
        let leaves: Vec<B256> = (0..count).map(|n| keccak256([n as u8])).collect();
        let txids: Vec<bitcoin::Txid> =
            leaves.iter().map(|leaf| bitcoin::hashes::Hash::from_byte_array(leaf.0)).collect();
        let root = merkle_root(&txids);
        for index in [0, count / 2, count - 1] {
            let path = merkle_path(&txids, index);
            // Its own place, every other place, and the copies that fill the right edge.
            for asked in 0..=(2 * count as u32) {
                ask_path(&reader, &mut agreed, root, leaves[index], asked, &path).await;
            }
            let shorter = &path[..path.len().saturating_sub(1)];
            ask_path(&reader, &mut agreed, root, leaves[index], index as u32, shorter).await;
            let longer = [&path[..], &[root]].concat();
            ask_path(&reader, &mut agreed, root, leaves[index], index as u32, &longer).await;
        }
    }
    // A path deeper than any block, that adds up.
    let (leaf, long): (B256, Vec<B256>) = (keccak256("leaf"), (0..=MAX_DEPTH).map(|n| keccak256([n as u8])).collect());
    let root = |path: &[B256]| path.iter().fold(leaf, |hash, sibling| sha256d(&[hash.0, sibling.0].concat()));
    ask_path(&reader, &mut agreed, root(&long[1..]), leaf, 0, &long[1..]).await;
    ask_path(&reader, &mut agreed, root(&long), leaf, 0, &long).await;
    agreed.say("Bitcoin paths");
}

#[tokio::test]
async fn recorded_merkle_forgeries_are_judged_alike() {
    let Some(folder) = recordings() else { return };
    let Some((_chain, reader)) = reader().await else { return };
    let mut agreed = Agreed::default();
    let vectors = json(&folder.join("bitcoin/derived_merkle_forgeries.json"));
    let header = bytes(&vectors["header"]);
    for case in vectors["cases"].as_array().unwrap() {
        let root = match case["synthetic_root_internal"].is_string() {
            true => hash(&case["synthetic_root_internal"]),
            false => B256::from_slice(&header[36..68]),
        };
        let path: Vec<B256> = case["branch"].as_array().unwrap().iter().map(hash).collect();
        let index = case["index"].as_u64().unwrap() as u32;
        let leaf = hash(&case["txid_internal"]);
        ask_path(&reader, &mut agreed, root, leaf, index, &path).await;
        if case["synthetic_root_internal"].is_string() {
            assert!(verify_path(root, leaf, index, &path).is_err(), "{}", case["name"]);
        }
    }
    agreed.say("recorded Merkle forgeries");
}

async fn ask_transaction(reader: &Reader, agreed: &mut Agreed, raw: &[u8], output: usize) {
    let rust = decode_transaction("transaction", raw).ok().and_then(|decoded| {
        // `Inclusion` refuses it by its transaction, whatever is read of that.
        if decoded.transaction().is_coinbase() {
            return None;
        }
        let output = decoded.transaction().output.get(output)?;
        let script = output.script_pubkey.as_bytes();
        let key = output.script_pubkey.is_p2tr().then(|| B256::from_slice(&script[2..]))?;
        Some((output.value.to_sat(), key))
    });
    let found = reader.taprootOutput(Bytes::copy_from_slice(raw), U256::from(output)).call().await.ok();
    let shown = Bytes::copy_from_slice(&raw[..raw.len().min(80)]);
    agreed.count(&format!("output {output} of {shown}"), rust, found.map(|found| (found.value, found.outputKey)));
}

#[tokio::test]
async fn transactions_of_real_blocks_are_read_alike_whole_cut_and_altered() {
    let Some(folder) = recordings() else { return };
    let Some((_chain, reader)) = reader().await else { return };
    let mut agreed = Agreed::default();
    let is_taproot = |transaction: &Transaction| transaction.output.iter().any(|output| output.script_pubkey.is_p2tr());
    let mut reward = taproot_payment();
    reward.input.iter_mut().for_each(|input| input.previous_output = OutPoint::null());
    let mut raws = vec![without_witness(&taproot_payment()), without_witness(&reward)];
    let files = std::fs::read_dir(folder.join("bitcoin/electrs_blocks/src/tests/blocks")).unwrap();
    for file in files {
        let block: Block = deserialize(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let (taproot, others): (Vec<_>, Vec<_>) = block.txdata.into_iter().partition(|tx| is_taproot(tx));
        let chosen = taproot.iter().take(6).chain(others.iter().take(3));
        raws.extend(chosen.map(without_witness).filter(|raw| raw.len() < 2_000));
    }
    for raw in raws {
        for output in 0..4 {
            ask_transaction(&reader, &mut agreed, &raw, output).await;
        }
        for length in (0..raw.len()).step_by(raw.len().div_ceil(12)) {
            ask_transaction(&reader, &mut agreed, &raw[..length], 0).await;
        }
        ask_transaction(&reader, &mut agreed, &[&raw[..], &[0]].concat(), 0).await;
        for at in (0..raw.len().min(60)).chain([raw.len() - 1]) {
            let mut altered = raw.clone();
            altered[at] ^= 0x41;
            ask_transaction(&reader, &mut agreed, &altered, 1).await;
        }
    }
    ask_transaction(&reader, &mut agreed, &[0; 64], 0).await;
    agreed.say("transactions");
}

/// A payment to one Taproot output, so that there is one whatever is recorded.
fn taproot_payment() -> Transaction {
    let made = crate::bitcoin_block::deposit(
        crate::anvil::GENESIS_TIME,
        50_000,
        &spandrel_verifiers::ChainId::eip155(1),
        alloy::primitives::Address::repeat_byte(7),
        alloy::primitives::Address::repeat_byte(8),
    );
    deserialize(&made.inclusion.transaction).unwrap()
}

#[tokio::test]
async fn batch_paths_are_followed_alike_in_trees_of_every_size() {
    let Some((_chain, reader)) = reader().await else { return };
    let mut agreed = Agreed::default();
    for count in [1usize, 2, 3, 4, 5, 7, 8, 9, 255, 256] {
        let ids: Vec<DepositId> = (0..count).map(|n| DepositId(keccak256(n.to_be_bytes()))).collect();
        let tree = BatchTree::new(&ids).unwrap();
        for index in [0, count / 2, count - 1] {
            let path = tree.path(index);
            let longer = [&path[..], &[B256::ZERO]].concat();
            let shorter = path[..path.len().saturating_sub(1)].to_vec();
            for (asked_count, asked, path) in [
                (count, index, path.clone()),
                (count, index ^ 1, path.clone()),
                (count, count, path.clone()),
                (count + 1, index, path.clone()),
                (count.saturating_sub(1), index, path.clone()),
                (0, 0, path.clone()),
                (257, index, path.clone()),
                (count, index, longer),
                (count, index, shorter),
            ] {
                for (root, id) in
                    [(tree.root(), ids[index]), (B256::ZERO, ids[index]), (tree.root(), DepositId(B256::ZERO))]
                {
                    let rust = merkle::verify(root, asked_count, asked, id, &path).ok();
                    let (in_count, in_index) = (U256::from(asked_count), U256::from(asked));
                    let solidity = reader.batch(root, in_count, in_index, id.0, path.clone()).call().await.ok();
                    agreed.count(&format!("leaf {asked} of {asked_count}"), rust, solidity.map(drop));
                }
            }
        }
    }
    agreed.say("batch paths");
}

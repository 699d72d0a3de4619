//! The Solidity verifiers on recorded mainnet data and on forgeries made from it, beside other implementations: both
//! accept and both refuse.

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::DynProvider;
use alloy::sol_types::SolValue;
use alloy_trie::Nibbles;
use alloy_trie::proof::verify_proof;
use bitcoin::Block;
use bitcoin::consensus::deserialize;
use serde_json::Value;
use spandrel_contracts::deploy::{DeployConfig, SourceConfig, deploy};
use spandrel_contracts::{BitcoinInclusionVerifier, ProofReader, proof, solidity_deposit};
use spandrel_verifiers::bitcoin::{Inclusion, merkle_path, sha256d, without_witness};
use spandrel_verifiers::{ChainId, Checkpoint};

use crate::anvil::{Chain, GENESIS_TIME};
use crate::bitcoin_block;
use crate::bridge::{Side, empty_config, error_name};

/// Recorded blocks are years old.
const A_CENTURY: u64 = 100 * 365 * 86_400;

pub fn recordings() -> Option<PathBuf> {
    let given = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from);
    let beside = || {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        crates.map(|folder| folder.join("../shared/vectors")).find(|folder| folder.is_dir())
    };
    let found = given.or_else(beside);
    if found.is_none() {
        println!("skipped: recorded vectors not found (set SPANDREL_VECTORS)");
    }
    found
}

pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn bytes(value: &Value) -> Bytes {
    value.as_str().unwrap().parse().unwrap()
}

pub fn list(value: &Value) -> Vec<Bytes> {
    value.as_array().unwrap().iter().map(bytes).collect()
}

pub fn hash(value: &Value) -> B256 {
    value.as_str().unwrap().parse().unwrap()
}

/// A chain that accepts checkpoints of Bitcoin and of Ethereum mainnet, however old.
async fn side() -> Option<Side> {
    let chain = Chain::start(31337).await?;
    let source = |chain: ChainId| SourceConfig {
        chain,
        bridge: B256::with_last_byte(1),
        max_age: A_CENTURY,
        time_slack: A_CENTURY,
        assets: vec![],
    };
    let config = DeployConfig {
        bitcoin: Some(spandrel_contracts::deploy::BitcoinChain {
            chain: bitcoin_block::chain(),
            asset: bitcoin_block::satoshis(),
        }),
        sources: vec![source(bitcoin_block::chain()), source(ChainId::eip155(1))],
        ..empty_config()
    };
    let at = deploy(&chain.provider, chain.deployer, &config).await.unwrap();
    Some(Side { chain, at })
}

/// What the verifier says of an inclusion in an old block: `RefundTooNear` once the inclusion itself is proven.
async fn verdict(side: &Side, inclusion: Inclusion) -> String {
    let to = side.chain.id();
    let made = bitcoin_block::deposit(GENESIS_TIME, 50_000, &to, side.at.inbox, Address::repeat_byte(8));
    let inclusion = Inclusion { terms: made.inclusion.terms, ..inclusion };
    let encoded = proof::bitcoin(&inclusion, made.deposit.source_bridge).unwrap();
    let verifier = BitcoinInclusionVerifier::new(side.at.bitcoin_verifier.unwrap(), side.provider());
    error_name(verifier.verify(solidity_deposit(&made.deposit).into(), encoded).call().await)
}

const INCLUDED: &str = "RefundTooNear";

async fn submit_header(side: &Side, header: &[u8], height: u64) {
    let time = u32::from_le_bytes(header[68..72].try_into().unwrap());
    let chain = bitcoin_block::chain();
    let checkpoint =
        Checkpoint { chain, height, root: sha256d(header), time: time.into(), up_to: Checkpoint::ANY_AMOUNT };
    assert!(side.submit(&checkpoint).await.status());
}

fn empty_inclusion(header: Bytes, height: u64) -> Inclusion {
    let made =
        bitcoin_block::deposit(GENESIS_TIME, 1, &ChainId::eip155(1), Address::repeat_byte(7), Address::repeat_byte(8));
    Inclusion { header, height, ..made.inclusion }
}

#[tokio::test]
async fn transactions_of_real_blocks_are_included_and_only_at_their_place() {
    let Some(folder) = recordings() else { return };
    let Some(side) = side().await else { return };
    let files = std::fs::read_dir(folder.join("bitcoin/electrs_blocks/src/tests/blocks")).unwrap();
    for (number, file) in files.enumerate() {
        let height = 100 + number as u64;
        let block: Block = deserialize(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        let header = bitcoin::consensus::serialize(&block.header);
        submit_header(&side, &header, height).await;
        let txids: Vec<_> = block.txdata.iter().map(|transaction| transaction.compute_txid()).collect();
        let last = txids.len() - 1;
        for index in [0, 1, last / 2, last] {
            let inclusion = Inclusion {
                transaction: without_witness(&block.txdata[index]).into(),
                index: index as u32,
                path: merkle_path(&txids, index),
                coinbase: without_witness(&block.txdata[0]).into(),
                coinbase_path: merkle_path(&txids, 0),
                ..empty_inclusion(header.clone().into(), height)
            };
            assert_eq!(verdict(&side, inclusion.clone()).await, INCLUDED, "index {index}");
            let moved = Inclusion { index: index as u32 ^ 2, ..inclusion };
            assert_ne!(verdict(&side, moved).await, INCLUDED, "index {index} elsewhere");
        }
    }
}

#[tokio::test]
async fn forgeries_made_from_a_real_block_are_refused() {
    let Some(folder) = recordings() else { return };
    let Some(side) = side().await else { return };
    let vectors = json(&folder.join("bitcoin/derived_merkle_forgeries.json"));
    let header = bytes(&vectors["header"]);
    submit_header(&side, &header, 7).await;
    let cases = vectors["cases"].as_array().unwrap();
    let branch = |case: &Value| case["branch"].as_array().unwrap().iter().map(hash).collect::<Vec<_>>();
    let coinbase = cases.iter().find(|case| case["index"] == 0 && case["valid"] == true).unwrap();
    let mut refused = 0;
    for case in cases.iter().filter(|case| case["tx"].is_string()) {
        let inclusion = Inclusion {
            transaction: bytes(&case["tx"]),
            index: case["index"].as_u64().unwrap() as u32,
            path: branch(case),
            coinbase: bytes(&coinbase["tx"]),
            coinbase_path: branch(coinbase),
            ..empty_inclusion(header.clone(), 7)
        };
        let found = verdict(&side, inclusion).await;
        assert_eq!(found == INCLUDED, case["valid"] == true, "{}: {found}", case["name"]);
        refused += usize::from(found != INCLUDED);
    }
    assert!(refused > 0);
}

/// Reads a trie in Solidity: the value, or `None` when it reverts.
async fn read(
    reader: &ProofReader::ProofReaderInstance<&DynProvider>,
    root: B256,
    key: B256,
    proof: &[Bytes],
) -> Option<Bytes> {
    reader.read(root, key, proof.to_vec()).call().await.ok()
}

/// The same question to alloy-trie, whose answer must be the same.
fn alloy_accepts(root: B256, key: B256, value: &Bytes, proof: &[Bytes]) -> bool {
    let expected = (!value.is_empty()).then(|| value.to_vec());
    verify_proof(root, Nibbles::unpack(key), expected, proof).is_ok()
}

#[tokio::test]
async fn trie_forgeries_are_refused_and_true_proofs_read() {
    let Some(folder) = recordings() else { return };
    let Some(side) = side().await else { return };
    let reader = ProofReader::deploy(side.provider()).await.unwrap();
    let reader = ProofReader::new(*reader.address(), side.provider());
    let vectors = json(&folder.join("ethereum/derived_mpt_forgeries.json"));
    for case in vectors["cases"].as_array().unwrap() {
        let expected = case["expected_value"].as_str().map(|text| text.parse().unwrap()).unwrap_or_default();
        let found = read(&reader, hash(&case["root"]), hash(&case["key_nibbles_of"]), &list(&case["proof"])).await;
        let accepted = found == Some(expected);
        assert_eq!(accepted, case["valid"] == true, "{}", case["name"]);
    }
}

#[tokio::test]
async fn a_real_mainnet_account_and_slot_are_read_and_altered_proofs_are_not() {
    let Some(folder) = recordings() else { return };
    let Some(side) = side().await else { return };
    let reader = ProofReader::deploy(side.provider()).await.unwrap();
    let reader = ProofReader::new(*reader.address(), side.provider());
    let recorded = json(&folder.join("ethereum/helios_execution/rpc/proof.json"));
    let root = hash(&recorded["storageHash"]);
    let slots = recorded["storageProof"].as_array().unwrap();
    assert!(!slots.is_empty());
    for slot in slots {
        let number: U256 = slot["key"].as_str().unwrap().parse().unwrap();
        let key = keccak256(number.abi_encode());
        let value: U256 = slot["value"].as_str().unwrap().parse().unwrap();
        let encoded = if value.is_zero() { Bytes::new() } else { Bytes::from(alloy::rlp::encode(value)) };
        let nodes = list(&slot["proof"]);
        assert_eq!(read(&reader, root, key, &nodes).await, Some(encoded.clone()));
        assert!(alloy_accepts(root, key, &encoded, &nodes));
        for altered in alterations(&nodes) {
            assert_eq!(read(&reader, root, key, &altered).await, None);
            assert!(!alloy_accepts(root, key, &encoded, &altered));
        }
    }
}

/// A node missing, doubled, swapped, added, or with one bit changed.
pub fn alterations(nodes: &[Bytes]) -> Vec<Vec<Bytes>> {
    if nodes.is_empty() {
        return Vec::new();
    }
    let mut altered = vec![nodes[1..].to_vec(), nodes[..nodes.len() - 1].to_vec()];
    altered.push([nodes, &nodes[nodes.len() - 1..]].concat());
    altered.push([nodes, &[Bytes::from(vec![0xc0; 40])]].concat());
    let mut swapped = nodes.to_vec();
    swapped.reverse();
    altered.push(swapped);
    for index in 0..nodes.len() {
        let mut flipped = nodes.to_vec();
        let mut node = flipped[index].to_vec();
        let middle = node.len() / 2;
        node[middle] ^= 1;
        flipped[index] = node.into();
        altered.push(flipped);
    }
    altered
}

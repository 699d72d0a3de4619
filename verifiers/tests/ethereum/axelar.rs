//! Events that Axelar proved: from their receipts and transactions to a signed state, branch by branch.

use alloy_primitives::{B256, Bytes};
use serde_json::Value;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{BeaconBlockHeader, SyncAggregate, SyncCommittee};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, chunks, hash_pair, merkleize, uint64_chunk, verify_branch};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, Gindex, signing_root, trie};

use crate::history::{PAYLOAD_IN_BLOCK, SLOTS_PER_ROOT, beacon_header, branch, number, payload_field, root, root_of};
use crate::support::{Tally, hex_bytes, json, readable, vectors};
use crate::vector_coverage::is_home;

const RECEIPTS_ROOT: u64 = 3;
const TRANSACTIONS: u64 = 13;

/// `hash_tree_root` of a transaction: `ByteList[2^30]`.
fn transaction_root(transaction: &[u8]) -> B256 {
    hash_pair(merkleize(&chunks(transaction), 25), uint64_chunk(transaction.len() as u64))
}

/// An event that Axelar proves: its block below a signed state, its transaction and receipt in the block.
fn follow(tally: &mut Tally, target: &Value, state_root: B256) {
    let header: BeaconBlockHeader = serde_json::from_value(target["target_block"].clone()).unwrap();
    let block = header.hash_tree_root();
    let ancestry = &target["ancestry_proof"];
    if let Some(proof) = ancestry.get("BlockRoots") {
        let index = Gindex::new(number(&proof["block_roots_index"]));
        verify_branch("block_root_proof", block, &branch(&proof["block_root_proof"]), index, state_root).unwrap();
        tally.pass();
    } else {
        let proof = &ancestry["HistoricalRoots"];
        let summary = root(&proof["block_summary_root"]);
        let index = Gindex::new(SLOTS_PER_ROOT + header.slot % SLOTS_PER_ROOT);
        verify_branch("block_root_proof", block, &branch(&proof["block_root_proof"]), index, summary).unwrap();
        let index = Gindex::new(number(&proof["block_summary_root_gindex"]));
        let up = branch(&proof["block_summary_root_proof"]);
        verify_branch("block_summary_root_proof", summary, &up, index, state_root).unwrap();
        tally.pass();
    }
    for event in target["transactions_proofs"].as_array().unwrap() {
        let (transaction, receipt) = (&event["transaction_proof"], &event["receipt_proof"]);
        let (path, to_receipts) = (branch(&transaction["transaction_proof"]), branch(&receipt["receipts_root_proof"]));
        // The payload's size shows in the branch: 12 nodes to a field of 17, 11 before Deneb. Indices are ours.
        let fork = if to_receipts.len() == 12 { Fork::Deneb } else { Fork::Capella };
        let leaf = transaction_root(&hex_bytes(transaction["transaction"].as_str().unwrap()));
        let place = number(&transaction["transaction_index"]);
        let index = transaction_index(fork, place);
        verify_branch("transaction_proof", leaf, &path, Gindex::new(index), block).unwrap();
        tally.pass();
        if let Some(said) = transaction.get("transaction_gindex") {
            assert_eq!(number(said), index, "its index is the one that follows from its place");
        }
        tally.refuse(verify_branch("proof", leaf, &path, Gindex::new(index ^ 1), block), "proof");
        // What is left of it in 32 bits, and one that overflows the tree's depth.
        tally.refuse(verify_branch("proof", leaf, &path, Gindex::new(index & 0xffff_ffff), block), "proof");
        tally.refuse(verify_branch("proof", leaf, &path, Gindex::new(index | 1 << 40), block), "proof");
        let receipts_root = root(&receipt["receipts_root"]);
        let index = payload_field(fork, RECEIPTS_ROOT);
        verify_branch("receipts_root_proof", receipts_root, &to_receipts, index, block).unwrap();
        let nodes = receipt["receipt_proof"].as_array().unwrap();
        let nodes: Vec<Bytes> = nodes.iter().map(|node| hex_bytes(node.as_str().unwrap())).collect();
        let leaf = trie::value("receipt_proof", receipts_root, &alloy_rlp::encode(place), &nodes).unwrap();
        assert!(leaf.is_some());
        tally.pass();
    }
}

/// `execution_payload.transactions[place]` in a beacon block: `List[Transaction, 2^20]`.
fn transaction_index(fork: Fork, place: u64) -> u64 {
    let transactions = PAYLOAD_IN_BLOCK * if fork >= Fork::Deneb { 32 } else { 16 } + TRANSACTIONS;
    ((2 * transactions) << 20) + place
}

#[test]
fn axelars_events_are_followed_from_their_receipts_to_a_signed_state() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/contracts/light-client/testdata/verification") else {
        return;
    };
    let mut tally = Tally::new("axelar event proofs, with overflow_gindex.json");
    for (_, content) in readable(&folder) {
        if run_events(&content, &mut tally).is_none() {
            tally.skip("a bootstrap or a signed chain: no event in it");
        }
    }
}

/// Follows events to the state that an update beside them signs; `None` if there are none in it.
pub fn run_events(content: &Value, tally: &mut Tally) -> Option<()> {
    let targets = content["target_blocks"].as_array()?;
    let update = content["update"].as_object()?.values().next()?;
    // A finality update's blocks stand below its finalized block, an optimistic one's below the attested.
    let anchor = update.get("finalized_header").unwrap_or(&update["attested_header"]);
    let state_root = root(&anchor["beacon"]["state_root"]);
    targets.iter().for_each(|target| follow(tally, target, state_root));
    Some(())
}

#[test]
fn axelars_state_and_block_proofs_lead_to_the_roots_in_their_names() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/prover/src/prover/testdata") else { return };
    let mut tally = Tally::new("axelar prover");
    for (file, proof) in readable::<Value>(folder.join("state_prover")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Some(named) = name.split(['_', ',']).find_map(|part| part.parse::<B256>().ok()) else {
            tally.skip("no root is in its name");
            continue;
        };
        let index = Gindex::new(number(&proof["gindex"]));
        let (leaf, path) = (root(&proof["leaf"]), branch(&proof["witnesses"]));
        // A state proof is named by its state's root, a block proof by its block's.
        if root_of(leaf, &path, index) == named {
            verify_branch("witnesses", leaf, &path, index, named).unwrap();
            tally.pass();
        } else {
            tally.skip("named by another identifier than its root");
        }
        tally.refuse(verify_branch("witnesses", leaf, &path[1..], index, named), "witnesses");
    }
    let headers = readable(folder.join("beacon_block_headers"));
    let headers: Vec<BeaconBlockHeader> = headers.into_iter().map(|(_, header)| header).collect();
    for header in &headers {
        assert_eq!(BeaconBlockHeader::decode_ssz(&header.encode_ssz()).unwrap(), *header);
        tally.pass();
    }
    let roots: Vec<B256> = json(folder.join("block_roots.json"));
    assert_eq!(roots.len() as u64, SLOTS_PER_ROOT);
    let known = headers.iter().filter(|header| roots.contains(&header.hash_tree_root())).count();
    println!("axelar prover: {known} of {} headers are among the recorded block roots", headers.len());
    assert!(known > 0 || !is_home());
    tally.pass();
}

/// The headers after a target, of which each names the one before it. The target is a whole block: only who hashes bodies
/// can tell its root.
pub fn follow_chain(file: &Value) -> Vec<BeaconBlockHeader> {
    let headers: Vec<_> = file["intermediate_chain"].as_array().unwrap().iter().map(beacon_header).collect();
    assert!(headers.windows(2).all(|pair| pair[1].parent_root == pair[0].hash_tree_root()));
    headers
}

#[test]
fn axelars_chains_of_headers_end_in_one_that_its_committee_signed() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/contracts/light-client/testdata") else { return };
    let (config, mut tally) = (ChainConfig::mainnet(), Tally::new("axelar signed chains"));
    let period: Value = json(folder.join("bootstrap.json"));
    let committee: SyncCommittee = serde_json::from_value(period["current_sync_committee"].clone()).unwrap();
    let committee = Committee::new(&committee).unwrap();
    for (_, file) in readable::<Value>(folder.join("verification")) {
        if file["intermediate_chain"].is_null() {
            continue;
        }
        let aggregate: SyncAggregate = serde_json::from_value(file["sync_aggregate"].clone()).unwrap();
        let version = config.signing_version(number(&file["sig_slot"])).unwrap();
        let headers = follow_chain(&file);
        if headers.is_empty() {
            tally.skip("the target itself is signed: bodies are not hashed here");
        }
        for (index, header) in headers.iter().enumerate() {
            let signed = committee.verify(&aggregate, signing_root(header, version, config.genesis_validators_root));
            if index + 1 == headers.len() {
                assert_eq!(signed.unwrap(), aggregate.participants());
                tally.pass();
            } else {
                tally.refuse(signed, "sync_committee_signature");
            }
        }
    }
    assert!(tally.passed() > 0 || !is_home());
}

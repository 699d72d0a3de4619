//! Recorded Merkle branches through beacon blocks and states: from an execution block, a transaction or a receipts root
//! to the beacon block, and from there to a historical summary or to a signed state.

use std::path::Path;

use alloy_primitives::{B256, Bytes};
use serde::Deserialize;
use serde_json::Value;
use spandrel_verifiers::ethereum::containers::BeaconBlockHeader;
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, chunks, hash_pair, merkleize, uint64_chunk, verify_branch};
use spandrel_verifiers::ethereum::{ChainConfig, ExecutionHeader, Fork, Gindex, trie};

use crate::support::{Tally, bytes, files, hex_bytes, json, vectors, yaml};
use crate::vector_coverage::is_home;

/// `SLOTS_PER_HISTORICAL_ROOT` of mainnet.
const SLOTS_PER_ROOT: u64 = 8192;
/// `body` in `BeaconBlock`, `execution_payload` in its body.
const PAYLOAD_IN_BLOCK: u64 = 12 * 16 + 9;

/// `execution_payload.<field>` in a beacon block: payloads have 14 or 15 fields before Deneb and 17 from then on.
fn payload_field(fork: Fork, field: u64) -> Gindex {
    Gindex::new(PAYLOAD_IN_BLOCK * if fork >= Fork::Deneb { 32 } else { 16 } + field)
}

const BLOCK_HASH: u64 = 12;
const RECEIPTS_ROOT: u64 = 3;
const TRANSACTIONS: u64 = 13;

#[derive(Deserialize)]
struct BlockProof {
    execution_block_header: B256,
    execution_block_proof: Vec<B256>,
    beacon_block_root: B256,
    beacon_block_proof: Vec<B256>,
    slot: u64,
}

/// Climbs a branch without knowing where it must end.
fn root_of(leaf: B256, branch: &[B256], index: Gindex) -> B256 {
    assert_eq!(branch.len(), index.depth());
    let sides = branch.iter().enumerate();
    sides.fold(leaf, |node, (height, sibling)| match index.is_right(height) {
        true => hash_pair(*sibling, node),
        false => hash_pair(node, *sibling),
    })
}

/// `block_summary_root` of every historical summary since Capella.
fn summaries(folder: &Path) -> Vec<B256> {
    let file = bytes(folder.join("beacon_data/historical_summaries_at_slot_11476992.ssz"));
    file.chunks(64).map(|summary| B256::from_slice(&summary[..32])).collect()
}

#[test]
fn execution_blocks_stand_in_beacon_blocks_and_those_in_historical_summaries() {
    let Some(folder) = vectors("ethereum/portal_header_proofs") else { return };
    let (config, mut tally) = (ChainConfig::mainnet(), Tally::new("portal header proofs"));
    let summaries = summaries(&folder);
    let capella = 194_048 * 32;
    let proofs = ["block_proofs_bellatrix", "block_proofs_capella", "block_proofs_deneb"];
    for file in proofs.into_iter().flat_map(|name| files(folder.join(name))) {
        let proof: BlockProof = yaml(&file);
        let fork = config.fork_at(proof.slot).unwrap().name;
        let (hash, block) = (proof.execution_block_header, proof.beacon_block_root);
        let index = payload_field(fork, BLOCK_HASH);
        verify_branch("execution_block_proof", hash, &proof.execution_block_proof, index, block).unwrap();
        tally.pass();
        let other = verify_branch("execution_block_proof", B256::ZERO, &proof.execution_block_proof, index, block);
        tally.refuse(other, "execution_block_proof");
        let (branch, place) = (&proof.beacon_block_proof, proof.slot % SLOTS_PER_ROOT);
        if fork < Fork::Capella {
            // Block roots are the left half of a historical batch, and its root is in no recorded list.
            assert_eq!(branch.len(), Gindex::new(2 * SLOTS_PER_ROOT + place).depth());
            tally.skip("the historical root before Capella is not among the vectors");
            continue;
        }
        let index = Gindex::new(SLOTS_PER_ROOT + place);
        match summaries.get(((proof.slot - capella) / SLOTS_PER_ROOT) as usize) {
            Some(root) => {
                verify_branch("beacon_block_proof", block, branch, index, *root).unwrap();
                tally.pass();
                let other = verify_branch("beacon_block_proof", B256::ZERO, branch, index, *root);
                tally.refuse(other, "beacon_block_proof");
            }
            None => tally.skip("younger than the recorded list of summaries"),
        }
    }
}

#[test]
fn the_content_of_portals_headers_with_proof_says_the_same() {
    let Some(folder) = vectors("ethereum/portal_header_proofs") else { return };
    let (config, mut tally) = (ChainConfig::mainnet(), Tally::new("portal headers with proof"));
    #[derive(Deserialize)]
    struct Content {
        content_key: Bytes,
        content_value: Bytes,
    }
    let summaries = summaries(&folder);
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let nodes = |bytes: &[u8]| bytes.chunks(32).map(B256::from_slice).collect::<Vec<_>>();
    for file in files(&folder).iter().filter(|path| path.is_file()) {
        let content: Content = yaml(file);
        let (header, proof) = content.content_value.split_at(word(&content.content_value, 4));
        let hash = B256::from_slice(&content.content_key[1..]);
        let header = ExecutionHeader::open(hash, &header[word(header, 0)..]).unwrap();
        tally.pass();
        if header.number < 15_537_394 {
            tally.skip("before the merge: an accumulator of total difficulties, no beacon block");
            continue;
        }
        // A branch of 14 to a historical root, or of 13 to a summary; the block's root; a branch of 11, or of 12 since
        // Deneb, to it; and the slot.
        let is_bellatrix = header.number < 17_034_870;
        let (block_branch, rest) = proof.split_at(32 * if is_bellatrix { 14 } else { 13 });
        let (block, rest) = rest.split_at(32);
        let (execution_branch, slot) = rest.split_at(rest.len() - 8);
        let slot = u64::from_le_bytes(slot.try_into().unwrap());
        let fork = config.fork_at(slot).unwrap().name;
        let (block, branch) = (B256::from_slice(block), nodes(execution_branch));
        verify_branch("proof", hash, &branch, payload_field(fork, BLOCK_HASH), block).unwrap();
        tally.pass();
        if !is_bellatrix {
            let root = summaries[((slot - 194_048 * 32) / SLOTS_PER_ROOT) as usize];
            let index = Gindex::new(SLOTS_PER_ROOT + slot % SLOTS_PER_ROOT);
            verify_branch("proof", block, &nodes(block_branch), index, root).unwrap();
            tally.pass();
        }
    }
}

#[test]
fn a_recorded_list_of_block_roots_has_the_root_of_its_summary() {
    let Some(folder) = vectors("ethereum/portal_header_proofs/beacon_data/22162263") else { return };
    let mut tally = Tally::new("portal block roots");
    let roots: Vec<_> = bytes(folder.join("block_roots.ssz")).chunks(32).map(B256::from_slice).collect();
    let root = merkleize(&roots, 13);
    let summaries = summaries(folder.parent().unwrap().parent().unwrap());
    assert!(summaries.contains(&root));
    tally.pass();
    let short = merkleize(&roots[..8191], 13);
    assert!(!summaries.contains(&short));
}

fn root(value: &Value) -> B256 {
    value.as_str().unwrap().parse().unwrap()
}

fn branch(value: &Value) -> Vec<B256> {
    serde_json::from_value(value.clone()).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

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
    for file in files(&folder) {
        let content: Value = json(&file);
        let Some(targets) = content["target_blocks"].as_array() else {
            tally.skip("a bootstrap or a whole beacon block: no event");
            continue;
        };
        let update = content["update"].as_object().unwrap().values().next().unwrap();
        // A finality update's blocks stand below its finalized block, an optimistic one's below the attested.
        let anchor = update.get("finalized_header").unwrap_or(&update["attested_header"]);
        let state_root = root(&anchor["beacon"]["state_root"]);
        targets.iter().for_each(|target| follow(&mut tally, target, state_root));
    }
}

#[test]
fn axelars_state_and_block_proofs_lead_to_the_roots_in_their_names() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/prover/src/prover/testdata") else { return };
    let mut tally = Tally::new("axelar prover");
    for file in files(folder.join("state_prover")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let proof: Value = json(&file);
        let named: B256 = name.split(['_', ',']).find(|part| part.starts_with("0x")).unwrap().parse().unwrap();
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
    let headers = files(folder.join("beacon_block_headers"));
    let headers: Vec<BeaconBlockHeader> = headers.iter().map(json).collect();
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

#[test]
fn recorded_beacon_headers_hash_to_their_blocks() {
    let Some(fixtures) = vectors("ethereum/snowbridge/relayer/relays/testutil/fixtures") else { return };
    let mut tally = Tally::new("beacon headers");
    // Each header names the one before it by its root.
    let mut headers: Vec<BeaconBlockHeader> = files(&fixtures)
        .iter()
        .filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("header_at_slot"))
        .map(|file| {
            let plain: Value = json(file);
            BeaconBlockHeader {
                slot: number(&plain["slot"]),
                proposer_index: number(&plain["proposer_index"]),
                parent_root: root(&plain["parent_root"]),
                state_root: root(&plain["state_root"]),
                body_root: root(&plain["body_root"]),
            }
        })
        .collect();
    headers.sort_by_key(|header| header.slot);
    let mut linked = 0;
    for pair in headers.windows(2) {
        if pair[1].slot == pair[0].slot + 1 {
            assert_eq!(pair[1].parent_root, pair[0].hash_tree_root());
            linked += 1;
            tally.pass();
        } else {
            tally.skip("its parent is not recorded");
        }
    }
    assert!(linked > 0 || !is_home());
    let update: Value = json(fixtures.join("sync_committee_update_0.json"));
    let finalized: BeaconBlockHeader =
        serde_json::from_value(update["data"]["finalized_header"]["beacon"].clone()).unwrap();
    assert!(headers.contains(&finalized));
    tally.pass();
}

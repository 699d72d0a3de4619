//! Recorded Merkle branches through beacon blocks and states: from an execution block to the beacon block, and from there
//! to a historical summary.

use std::path::Path;

use alloy_primitives::{B256, Bytes};
use serde::Deserialize;
use serde_json::Value;
use spandrel_verifiers::ethereum::containers::BeaconBlockHeader;
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, hash_pair, merkleize, verify_branch};
use spandrel_verifiers::ethereum::{ChainConfig, ExecutionHeader, Fork, Gindex};

use crate::support::{Tally, bytes, json, readable, vectors};
use crate::vector_coverage::is_home;

/// `SLOTS_PER_HISTORICAL_ROOT` of mainnet.
pub const SLOTS_PER_ROOT: u64 = 8192;
/// `body` in `BeaconBlock`, `execution_payload` in its body.
pub const PAYLOAD_IN_BLOCK: u64 = 12 * 16 + 9;

/// `execution_payload.<field>` in a beacon block: payloads have 14 or 15 fields before Deneb and 17 from then on.
pub fn payload_field(fork: Fork, field: u64) -> Gindex {
    Gindex::new(PAYLOAD_IN_BLOCK * if fork >= Fork::Deneb { 32 } else { 16 } + field)
}

const BLOCK_HASH: u64 = 12;

/// Portal's proof of an execution block in a beacon block, and of that among the blocks of its time.
#[derive(Deserialize)]
pub struct BlockProof {
    execution_block_header: B256,
    execution_block_proof: Vec<B256>,
    beacon_block_root: B256,
    beacon_block_proof: Vec<B256>,
    slot: u64,
}

impl BlockProof {
    /// Holds the execution block against its beacon block, by mainnet's fork at that slot, which is returned.
    pub fn check(&self, tally: &mut Tally) -> Fork {
        let fork = ChainConfig::mainnet().fork_at(self.slot).unwrap().name;
        let (branch, block) = (&self.execution_block_proof, self.beacon_block_root);
        let index = payload_field(fork, BLOCK_HASH);
        verify_branch("execution_block_proof", self.execution_block_header, branch, index, block).unwrap();
        tally.pass();
        let other = verify_branch("execution_block_proof", B256::ZERO, branch, index, block);
        tally.refuse(other, "execution_block_proof");
        fork
    }
}

/// Climbs a branch without knowing where it must end.
pub fn root_of(leaf: B256, branch: &[B256], index: Gindex) -> B256 {
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
    let mut tally = Tally::new("portal header proofs");
    let summaries = summaries(&folder);
    let capella = 194_048 * 32;
    let proofs = ["block_proofs_bellatrix", "block_proofs_capella", "block_proofs_deneb"];
    for (_, proof) in proofs.into_iter().flat_map(|name| readable::<BlockProof>(folder.join(name))) {
        let (fork, block) = (proof.check(&mut tally), proof.beacon_block_root);
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
    let (summaries, mut tally) = (summaries(&folder), Tally::new("portal headers with proof"));
    for (_, content) in readable(&folder) {
        run_header_with_proof(&content, &summaries, &mut tally);
    }
}

/// What Portal's network keeps under a key.
#[derive(Deserialize)]
pub struct Content {
    /// A selector, and a block's hash.
    pub content_key: Bytes,
    /// What is kept.
    pub content_value: Bytes,
}

/// Holds a header against its hash and its beacon block, and that against the summary of its time, if that is known.
pub fn run_header_with_proof(content: &Content, summaries: &[B256], tally: &mut Tally) {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let nodes = |bytes: &[u8]| bytes.chunks(32).map(B256::from_slice).collect::<Vec<_>>();
    let (header, proof) = content.content_value.split_at(word(&content.content_value, 4));
    let hash = B256::from_slice(&content.content_key[1..]);
    let header = ExecutionHeader::open(hash, &header[word(header, 0)..]).unwrap();
    tally.pass();
    if header.number < 15_537_394 {
        tally.skip("before the merge: an accumulator of total difficulties, no beacon block");
        return;
    }
    // A branch of 14 to a historical root, or of 13 to a summary; the block's root; a branch of 11, or of 12 since
    // Deneb, to it; and the slot.
    let is_bellatrix = header.number < 17_034_870;
    let (block_branch, rest) = proof.split_at(32 * if is_bellatrix { 14 } else { 13 });
    let (block, rest) = rest.split_at(32);
    let (execution_branch, slot) = rest.split_at(rest.len() - 8);
    let slot = u64::from_le_bytes(slot.try_into().unwrap());
    let fork = ChainConfig::mainnet().fork_at(slot).unwrap().name;
    let (block, branch) = (B256::from_slice(block), nodes(execution_branch));
    verify_branch("proof", hash, &branch, payload_field(fork, BLOCK_HASH), block).unwrap();
    tally.pass();
    if let Some(root) = summaries.get((slot.saturating_sub(194_048 * 32) / SLOTS_PER_ROOT) as usize)
        && !is_bellatrix
    {
        let index = Gindex::new(SLOTS_PER_ROOT + slot % SLOTS_PER_ROOT);
        verify_branch("proof", block, &nodes(block_branch), index, *root).unwrap();
        tally.pass();
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

pub fn root(value: &Value) -> B256 {
    value.as_str().unwrap().parse().unwrap()
}

pub fn branch(value: &Value) -> Vec<B256> {
    serde_json::from_value(value.clone()).unwrap()
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap()
}

/// A header whose numbers are written either way.
pub fn beacon_header(plain: &Value) -> BeaconBlockHeader {
    BeaconBlockHeader {
        slot: number(&plain["slot"]),
        proposer_index: number(&plain["proposer_index"]),
        parent_root: root(&plain["parent_root"]),
        state_root: root(&plain["state_root"]),
        body_root: root(&plain["body_root"]),
    }
}

#[test]
fn recorded_beacon_headers_hash_to_their_blocks() {
    let Some(fixtures) = vectors("ethereum/snowbridge/relayer/relays/testutil/fixtures") else { return };
    let mut tally = Tally::new("beacon headers");
    // Each header names the one before it by its root.
    let is_header = |file: &Value| ["slot", "body_root"].iter().all(|name| !file[*name].is_null());
    let files = readable(&fixtures).into_iter().filter(|(_, file)| is_header(file));
    let mut headers: Vec<BeaconBlockHeader> = files.map(|(_, file)| beacon_header(&file)).collect();
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

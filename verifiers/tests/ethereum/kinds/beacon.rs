//! Headers, branches and events of the beacon chain.

use std::path::Path;

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::ethereum::Gindex;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{BeaconBlockHeader, SyncCommittee};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, verify_branch};

use super::{has, json, light, yaml};
use crate::axelar::{follow_chain, run_events};
use crate::devnets::{is_ibc_client, run_ibc_client};
use crate::history::{BlockProof, beacon_header, branch, number, root, root_of};
use crate::support::Tally;
use crate::vector_coverage::Ran;

const HEADER: [&str; 5] = ["slot", "proposer_index", "parent_root", "state_root", "body_root"];

pub fn counted(tally: &Tally) -> Option<Ran> {
    Some(Ran::Cases(tally.passed(), tally.refused()))
}

/// A test network's client of Ethereum, and what relayers sent it.
pub fn ibc_client(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let recorded = json(bytes).filter(is_ibc_client)?;
    let mut tally = Tally::silent();
    run_ibc_client(&recorded, &mut tally);
    counted(&tally)
}

/// Events, and the update below whose state they stand.
pub fn events(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let (content, mut tally) = (json(bytes)?, Tally::silent());
    run_events(&content, &mut tally)?;
    for verdict in light::verdicts(&content["update"]) {
        verdict.result.unwrap();
        tally.pass();
    }
    counted(&tally)
}

/// From a header, child by child, to the last, which a committee signed.
pub fn signed_chain(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes).filter(|file| has(file, &["target_block", "intermediate_chain", "sync_aggregate"]))?;
    let headers = follow_chain(&file).len();
    Some(if headers > 0 {
        Ran::Cases(headers, 0)
    } else {
        Ran::Unread("a whole beacon block: bodies are not hashed here")
    })
}

/// Alone, or in a node's answer, which says its root.
pub fn header(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes)?;
    let answer = &file["data"]["header"]["message"];
    let (plain, said) = if answer.is_object() { (answer, Some(&file["data"]["root"])) } else { (&file, None) };
    let header = has(plain, &HEADER).then(|| beacon_header(plain))?;
    assert_eq!(BeaconBlockHeader::decode_ssz(&header.encode_ssz()).unwrap(), header);
    if let Some(said) = said {
        assert_eq!(header.hash_tree_root(), root(said));
    }
    Some(Ran::Cases(1, 0))
}

pub fn committee(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let committee: SyncCommittee = serde_json::from_value(json(bytes)?).ok()?;
    Committee::new(&committee).unwrap();
    Some(Ran::Cases(1, 0))
}

pub fn block_proof(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let mut tally = Tally::silent();
    yaml::<BlockProof>(bytes, "execution_block_header")?.check(&mut tally);
    counted(&tally)
}

/// A branch says by itself where it leads; that is held against the root in the file's name, if there is one.
pub fn leaf(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes).filter(|file| has(file, &["leaf", "witnesses", "gindex"]))?;
    let (leaf, nodes, index) = (root(&file["leaf"]), branch(&file["witnesses"]), Gindex::new(number(&file["gindex"])));
    let found = root_of(leaf, &nodes, index);
    verify_branch("witnesses", leaf, &nodes, index, found).unwrap();
    verify_branch("witnesses", B256::ZERO, &nodes, index, found).unwrap_err();
    verify_branch("witnesses", leaf, &nodes[1..], index, found).unwrap_err();
    let name = path.file_name()?.to_string_lossy().into_owned();
    let is_named = name.split(['_', ',', '.']).any(|part| part.parse() == Ok(found));
    Some(if is_named { Ran::Cases(1, 2) } else { Ran::Cases(0, 2) })
}

pub fn parameters(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(bytes)?;
    let data = if file["data"].is_object() { &file["data"] } else { &file };
    let is_network = data["PRESET_BASE"].is_string() || data["genesis_validators_root"].is_string();
    is_network.then_some(Ran::Unread("a network's parameters, no evidence"))
}

pub fn body(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let has_body = |value: &Value| value["body"].is_object() && value["proposer_index"].is_string();
    let file = json(bytes)?;
    let places = [&file, &file["message"], &file["data"]["message"], &file["data"]];
    places.into_iter().any(has_body).then_some(Ran::Unread("a whole beacon block: bodies are not hashed here"))
}

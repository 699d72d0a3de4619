//! Files of unknown names among the vectors, by what is in them or where they stand.

use std::path::Path;

use alloy_primitives::keccak256;
use serde_json::Value;

use crate::mainnet::GetProof;
use crate::tries::run_proofs;
use crate::vector_coverage::{Kind, Ran};

/// What a file may be.
pub const KINDS: &[Kind] = &[
    Kind { name: "part of a case of the specification", run: specified },
    Kind { name: "trie proofs, right and forged", run: proofs },
    Kind { name: "an account's proof with its slots", run: account },
    Kind { name: "a node's version or progress", run: status },
];

/// The tests of the specification's cases look for their folders everywhere.
fn specified(path: &Path, _: &[u8]) -> Option<Ran> {
    let folder = path.parent()?;
    let is_case = ["steps.yaml", "updates_0.ssz_snappy", "proof.yaml"].iter().any(|name| folder.join(name).is_file());
    is_case.then_some(Ran::Elsewhere)
}

fn proofs(path: &Path, bytes: &[u8]) -> Option<Ran> {
    if path.extension()? != "json" {
        return None;
    }
    let (passed, refused) = run_proofs(serde_json::from_slice(bytes).ok()?);
    Some(Ran::Cases(passed, refused))
}

/// An answer to `eth_getProof`, by itself or as the result of a call. Of which block is not known: its root is that of the
/// proof's first node.
fn account(path: &Path, bytes: &[u8]) -> Option<Ran> {
    if path.extension()? != "json" {
        return None;
    }
    let answer: Value = serde_json::from_slice(bytes).ok()?;
    let answer = if answer["result"].is_object() { &answer["result"] } else { &answer };
    let proof: GetProof = serde_json::from_value(answer.clone()).ok()?;
    let slots = proof.check(keccak256(proof.account_proof.first()?));
    Some(Ran::Cases(slots + 1, 0))
}

/// An answer of the Beacon API.
fn status(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let answer: Value = serde_json::from_slice(bytes).ok()?;
    let is_version = answer["data"]["version"].is_string() && answer["data"].as_object()?.len() == 1;
    let is_progress = answer["data"]["sync_distance"].is_string();
    (is_version || is_progress).then_some(Ran::Unread("a node's status, no evidence"))
}

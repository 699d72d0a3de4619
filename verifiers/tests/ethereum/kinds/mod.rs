//! Files of unknown names among the vectors, by what is in them.

mod beacon;
mod execution;
pub mod light;
mod nodes;
mod portal;
mod signers;
pub mod whole;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::collection::is_collection;
use crate::pyspec::is_sync;
use crate::vector_coverage::{Kind, Ran, case_of_bls};

/// What a file may be: the first that it is.
pub const KINDS: &[Kind] = &[
    Kind { name: "part of a case of the specification", run: specified },
    Kind { name: "a recorded IBC client with its proofs", run: beacon::ibc_client },
    Kind { name: "events below a signed state", run: beacon::events },
    Kind { name: "light-client data as JSON", run: light::json_data },
    Kind { name: "light-client data as SSZ", run: light::ssz_data },
    Kind { name: "a stream of light-client events", run: light::stream },
    Kind { name: "a chain of headers that is signed", run: beacon::signed_chain },
    Kind { name: "a beacon header", run: beacon::header },
    Kind { name: "a sync committee", run: beacon::committee },
    Kind { name: "an execution block's place in beacon blocks", run: beacon::block_proof },
    Kind { name: "a leaf with its branch", run: beacon::leaf },
    Kind { name: "trie proofs, right and forged", run: execution::proofs },
    Kind { name: "an account's proof with its slots", run: execution::account },
    Kind { name: "accounts as Helios answers", run: execution::answers },
    Kind { name: "a block of JSON-RPC", run: execution::block },
    Kind { name: "receipts of JSON-RPC", run: execution::receipts },
    Kind { name: "receipts with their proofs", run: execution::receipt_proofs },
    Kind { name: "a proof under a receipts root", run: execution::index_proof },
    Kind { name: "a receipt's bytes", run: execution::receipt },
    Kind { name: "a header, body and receipts", run: execution::whole_block },
    Kind { name: "content of Portal's history", run: execution::history_content },
    Kind { name: "content of Portal's beacon chain", run: portal::content },
    Kind { name: "walks through Portal's state", run: execution::state_content },
    Kind { name: "RLP, right and wrong", run: execution::rlp },
    Kind { name: "tries by their roots", run: execution::tries },
    Kind { name: "nodes of a trie by themselves", run: nodes::walk },
    Kind { name: "inputs of a prover in CBOR", run: nodes::cbor },
    Kind { name: "a node's version or progress", run: status },
    Kind { name: "a network's parameters", run: beacon::parameters },
    Kind { name: "a beacon block with its body", run: beacon::body },
    Kind { name: "hashes alone", run: hashes },
    Kind { name: "a log without its receipt", run: execution::log },
];

fn json(bytes: &[u8]) -> Option<Value> {
    let begins = bytes.trim_ascii_start().first()?;
    matches!(begins, b'{' | b'[' | b'"').then(|| serde_json::from_slice(bytes).ok())?
}

/// A YAML file that has this name in it, if it is no JSON.
fn yaml<T: serde::de::DeserializeOwned>(bytes: &[u8], name: &str) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_yaml = json(bytes).is_none() && text.contains(name);
    is_yaml.then(|| serde_yaml::from_str(text).ok())?
}

fn has(value: &Value, members: &[&str]) -> bool {
    members.iter().all(|name| !value[*name].is_null())
}

/// The files that stand beside it, itself among them.
fn beside(path: &Path) -> Vec<PathBuf> {
    path.parent().map(crate::support::files).unwrap_or_default()
}

/// The tests of the specification's cases look for their folders everywhere.
fn specified(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let folder = path.parent()?;
    let has = |name: &str| folder.join(name).is_file();
    let is_of_chain = path.file_name()?.to_str()?.starts_with("block_") || path.ends_with("initial_state.ssz_snappy");
    if is_collection(folder) && is_of_chain {
        return Some(Ran::Unread("a chain that a node collects light clients' data from"));
    }
    let is_case = ["updates_0.ssz_snappy", "proof.yaml", "roots.yaml"].iter().any(|name| has(name));
    if is_case || is_sync(folder) || is_collection(folder) { Some(Ran::Elsewhere) } else { case_of_bls(path, bytes) }
}

/// An answer of the Beacon API.
fn status(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let answer = json(bytes)?;
    let is_version = answer["data"]["version"].is_string() && answer["data"].as_object()?.len() == 1;
    let is_progress = answer["data"]["sync_distance"].is_string();
    let is_checkpoints = answer["data"]["current_justified"].is_object();
    (is_version || is_progress || is_checkpoints).then_some(Ran::Unread("a node's status, no evidence"))
}

/// One or more, as JSON or one behind the other.
fn hashes(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_hash = |value: &Value| value.as_str().is_some_and(|text| text.parse::<alloy_primitives::B256>().is_ok());
    let is_list = |value: &Value| value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_hash));
    let is_text = json(bytes).is_some_and(|value| is_hash(&value) || is_list(&value));
    let is_plain = std::str::from_utf8(bytes).is_err() && bytes.len().is_multiple_of(32);
    (is_text || is_plain).then_some(Ran::Unread("hashes alone: what is in them stands elsewhere"))
}

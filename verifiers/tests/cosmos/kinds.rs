//! Files of unknown names among the vectors, by what is in them or where they stand.

use std::path::Path;

use serde_json::Value;

use crate::ics23_vectors::{run_by_folder, run_operations};
use crate::recorded::run_client_header;
use crate::support::Tally;
use crate::vector_coverage::{Kind, Ran};
use crate::{bisection, signatures, single_step};

/// Of the chain.
pub const KINDS: &[Kind] = &[
    Kind { name: "a case of the model of the light client", run: model },
    Kind { name: "a proof in a tree", run: tree },
    Kind { name: "operations and a spec", run: operations },
    Kind { name: "a header for a client", run: client_header },
    Kind { name: "a run of bisection", run: run_of_bisection },
    Kind { name: "a node's status", run: status },
];

/// Of signatures.
pub const OF_SIGNATURES: &[Kind] = &[
    Kind { name: "a case of BLS12-381", run: bls },
    Kind { name: "ed25519 signatures with the verdict of ZIP-215", run: zip215 },
    Kind { name: "ed25519 signatures without a verdict", run: unjudged },
    Kind { name: "groups of secp256k1 signatures", run: secp256k1 },
    Kind { name: "groups of ed25519 signatures", run: ed25519 },
];

fn json(path: &Path, bytes: &[u8]) -> Option<Value> {
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    is_json.then(|| serde_json::from_slice(bytes).ok())?
}

fn model(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let case = json(path, bytes).filter(|case| case["input"].is_array() && case["initial"].is_object())?;
    let (passed, refused) = single_step::run(&case, &path.display().to_string());
    Some(Ran::Cases(passed, refused))
}

fn tree(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_proof = |case: &Value| ["root", "proof", "key", "value"].iter().all(|name| case[*name].is_string());
    let (passed, refused) = run_by_folder(&json(path, bytes).filter(is_proof)?, path)?;
    Some(Ran::Cases(passed, refused))
}

fn operations(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_case = |case: &Value| case["Spec"].is_object() && case["Proof"].is_object() && case["Err"].is_string();
    let cases = json(path, bytes)?;
    cases.as_object().filter(|cases| !cases.is_empty() && cases.values().all(is_case))?;
    let (passed, refused, _) = run_operations(&cases);
    Some(Ran::Cases(passed, refused))
}

fn client_header(path: &Path, bytes: &[u8]) -> Option<Ran> {
    // With a revision before the height; of other protocols it has none.
    let is_height = |height: &Value| height.as_str().is_some_and(|height| height.contains('-'));
    let is_header = |value: &Value| is_height(&value["trusted_height"]) && value["trusted_validators"].is_object();
    run_client_header(&json(path, bytes).filter(is_header)?);
    Some(Ran::Cases(1, 0))
}

fn run_of_bisection(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_run = |case: &Value| case["primary"]["lite_blocks"].is_array() && case["expected_output"].is_string();
    let case = json(path, bytes).filter(is_run)?;
    Some(if bisection::ends_as_recorded(&case) { Ran::Cases(1, 0) } else { Ran::Cases(0, 1) })
}

fn status(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    file["result"]["sync_info"].is_object().then_some(Ran::Unread("a node's status, no evidence"))
}

/// The cases of a list that have all these members.
fn cases_with(path: &Path, bytes: &[u8], members: &[&str]) -> Option<Value> {
    let is_case = |case: &Value| members.iter().all(|name| !case[*name].is_null());
    json(path, bytes).filter(|file| file.as_array().is_some_and(|cases| !cases.is_empty() && cases.iter().all(is_case)))
}

fn counted(run: impl FnOnce(&mut Tally)) -> Option<Ran> {
    let mut tally = Tally::silent();
    run(&mut tally);
    Some(Ran::Cases(tally.passed, tally.refused))
}

fn zip215(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let cases = cases_with(path, bytes, &["vk", "msg", "sig", "zip215"])?;
    counted(|tally| signatures::run_zip215(&cases, tally))
}

fn unjudged(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let cases = cases_with(path, bytes, &["pub_key", "message", "signature"])?;
    counted(|tally| {
        signatures::run_unjudged(&cases, tally);
    })
}

/// Whether each of wycheproof's groups has this type.
fn groups(path: &Path, bytes: &[u8], is_type: impl Fn(&Value) -> bool) -> Option<Value> {
    json(path, bytes).filter(|file| file["testGroups"].as_array().is_some_and(|groups| groups.iter().all(is_type)))
}

fn secp256k1(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_type = |group: &Value| {
        let of = (&group["type"], &group["publicKey"]["curve"], &group["sha"]);
        of == (&"EcdsaP1363Verify".into(), &"secp256k1".into(), &"SHA-256".into())
    };
    let file = groups(path, bytes, is_type)?;
    counted(|tally| {
        signatures::run_secp256k1(&file, tally);
    })
}

/// By ZIP-215, which takes all that is valid; where it takes more, it is what the peer takes.
fn ed25519(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file =
        groups(path, bytes, |group| group["type"] == "EddsaVerify" && group["publicKey"]["curve"] == "edwards25519")?;
    counted(|tally| signatures::run_ed25519(&file, tally))
}

/// The tests of BLS run all cases in folders of these names.
fn bls(path: &Path, _: &[u8]) -> Option<Ran> {
    const SUITES: [&str; 9] = [
        "verify",
        "fast_aggregate_verify",
        "batch_verify",
        "sign",
        "deserialization_G1",
        "deserialization_G2",
        "aggregate",
        "aggregate_verify",
        "hash_to_G2",
    ];
    let folder = path.parent()?.file_name()?.to_str()?;
    let is_case = path.extension().is_some_and(|ending| ending == "json" || ending == "yaml");
    (is_case && SUITES.contains(&folder)).then_some(Ran::Elsewhere)
}

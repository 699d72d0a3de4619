//! Files of unknown names among the vectors, by what is in them or where they stand.

use std::path::Path;

use serde_json::Value;

use crate::ics23_vectors::{run_by_folder, run_operations};
use crate::recorded::run_client_header;
use crate::single_step;
use crate::vector_coverage::{Kind, Ran};

/// Of the chain.
pub const KINDS: &[Kind] = &[
    Kind { name: "a case of the model of the light client", run: model },
    Kind { name: "a proof in a tree", run: tree },
    Kind { name: "operations and a spec", run: operations },
    Kind { name: "a header for a client", run: client_header },
];

/// Of signatures.
pub const OF_SIGNATURES: &[Kind] = &[Kind { name: "a case of BLS12-381", run: bls }];

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

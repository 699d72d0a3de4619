//! The runner of BLS12-381's official suites over cases that are made here.

use alloy_primitives::keccak256;
use serde_json::{Value, json};
use spandrel_verifiers::ethereum::containers::BlsPublicKey;

use crate::bls::{Suite, infinity, run_official};
use crate::chain::{committee, sign};
use crate::support::Tally;

/// The suites of the specification, which are not among the vectors beside the repository, in its layout: cases with our
/// keys are made here.
#[test]
fn cases_of_the_specifications_layout_are_run() {
    let folder = tempfile::tempdir().unwrap();
    let write = |suite: &str, name: &str, input: Value, output: Value| {
        let case = folder.path().join(format!("tests/general/altair/bls/{suite}/bls/{suite}_{name}"));
        std::fs::create_dir_all(&case).unwrap();
        let content = serde_yaml::to_string(&json!({"input": input, "output": output})).unwrap();
        std::fs::write(case.join("data.yaml"), &content).unwrap();
        assert!(crate::vector_coverage::case_of_bls(&case.join("data.yaml"), content.as_bytes()).is_some());
    };
    let message = keccak256("a message");
    let aggregate = sign(1, 0..4, message);
    let committee = committee(1);
    let signature = aggregate.sync_committee_signature;
    let signed = |keys: &[BlsPublicKey]| json!({"pubkeys": keys, "message": message, "signature": signature});
    for suite in ["eth_fast_aggregate_verify", "fast_aggregate_verify"] {
        write(suite, "valid", signed(&committee.pubkeys[..4]), true.into());
        write(suite, "extra_pubkey", signed(&committee.pubkeys[..5]), false.into());
    }
    let none = json!({"pubkeys": [], "message": message, "signature": infinity()});
    write("eth_fast_aggregate_verify", "na_pubkeys_and_infinity_signature", none, true.into());
    let all = json!(committee.pubkeys);
    write("eth_aggregate_pubkeys", "valid_pubkeys", all, json!(committee.aggregate_pubkey));
    write("eth_aggregate_pubkeys", "empty_list", json!([]), Value::Null);
    write("eth_aggregate_pubkeys", "infinity_pubkey", json!([BlsPublicKey::ZERO]), Value::Null);
    let count = || {
        let mut suite = Suite { tally: Tally::silent(), roots: vec![folder.path().to_owned()] };
        run_official(&mut suite);
        (suite.tally.passed(), suite.tally.refused())
    };
    assert_eq!(count(), (3, 4));
    write("fast_aggregate_verify", "extra_pubkey", signed(&committee.pubkeys[..5]), true.into());
    std::panic::catch_unwind(count).unwrap_err();
}

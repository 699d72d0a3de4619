//! Model-based single steps of tendermint-rs: a verdict for each block.

use serde_json::Value;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::cosmos::{ConsensusState, KeyTables, LightBlock, Outcome, ValidatorSet, verify_header};

use crate::json::{light_block, number, signed_header, time, validators};
use crate::scene::params;
use crate::support::{Tally, cases, name_of, vectors};
use crate::vector_coverage::is_home;

/// Verifies `block` from a trusted state whose next validators are `next`.
fn judge(
    trusted: &ConsensusState,
    next: &ValidatorSet,
    block: &LightBlock,
    trusting_period: u64,
    now: u64,
) -> Result<Outcome, VerifyError> {
    block.check()?;
    let mut header = block.verified_from(block);
    header.trusted_height = trusted.height;
    header.trusted_validators = next.clone();
    let params = params(&block.signed_header.header.chain_id, trusting_period);
    verify_header(&params, trusted, &header, now, &KeyTables::new())
}

/// Whether it is a case of the model.
pub fn is_case(case: &Value) -> bool {
    case["input"].is_array() && case["initial"].is_object()
}

/// Runs a case of the model; how many blocks were verified and how many refused.
///
/// # Panics
/// When a verdict is another than the model's.
pub fn run(case: &Value, name: &str) -> (usize, usize) {
    let initial = signed_header(&case["initial"]["signed_header"]);
    let mut next = validators(&case["initial"]["next_validator_set"]);
    let mut trusted = ConsensusState {
        height: initial.header.height,
        hash: initial.header.hash(),
        time: initial.header.time,
        app_hash: initial.header.app_hash.clone(),
        next_validators_hash: initial.header.next_validators_hash,
    };
    let trusting_period = number(&case["initial"]["trusting_period"]) / 1_000_000_000;
    let (mut passed, mut refused) = (0, 0);
    for (index, input) in case["input"].as_array().unwrap().iter().enumerate() {
        let block = light_block(&input["block"]);
        let now = time(&input["now"]).unix_seconds();
        let verdict = match judge(&trusted, &next, &block, trusting_period, now) {
            Ok(Outcome::Verified(state)) => {
                trusted = state;
                next = block.next_validators;
                "SUCCESS"
            }
            Ok(Outcome::NotEnoughTrust { .. }) => "NOT_ENOUGH_TRUST",
            // Of trust that ran out too: no file says FAILED_TRUSTING_PERIOD, whichever check comes first.
            Err(_) => "INVALID",
        };
        assert_eq!(verdict, input["verdict"].as_str().unwrap(), "{name} block {index}");
        if verdict == "SUCCESS" { passed += 1 } else { refused += 1 }
    }
    (passed, refused)
}

#[test]
fn every_block_gets_the_verdict_of_the_model() {
    let Some(folder) = vectors("cosmos/tendermint_rs_mbt") else { return };
    let mut tally = Tally::new("tendermint_rs_mbt");
    for (path, case) in cases(&folder, |case| is_case(case) || case["tests"].is_array()) {
        if !is_case(&case) {
            tally.skip("a test plan of the model checker, no blocks");
            continue;
        }
        let (passed, refused) = run(&case, &name_of(&path));
        tally.passed += passed;
        tally.refused += refused;
    }
    assert!(tally.passed > 0 || !is_home());
}

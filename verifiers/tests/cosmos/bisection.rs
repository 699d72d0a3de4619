//! Bisection runs of tendermint-rs, and over a chain whose sets change.

use std::collections::BTreeMap;

use spandrel_verifiers::VerifyError;
use spandrel_verifiers::cosmos::{Bisection, ClientHeader, KeyTables, LightBlock, Step};

use crate::chain::{START, block, members};
use crate::json::{light_block, number, time};
use crate::support::{Tally, json_files, name_of, params, read_json, vectors};

/// Runs a bisection over a provider's blocks; the path, and how many blocks were fetched.
pub fn run(
    mut bisection: Bisection,
    blocks: &BTreeMap<u64, LightBlock>,
    now: u64,
) -> Result<(Vec<ClientHeader>, usize), VerifyError> {
    let tables = KeyTables::new();
    let mut fetched = 0;
    loop {
        match bisection.step(now, &tables)? {
            Step::Reached(path) => return Ok((path, fetched)),
            Step::Fetch(height) => {
                fetched += 1;
                let missing = || VerifyError::invalid("provider", format!("block {height}"), "none");
                bisection.give(blocks.get(&height).ok_or_else(missing)?.clone())?;
            }
        }
    }
}

fn blocks(provider: &serde_json::Value) -> BTreeMap<u64, LightBlock> {
    let blocks = provider["lite_blocks"].as_array().unwrap().iter().map(light_block);
    blocks.map(|block| (block.height(), block)).collect()
}

/// What a client concludes that follows a primary and compares with witnesses.
fn conclude(case: &serde_json::Value) -> Result<usize, VerifyError> {
    let primary = blocks(&case["primary"]);
    let options = &case["trust_options"];
    let mut params = params(case["primary"]["chain_id"].as_str().unwrap(), number(&options["period"]) / 1_000_000_000);
    params.trust_level.numerator = number(&options["trust_level"]["numerator"]);
    params.trust_level.denominator = number(&options["trust_level"]["denominator"]);
    let target = number(&case["height_to_verify"]);
    let now = time(&case["now"]).unix_seconds();
    let trusted = primary[&number(&options["height"])].clone();
    assert_eq!(Some(trusted.check()?.hash), crate::json::hash(&options["hash"]));
    let (path, fetched) = run(Bisection::new(params.clone(), trusted.clone(), target)?, &primary, now)?;
    for witness in case["witnesses"].as_array().unwrap() {
        let witness = blocks(&witness["value"]);
        let Some(other) = witness.get(&target) else { continue };
        if other.check()?.hash == primary[&target].check()?.hash {
            continue;
        }
        // A witness that only lies proves nothing; one whose other header verifies too proves an attack.
        if run(Bisection::new(params.clone(), trusted.clone(), target)?, &witness, now).is_ok() {
            return Err(VerifyError::invalid("witness", "the same header", "another that verifies"));
        }
    }
    assert_eq!(path.last().map(ClientHeader::height), Some(target));
    Ok(fetched)
}

#[test]
#[ignore = "open: see docs/known-weaknesses.md"]
fn runs_end_as_recorded() {
    let Some(folder) = vectors("cosmos/tendermint_rs_bisection") else { return };
    let mut tally = Tally::new("tendermint_rs_bisection");
    for path in json_files(&folder) {
        let case = read_json(&path);
        let first = blocks(&case["primary"]).into_values().next().unwrap();
        if first.signed_header.header.hash() != first.signed_header.commit.block_id.hash.unwrap_or_default() {
            tally.skip("its headers do not hash to what their commits sign by the current encoding");
            continue;
        }
        let result = conclude(&case);
        println!("{}: {result:?}, recorded bisections {}", name_of(&path), case["expected_num_of_bisections"]);
        match case["expected_output"].as_str().unwrap() {
            "no error" => {
                result.unwrap_or_else(|error| panic!("{}: {error}", name_of(&path)));
                tally.pass();
            }
            _ => {
                result.expect_err(&name_of(&path));
                tally.refuse();
            }
        }
    }
}

#[test]
fn a_chain_whose_set_turns_over_is_climbed_in_few_fetches() {
    // One of ten validators is replaced each height: beyond seven heights too few of the trusted remain.
    let at = |height: u64| members(height as u32..height as u32 + 10, 10);
    let blocks: BTreeMap<u64, LightBlock> =
        (1..=65).map(|height| (height, block(height, &at(height), &at(height + 1)))).collect();
    let params = params(crate::chain::CHAIN, 1_000_000);
    let bisection = Bisection::new(params, blocks[&1].clone(), 65).unwrap();
    let (path, fetched) = run(bisection, &blocks, START + 700).unwrap();
    assert_eq!(path.last().unwrap().height(), 65);
    assert!(path.len() < 25 && fetched < 40, "{} headers, {fetched} fetched", path.len());
    for pair in path.windows(2) {
        assert_eq!(pair[1].trusted_height, pair[0].height());
    }
}

#[test]
fn a_target_that_is_not_above_is_refused() {
    let members = members(0..4, 10);
    let trusted = block(5, &members, &members);
    for target in [4, 5] {
        let error = Bisection::new(params(crate::chain::CHAIN, 100), trusted.clone(), target).unwrap_err();
        assert_eq!(error.field, "target");
    }
}

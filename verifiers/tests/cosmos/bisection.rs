//! Bisection runs of tendermint-rs, and over a chain whose sets change.

use std::collections::BTreeMap;

use serde_json::Value;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::cosmos::{
    Bisection, ClientHeader, ClientParams, CommitSig, Fraction, Header, KeyTables, LightBlock, SignedHeader, Step,
    Validator, ValidatorSet, verify_header,
};

use crate::chain::{Does, Member, START, block, commit, members, set};
use crate::json::{light_block, number, signed_header, time};
use crate::scene::params;
use crate::support::{Tally, cases, name_of, vectors};
use crate::vector_coverage::is_home;

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

/// The recorded blocks of a provider, each remade if `remake`.
fn blocks(provider: &Value, remake: bool) -> BTreeMap<u64, LightBlock> {
    let blocks = provider["lite_blocks"].as_array().unwrap().iter().map(light_block);
    blocks.map(|block| (block.height(), if remake { remade(&block) } else { block })).collect()
}

/// A recorded block with its powers, votes, times and other fields, but with keys that are known, so that its header
/// hashes to what its commit signs.
fn remade(recorded: &LightBlock) -> LightBlock {
    let votes = &recorded.signed_header.commit.signatures;
    let does = |validator: &Validator| {
        let cast = votes.iter().find(|vote| vote.vote().is_some_and(|vote| vote.validator == *validator.address()));
        match cast {
            Some(CommitSig::ForBlock(_)) => Does::Sign,
            Some(_) => Does::VoteNil,
            None => Does::Nothing,
        }
    };
    let (signers, next) = (known(&recorded.validators), known(&recorded.next_validators));
    let deeds: Vec<Does> = signers.iter().map(|(validator, _)| does(validator)).collect();
    let [signers, next] = [signers, next].map(|set| set.into_iter().map(|(_, member)| member).collect::<Vec<_>>());
    let header = Header {
        validators_hash: set(&signers).hash(),
        next_validators_hash: set(&next).hash(),
        ..recorded.signed_header.header.clone()
    };
    let commit = commit(&header, &signers, 0, |index| deeds[index]);
    LightBlock {
        signed_header: SignedHeader { header, commit },
        validators: set(&signers),
        next_validators: set(&next),
    }
}

/// Each validator of a set with the member whose key stands for its key, in the order of the members' set.
fn known(recorded: &ValidatorSet) -> Vec<(Validator, Member)> {
    let member = |validator: &Validator| {
        let [a, b, c, d, ..] = validator.address().0;
        (*validator, Member::new(u32::from_be_bytes([a, b, c, d]), validator.power()))
    };
    let mut members: Vec<_> = recorded.validators().iter().map(member).collect();
    members.sort_by_key(|(_, member)| member.rank());
    members
}

/// What a client concludes that follows a primary and compares with witnesses: the heights it verified.
fn conclude(case: &Value, remake: bool) -> Result<Vec<u64>, VerifyError> {
    let primary = blocks(&case["primary"], remake);
    let options = &case["trust_options"];
    let mut params = params(case["primary"]["chain_id"].as_str().unwrap(), number(&options["period"]) / 1_000_000_000);
    params.trust_level.numerator = number(&options["trust_level"]["numerator"]);
    params.trust_level.denominator = number(&options["trust_level"]["denominator"]);
    let target = number(&case["height_to_verify"]);
    let now = time(&case["now"]).unix_seconds();
    let trusted = primary[&number(&options["height"])].clone();
    let (path, _) = run(Bisection::new(params.clone(), trusted.clone(), target)?, &primary, now)?;
    for witness in case["witnesses"].as_array().unwrap() {
        let witness = blocks(&witness["value"], remake);
        let Some(other) = witness.get(&target) else { continue };
        if other.check()?.hash == primary[&target].check()?.hash {
            continue;
        }
        // A witness that only lies proves nothing; one whose other header verifies too proves an attack.
        if run(Bisection::new(params.clone(), trusted.clone(), target)?, &witness, now).is_ok() {
            return Err(VerifyError::invalid("witness", "the same header", "another that verifies"));
        }
    }
    let heights: Vec<u64> = path.iter().map(ClientHeader::height).collect();
    assert_eq!(heights.last(), Some(&target));
    Ok(heights)
}

/// tendermint-rs leaves the two recorded runs out that must pass (its tester skips names that start with `_`), does not
/// run those with witnesses, and takes any error for the others: no recorded header hashes to what its commit signs.
#[test]
fn recorded_blocks_hash_as_by_the_peer_and_are_not_what_their_commits_sign() {
    let Some(folder) = vectors("cosmos/tendermint_rs_bisection") else { return };
    let mut tally = Tally::new("tendermint_rs_bisection as recorded");
    for (path, case) in cases(&folder, is_run) {
        for value in case["primary"]["lite_blocks"].as_array().unwrap() {
            let value = &value["signed_header"];
            let peer: tendermint::block::Header = serde_json::from_value(value["header"].clone()).unwrap();
            assert_eq!(signed_header(value).header.hash().as_slice(), peer.hash().as_bytes());
        }
        match conclude(&case, false) {
            Err(error) if error.field == "commit.block_id.hash" => tally.refuse(),
            // One that hashes ends as it says.
            result => {
                assert_eq!(result.is_ok(), case["expected_output"] == "no error", "{}: {result:?}", name_of(&path));
                if result.is_ok() { tally.pass() } else { tally.refuse() }
            }
        }
    }
}

/// Whether it is a recorded run.
pub fn is_run(case: &Value) -> bool {
    case["primary"]["lite_blocks"].is_array() && case["expected_output"].is_string()
}

/// Runs a recorded case over blocks that hash: whether it ends well, which must be as recorded.
pub fn ends_as_recorded(case: &Value) -> bool {
    let result = conclude(case, true);
    assert_eq!(result.is_ok(), case["expected_output"] == "no error", "{result:?}");
    result.is_ok()
}

/// The recorded runs over blocks that hash: the verdict on each is as recorded.
#[test]
fn runs_end_as_recorded() {
    let Some(folder) = vectors("cosmos/tendermint_rs_bisection") else { return };
    let mut tally = Tally::new("tendermint_rs_bisection with known keys");
    let errors = BTreeMap::from([
        ("conflicting_headers.json", "witness"),
        ("conflicting_valid_commits_from_one_of_the_witnesses.json", "witness"),
        ("conflicting_valid_commits_from_the_only_witness.json", "witness"),
        ("header_out_of_trusting_period.json", "trusted.time"),
        ("malicious_validator_set.json", "witness"),
        ("not_enough_commits.json", "commit.power"),
    ]);
    let mut listed = (0, 0);
    for (path, case) in cases(&folder, is_run) {
        let name = name_of(&path);
        let result = conclude(&case, true);
        println!("{name}: {result:?}, recorded bisections {}", case["expected_num_of_bisections"]);
        assert_eq!(result.is_ok(), case["expected_output"] == "no error", "{name}");
        match result {
            Ok(heights) => {
                // Where each block has another validator, none can be left out.
                assert!(name != "_worst_case.json" || heights.into_iter().eq(2..=11));
                listed.0 += usize::from(name.starts_with('_'));
                tally.pass();
            }
            Err(error) => {
                assert!(errors.get(name.as_str()).is_none_or(|field| *field == error.field), "{name}: {error}");
                listed.1 += usize::from(errors.contains_key(name.as_str()));
                tally.refuse();
            }
        }
    }
    assert!(listed == (2, 6) || !is_home());
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

/// A provider that answers with other heights is told so, and nothing of it is kept.
#[test]
fn only_the_height_that_was_asked_for_is_taken() {
    let members = members(0..4, 10);
    let at = |height| block(height, &members, &members);
    let mut bisection = Bisection::new(params(crate::chain::CHAIN, 1_000_000), at(1), 20).unwrap();
    for other in [1, 10, 19, 21] {
        assert_eq!(bisection.give(at(other)).unwrap_err().field, "header.height", "{other}");
    }
    assert_eq!(bisection.step(START + 700, &KeyTables::new()).unwrap(), Step::Fetch(20));
    bisection.give(at(20)).unwrap();
    let Step::Reached(path) = bisection.step(START + 700, &KeyTables::new()).unwrap() else { panic!("it is reached") };
    assert_eq!(path.iter().map(ClientHeader::height).collect::<Vec<_>>(), [20]);
}

/// Below a third of the trusted power, or beyond the unbonding period, a signature says nothing.
#[test]
fn parameters_that_make_no_sense_are_refused_wherever_they_come_in() {
    let members = members(0..4, 10);
    let (trusted, target) = (block(1, &members, &members), block(5, &members, &members));
    let honest = params(crate::chain::CHAIN, 1_000_000);
    let level = Fraction { numerator: 0, denominator: 1 };
    let senseless = [
        ClientParams { trust_level: level, ..honest.clone() },
        ClientParams { trusting_period: honest.unbonding_period, ..honest.clone() },
    ];
    let check = |params: &ClientParams| {
        let from = trusted.check().unwrap();
        verify_header(params, &from, &target.verified_from(&trusted), START + 100, &KeyTables::new())
    };
    check(&honest).unwrap();
    for (params, field) in senseless.iter().zip(["trust_level", "trusting_period"]) {
        assert_eq!(Bisection::new(params.clone(), trusted.clone(), 5).unwrap_err().field, field);
        assert_eq!(check(params).unwrap_err().field, field);
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

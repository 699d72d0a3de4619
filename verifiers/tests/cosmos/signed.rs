//! Signed headers of real nodes: each stands under the commit of its own validators, and after the one before it.

use std::collections::BTreeMap;

use alloy_primitives::{B256, b256};
use serde_json::Value;
use spandrel_verifiers::cosmos::{
    ClientHeader, ConsensusState, Header, KeyTables, Outcome, SignedHeader, Timestamp, Update, ValidatorSet, revision,
    verify_header,
};
use spandrel_verifiers::file::{CosmosTrust, Trust};

use crate::both_forms::assert_both_forms;
use crate::json::{signed_header, validators};
use crate::scene::{params, route};
use crate::support::{Tally, cases, name_of, vectors};
use crate::vector_coverage::is_home;

/// A block of hermes, of which other clients' fixtures have copies with another time: those were changed after they were
/// signed, to be decoded and no more.
const CHANGED_BY_ITS_MAKERS: B256 = b256!("5e87bd3a35c62d06138273453af49c7728e4f8fb4cafb0784f4816d5052aa349");

/// What is trusted of a header whose place in a chain is not in question.
pub fn state(header: &Header) -> ConsensusState {
    ConsensusState {
        height: header.height,
        hash: header.hash(),
        time: header.time,
        app_hash: header.app_hash.clone(),
        next_validators_hash: header.next_validators_hash,
    }
}

pub fn is_verified(trusted: &ConsensusState, header: &ClientHeader) -> bool {
    let now = header.signed_header.header.time.unix_seconds() + 1;
    let params = params(&header.signed_header.header.chain_id, 1_000_000);
    let outcome = verify_header(&params, trusted, header, now, &KeyTables::new());
    matches!(outcome, Ok(Outcome::Verified(_))) || {
        println!("{outcome:?}");
        false
    }
}

/// Canonical protobuf must be read back to the same, and stand in either form of a file.
pub fn assert_encodes(header: &ClientHeader) {
    let encoded = header.encode();
    assert_eq!(&ClientHeader::decode(&encoded).unwrap(), header);
    let trusted = &header.signed_header.header;
    assert_both_forms(&Trust::Cosmos(Box::new(CosmosTrust {
        client: params(&trusted.chain_id, 1_000_000),
        route: route(),
        anchor: state(trusted),
        updates: vec![Update::Header(encoded)],
    })));
}

/// A signed header as a client would be sent it, its own validators beside it.
fn sent((signed, set): &(SignedHeader, ValidatorSet), trusted_height: u64) -> ClientHeader {
    ClientHeader {
        signed_header: signed.clone(),
        validators: set.clone(),
        revision: revision(&signed.header.chain_id),
        trusted_height,
        trusted_validators: set.clone(),
    }
}

/// Follows blocks in order, each from the one before.
fn follow(blocks: &[(SignedHeader, ValidatorSet)], tally: &mut Tally) {
    for pair in blocks.windows(2) {
        let [(trusted, _), block] = pair else { unreachable!("pairs") };
        check(&state(&trusted.header), block, tally);
    }
}

/// A block must be verified from `trusted`, and not be with another app hash.
fn check(trusted: &ConsensusState, block: &(SignedHeader, ValidatorSet), tally: &mut Tally) {
    let header = &block.0.header;
    let client_header = sent(block, trusted.height);
    assert_encodes(&client_header);
    assert!(is_verified(trusted, &client_header), "{}", header.height);
    tally.pass();
    let mut forged = client_header.clone();
    forged.signed_header.header.app_hash = vec![1; 32].into();
    let now = header.time.unix_seconds() + 1;
    let params = params(&header.chain_id, 1_000_000);
    assert!(verify_header(&params, trusted, &forged, now, &KeyTables::new()).is_err());
    tally.refuse();
}

/// Without the header before it a commit can still be held against the validators that its header names: a block before
/// it is made up, that names them too. There is none before the first.
pub fn check_by_its_own_set(block: &(SignedHeader, ValidatorSet), tally: &mut Tally) {
    let header = &block.0.header;
    assert_eq!(header.validators_hash, block.1.hash());
    if header.height > 1 {
        let time = Timestamp::new(header.time.seconds() - 1, 0).unwrap();
        let before = ConsensusState { height: header.height - 1, time, ..state(header) };
        check(&ConsensusState { next_validators_hash: header.validators_hash, ..before }, block, tally);
    }
}

#[test]
fn celestia_headers_follow_each_other() {
    let Some(folder) = vectors("cosmos/celestia_lumina") else { return };
    let mut tally = Tally::new("celestia_lumina");
    let pair = |value: &Value| (signed_header(value), validators(&value["validator_set"]));
    let is_block = |value: &Value| value["header"].is_object() && value["validator_set"].is_object();
    for (path, value) in cases(&folder, |value| is_block(value) || is_block(&value[0])) {
        match value {
            Value::Array(blocks) => follow(&blocks.iter().map(pair).collect::<Vec<_>>(), &mut tally),
            single => {
                let (signed, set) = pair(&single);
                assert_eq!(Some(signed.header.hash()), signed.commit.block_id.hash, "{}", name_of(&path));
                assert_eq!(signed.header.validators_hash, set.hash());
                tally.pass();
            }
        }
    }
    assert!(tally.passed >= 255 || !is_home());
}

/// Blocks that do not follow each other are still signed by the sets that they name.
#[test]
fn celestia_mocha_blocks_of_a_hundred_validators() {
    let Some(folder) = vectors("cosmos/celestia_mocha4") else { return };
    let mut tally = Tally::new("celestia_mocha4");
    let (mut headers, mut sets) = (BTreeMap::new(), BTreeMap::new());
    for (_, value) in cases(&folder, Value::is_object) {
        for row in rows_of(&value).into_iter().flatten() {
            sets.extend(row.set.map(|set| (set.hash(), set)));
            headers.insert(row.signed.header.height, row.signed);
        }
        sets.extend(known_set(&value["result"]).map(|set| (set.hash(), set)));
    }
    let mut before: Option<(SignedHeader, ValidatorSet)> = None;
    for signed in headers.into_values() {
        let Some(set) = sets.get(&signed.header.validators_hash) else {
            tally.skip("a commit without the validators that signed it");
            continue;
        };
        let block = (signed, set.clone());
        check_by_its_own_set(&block, &mut tally);
        if let Some(before) = before.filter(|before| before.0.header.height + 1 == block.0.header.height) {
            follow(&[before, block.clone()], &mut tally);
        }
        before = Some(block);
    }
}

/// A signed header of CometBFT, with the numbers that Tendermint 2 has not.
fn is_signed_header(value: &Value) -> bool {
    value["header"]["version"]["block"].is_string() && value["commit"]["signatures"][0]["block_id_flag"].is_number()
}

/// A signed header, and the validators that stand beside it.
struct Row {
    signed: SignedHeader,
    set: Option<ValidatorSet>,
}

/// Signed headers, alone or in a list, by themselves or in a node's answer. `None` for any other file.
fn rows_of(file: &Value) -> Option<Vec<Row>> {
    let one = std::slice::from_ref(file);
    let rows = file.as_array().map_or(one, Vec::as_slice).iter().map(|row| {
        let places = [row, &row["signed_header"], &row["result"]["signed_header"], &row["result"]];
        let signed = signed_header(places.into_iter().find(|place| is_signed_header(place))?);
        let set = [row, &row["result"]].into_iter().find_map(|place| known_set(&place["validator_set"]));
        Some(Row { signed, set })
    });
    rows.collect()
}

/// Validators whose keys are all of kinds that CometBFT has here.
pub fn known_set(value: &Value) -> Option<ValidatorSet> {
    const KNOWN: [&str; 3] = ["ed25519", "tendermint/PubKeyEd25519", "tendermint/PubKeySecp256k1"];
    let kind = |row: &Value| row["pub_key"]["type"].as_str().or(row["pub_key"]["@type"].as_str()).map(str::to_owned);
    let is_known = |row: &Value| kind(row).is_some_and(|kind| KNOWN.contains(&kind.as_str()));
    let rows = value["validators"].as_array().filter(|rows| !rows.is_empty())?;
    rows.iter().all(is_known).then(|| validators(value))
}

/// Signed headers: a commit is for its header and stands by the validators beside it, which are those that it names, and
/// neighbours follow each other. `None` for any other file.
///
/// # Panics
/// When they are not, or do not.
pub fn run_signed_headers(file: &Value, tally: &mut Tally) -> Option<()> {
    let mut blocks = Vec::new();
    for Row { signed, set } in rows_of(file)? {
        assert_eq!(SignedHeader::decode(&signed.encode()).unwrap(), signed);
        let (hash, committed) = (signed.header.hash(), signed.commit.block_id.hash);
        if committed == Some(CHANGED_BY_ITS_MAKERS) && hash != CHANGED_BY_ITS_MAKERS {
            tally.refuse();
            continue;
        }
        assert_eq!(Some(hash), committed);
        tally.pass();
        if let Some(set) = set {
            let block = (signed, set);
            check_by_its_own_set(&block, tally);
            blocks.push(block);
        }
    }
    let follows = |pair: &&[(SignedHeader, ValidatorSet)]| pair[0].0.header.height + 1 == pair[1].0.header.height;
    blocks.windows(2).filter(follows).for_each(|pair| follow(pair, tally));
    Some(())
}

/// A block of one absent vote, at this time, whose commit is for the block of this hash.
fn written(time: &str, committed: B256) -> Value {
    serde_json::json!({
        "header": {
            "version": {"block": "11"},
            "chain_id": "test-chain-1",
            "height": "20",
            "time": time,
            "validators_hash": B256::repeat_byte(1).to_string(),
            "next_validators_hash": B256::repeat_byte(1).to_string(),
            "proposer_address": "01F527D77D3FFCC4FCFF2DDC2952EEA5414F2A33",
        },
        "commit": {
            "height": "20",
            "block_id": {"hash": committed.to_string()},
            "signatures": [{"block_id_flag": 1}],
        },
    })
}

#[test]
fn a_block_that_its_makers_changed_is_refused_whatever_its_time_is_and_no_other_is_excused() {
    let run = |time, committed| {
        let mut tally = Tally::silent();
        run_signed_headers(&written(time, committed), &mut tally).unwrap();
        (tally.passed, tally.refused)
    };
    assert_eq!(run("2019-11-02T15:04:10Z", CHANGED_BY_ITS_MAKERS), (0, 1));
    assert_eq!(run("2030-11-02T15:04:10Z", CHANGED_BY_ITS_MAKERS), (0, 1));
    let time = "2030-11-02T15:04:10Z";
    let own = signed_header(&written(time, B256::ZERO)).header.hash();
    assert_eq!(run(time, own), (1, 0));
    std::panic::catch_unwind(|| run("2019-11-02T15:04:10Z", own)).unwrap_err();
}

//! Blocks of the chain whose keys are known, as nodes write them, and what comes of them when they stand in a file.

use alloy_primitives::B256;
use serde_json::{Value, json};
use spandrel_verifiers::cosmos::{
    BlockId, ClientHeader, CommitSig, LightBlock, PublicKey, SignedHeader, Timestamp, Validator, ValidatorSet,
};

use crate::chain::{Member, START, block, members, set};
use crate::signed::run_signed_headers;
use crate::support::Tally;
use crate::vector_coverage::Ran;

/// RFC 3339; all blocks here are of one minute.
fn time(time: &Timestamp) -> String {
    let second = time.seconds() as u64 - START - 100;
    assert!(second < 60);
    format!("2023-11-14T22:15:{second:02}.{:09}Z", time.nanos())
}

fn hash(hash: &Option<B256>) -> String {
    hash.map(|hash| hash.to_string()).unwrap_or_default()
}

fn block_id(id: &BlockId) -> Value {
    json!({"hash": hash(&id.hash), "parts": {"total": id.parts_total, "hash": hash(&id.parts_hash)}})
}

fn vote(signature: &CommitSig) -> Value {
    let (flag, vote) = match signature {
        CommitSig::Absent => return json!({"block_id_flag": 1}),
        CommitSig::ForBlock(vote) => (2, vote),
        CommitSig::ForNil(vote) => (3, vote),
    };
    json!({
        "block_id_flag": flag, "validator_address": vote.validator.to_string(),
        "timestamp": time(&vote.timestamp), "signature": vote.signature.to_string(),
    })
}

fn signed(SignedHeader { header, commit }: &SignedHeader) -> (Value, Value) {
    let header = json!({
        "version": {"block": header.block_version.to_string(), "app": header.app_version.to_string()},
        "chain_id": header.chain_id, "height": header.height.to_string(), "time": time(&header.time),
        "last_block_id": block_id(&header.last_block_id), "last_commit_hash": hash(&header.last_commit_hash),
        "data_hash": hash(&header.data_hash), "validators_hash": header.validators_hash.to_string(),
        "next_validators_hash": header.next_validators_hash.to_string(),
        "consensus_hash": hash(&header.consensus_hash), "app_hash": header.app_hash.to_string(),
        "last_results_hash": hash(&header.last_results_hash), "evidence_hash": hash(&header.evidence_hash),
        "proposer_address": header.proposer_address.to_string(),
    });
    let commit = json!({
        "height": commit.height.to_string(), "round": commit.round, "block_id": block_id(&commit.block_id),
        "signatures": commit.signatures.iter().map(vote).collect::<Vec<_>>(),
    });
    (header, commit)
}

fn validator(validator: &Validator) -> Value {
    let PublicKey::Ed25519(key) = validator.key() else { unreachable!("members have ed25519 keys") };
    json!({
        "pub_key": {"@type": "ed25519", "@value": hex::encode(key)},
        "voting_power": validator.power().to_string(),
    })
}

fn validator_set(set: &ValidatorSet) -> Value {
    json!({"validators": set.validators().iter().map(validator).collect::<Vec<_>>()})
}

/// A header for a client as relayers write it.
fn for_client(header: &ClientHeader) -> Value {
    let (signed_header, commit) = signed(&header.signed_header);
    json!({
        "signed_header": {"header": signed_header, "commit": commit},
        "validator_set": validator_set(&header.validators),
        "trusted_height": format!("{}-{}", header.revision, header.trusted_height),
        "trusted_validators": validator_set(&header.trusted_validators),
    })
}

/// A node's answer with a block, its commit and its validators, who are `signers`.
fn answer(block: &LightBlock, signers: &[Member]) -> Value {
    let (header, commit) = signed(&block.signed_header);
    json!({
        "jsonrpc": "2.0",
        "result": {"header": header, "commit": commit, "validator_set": validator_set(&set(signers))},
    })
}

#[test]
fn an_answer_with_its_validators_is_held_against_their_signatures() {
    let run = |file: &Value| {
        std::panic::catch_unwind(|| {
            let mut tally = Tally::silent();
            run_signed_headers(file, &mut tally).unwrap();
            (tally.passed, tally.refused)
        })
    };
    let (signers, others) = (members(0..4, 10), members(4..8, 10));
    let (first, second) = (block(10, &signers, &signers), block(11, &signers, &signers));
    // For its header and by its own set, from which another header is refused.
    assert_eq!(run(&answer(&first, &signers)).unwrap(), (2, 1));
    // Neighbours follow each other as well; what does not is still held against its own set.
    assert_eq!(run(&json!([answer(&first, &signers), answer(&second, &signers)])).unwrap(), (5, 3));
    let apart = json!([answer(&first, &signers), answer(&block(12, &signers, &signers), &signers)]);
    assert_eq!(run(&apart).unwrap(), (4, 2));
    run(&answer(&first, &others)).unwrap_err();
    let mut forged = first.clone();
    forge(&mut forged.signed_header, 1);
    run(&answer(&forged, &signers)).unwrap_err();
    // Keys of a kind that is not known here: only the commit's hash is checked.
    let mut unknown = answer(&first, &signers);
    unknown["result"]["validator_set"]["validators"][0]["pub_key"]["@type"] = json!("bls12_381");
    assert_eq!(run(&unknown).unwrap(), (1, 0));
}

/// Puts `byte` all over every signature.
fn forge(header: &mut SignedHeader, byte: u8) {
    for signature in &mut header.commit.signatures {
        let CommitSig::ForBlock(vote) = signature else { unreachable!("all sign") };
        vote.signature.0.fill(byte);
    }
}

#[test]
fn a_header_for_a_client_is_held_against_both_of_its_sets_and_the_header_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = |height: u64| folder.path().join(format!("{height}.json"));
    let run = |header: &ClientHeader| {
        let (path, written) = (place(header.signed_header.header.height), for_client(header).to_string());
        std::fs::write(&path, &written).unwrap();
        std::panic::catch_unwind(|| {
            let kind = crate::kinds::KINDS.iter().find(|kind| kind.name == "a header for a client").unwrap();
            (kind.run)(&path, written.as_bytes()).unwrap()
        })
    };
    let (signers, others) = (members(0..4, 10), members(4..8, 10));
    let mixed = members(2..6, 10);
    let (first, second) = (block(10, &signers, &signers), block(15, &mixed, &mixed));
    // By its own set, from which another header is refused, and by those that it says are trusted.
    assert_eq!(run(&second.verified_from(&first)).unwrap(), Ran::Cases(2, 1));
    let mut forged = second.verified_from(&first);
    forge(&mut forged.signed_header, 1);
    run(&forged).unwrap_err();
    // Signed by its own set, and by none of those trusted.
    run(&block(15, &others, &others).verified_from(&first)).unwrap_err();
    // The header of the height that is trusted stands beside it: its next set is another than the header says.
    let before = block(5, &signers, &signers);
    run(&block(10, &signers, &others).verified_from(&before)).unwrap();
    run(&second.verified_from(&first)).unwrap_err();
    run(&first.verified_from(&before)).unwrap();
    run(&second.verified_from(&first)).unwrap();
}

#[test]
fn a_header_for_a_client_with_keys_of_another_kind_is_not_read() {
    let signers = members(0..4, 10);
    let mut unknown = for_client(&block(15, &signers, &signers).verified_from(&block(10, &signers, &signers)));
    unknown["trusted_validators"]["validators"][0]["pub_key"]["@type"] = json!("bn254");
    let kind = crate::kinds::KINDS.iter().find(|kind| kind.name == "a header for a client").unwrap();
    let ran = (kind.run)(std::path::Path::new("file.json"), unknown.to_string().as_bytes()).unwrap();
    assert!(matches!(ran, Ran::Unread(_)), "{ran:?}");
}

fn kind_of(file: &Value) -> (&'static str, Ran) {
    let (path, bytes) = (std::path::Path::new("file.json"), file.to_string().into_bytes());
    crate::kinds::KINDS.iter().find_map(|kind| Some((kind.name, (kind.run)(path, &bytes)?))).unwrap()
}

/// tendermint-rs' `header_with_known_hash.json`.
fn header_of_known_hash() -> Value {
    let empty = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
    json!({
        "version": {"block": "11", "app": "1"}, "chain_id": "dockerchain", "height": "1608",
        "time": "2020-09-14T16:33:54.21191421Z",
        "last_block_id": {
            "hash": "D3B2CC7EDAFF87433A5DBCDCDF4077A56AACDE3606034262B0CDB120F62EB40B",
            "part_set_header": {
                "total": 1, "hash": "3AB411EAFE9A3B7AC013B0214990E5653112A39909289E3EA9211F07B8CD6EED",
            },
        },
        "last_commit_hash": "47071B86EFC28BEC17543967975F35191BA9BEC9C2AD77E86F63B149528D71A1", "data_hash": empty,
        "validators_hash": "5E20520EC80B84044B64BA0C55B1C06D543BBD57955C27B8A9999EC526BF703C",
        "next_validators_hash": "5E20520EC80B84044B64BA0C55B1C06D543BBD57955C27B8A9999EC526BF703C",
        "consensus_hash": "048091BC7DDC283F77BFBF91D73C44DA58C3DF8A9CBC867405D8B7F3DAADA22F",
        "app_hash": "0000000000000000", "last_results_hash": empty, "evidence_hash": empty,
        "proposer_address": "C8657A30D20C3BAD414624A1A963373DD500CCD3",
    })
}

#[test]
fn headers_by_themselves_other_protocols_and_states_are_known_by_what_is_in_them() {
    let bare = header_of_known_hash();
    assert_eq!(kind_of(&bare), ("a header by itself", Ran::Cases(1, 0)));
    let known = "F30A71F2409FB15AACAEDB6CC122DFA2525BEE9CAE521721B06BFDCA291B8D56";
    assert_eq!(Some(crate::json::header(&bare).hash()), crate::json::hash(&json!(known)));
    let other = json!({"header": {"version": "v1.0.0-rc.0", "chain_id": "gnoland1", "total_txs": "2638"}});
    let unread = |file: &Value| matches!(kind_of(file).1, Ran::Unread(_)).then_some(kind_of(file).0);
    assert_eq!(unread(&other), Some("blocks of Tendermint 2"));
    assert_eq!(unread(&json!({"signed_header": other})), Some("blocks of Tendermint 2"));
    let client = json!({"data": {"trust_level": {}, "proof_specs": []}});
    let state = json!({"data": {"root": {"hash": "AAAA"}, "next_validators_hash": "00"}});
    assert_eq!([&client, &state].map(unread), [Some("what a client trusts"); 2]);
    let keys = json!({"result": {"validators": [{"pub_key": {"type": "cometbft/PubKeyBls12_381"}}]}});
    assert_eq!(unread(&keys), Some("a node's answer with validators"));
}

//! Blocks of the chain whose keys are known, as nodes write them, and what comes of them when they stand in a file.

use alloy_primitives::B256;
use serde_json::{Value, json};
use spandrel_verifiers::cosmos::{BlockId, CommitSig, LightBlock, PublicKey, SignedHeader, Timestamp, Validator};

use crate::chain::{START, block, members};
use crate::signed::run_signed_headers;
use crate::support::Tally;

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

/// A node's answer with a block, its commit and its validators, who are `signers`.
fn answer(block: &LightBlock, signers: &[crate::chain::Member]) -> Value {
    let (header, commit) = signed(&block.signed_header);
    let validators: Vec<Value> = signers.iter().map(|member| validator(&member.validator())).collect();
    json!({
        "jsonrpc": "2.0",
        "result": {"header": header, "commit": commit, "validator_set": {"validators": validators}},
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
    for signature in &mut forged.signed_header.commit.signatures {
        let CommitSig::ForBlock(vote) = signature else { unreachable!("all sign") };
        vote.signature.0[0] ^= 1;
    }
    run(&answer(&forged, &signers)).unwrap_err();
    // Keys of a kind that is not known here: only the commit's hash is checked.
    let mut unknown = answer(&first, &signers);
    unknown["result"]["validator_set"]["validators"][0]["pub_key"]["@type"] = json!("bls12_381");
    assert_eq!(run(&unknown).unwrap(), (1, 0));
}

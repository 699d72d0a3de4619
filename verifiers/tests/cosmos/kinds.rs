//! Files of unknown names among the vectors, by what is in them or where they stand.

use std::path::Path;

use serde_json::Value;

use spandrel_verifiers::cosmos::ValidatorSet;

use crate::ics23_vectors::{
    is_proof, is_seed, refuse_seed, run_empty_branches, run_existence, run_hashes, run_leaves, run_operations,
    run_proof, run_steps,
};
use crate::recorded::{check_answer, is_answer, is_client_header, run_block, run_client_header, run_header};
use crate::signatures::Written;
use crate::signed::run_signed_headers;
use crate::support::Tally;
use crate::vector_coverage::{Kind, Ran, case_of_bls};
use crate::{bisection, bsc, clients, signatures, single_step};

/// Of the chain.
pub const KINDS: &[Kind] = &[
    Kind { name: "a case of the model of the light client", run: model },
    Kind { name: "a proof in a tree", run: tree },
    Kind { name: "operations and a spec", run: operations },
    Kind { name: "a header for a client", run: client_header },
    Kind { name: "a client with a header or a proof for it", run: client },
    Kind { name: "a proof without knowledge about a client", run: zero_knowledge },
    Kind { name: "a run of bisection", run: run_of_bisection },
    Kind { name: "existence proofs of other specs", run: existence },
    Kind { name: "leaves or steps by themselves", run: parts },
    Kind { name: "hashes of operations", run: hashes },
    Kind { name: "empty branches", run: empty_branches },
    Kind { name: "a seed of a fuzzer", run: seed },
    Kind { name: "inputs of the BNB chains", run: inputs },
    Kind { name: "signed headers", run: signed_headers },
    Kind { name: "a header by itself", run: bare_header },
    Kind { name: "blocks of Tendermint 2", run: tendermint_2 },
    Kind { name: "what a client trusts", run: client_state },
    Kind { name: "a node's block", run: block },
    Kind { name: "a node's answer with proofs", run: answer },
    Kind { name: "a node's answer with validators", run: validators },
    Kind { name: "a node's status", run: status },
    Kind { name: "a plan of a model checker", run: plan },
    Kind { name: "a node's other answer", run: other_answer },
];

/// Of signatures.
pub const OF_SIGNATURES: &[Kind] = &[
    Kind { name: "a case of BLS12-381", run: case_of_bls },
    Kind { name: "groups of BLS12-381 signatures", run: groups_of_bls },
    Kind { name: "ed25519 signatures with the verdict of ZIP-215", run: zip215 },
    Kind { name: "ed25519 signatures without a verdict", run: unjudged },
    Kind { name: "groups of secp256k1 signatures", run: secp256k1 },
    Kind { name: "groups of ed25519 signatures", run: ed25519 },
];

fn json(_: &Path, bytes: &[u8]) -> Option<Value> {
    matches!(bytes.trim_ascii_start().first()?, b'{' | b'[').then(|| serde_json::from_slice(bytes).ok())?
}

fn model(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let case = json(path, bytes).filter(single_step::is_case)?;
    let (passed, refused) = single_step::run(&case, &path.display().to_string());
    Some(Ran::Cases(passed, refused))
}

fn tree(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let (passed, refused) = run_proof(&json(path, bytes).filter(is_proof)?, &path.to_string_lossy());
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
    let (file, mut tally) = (json(path, bytes).filter(is_client_header)?, Tally::silent());
    let ran = run_client_header(path, &file, &mut tally).map(|()| Ran::Cases(tally.passed, tally.refused));
    Some(ran.unwrap_or(Ran::Unread("validators with keys of another kind")))
}

fn client(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes).filter(clients::is_client)?;
    counted(|tally| clients::run(path, &file, tally))
}

fn zero_knowledge(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let is_proof = file["updateClientVkey"].is_string() || file["sp1GenesisFixture"].is_string();
    is_proof.then_some(Ran::Unread("a zero-knowledge proof that somebody verified: no evidence of the chain itself"))
}

fn run_of_bisection(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let case = json(path, bytes).filter(bisection::is_run)?;
    Some(if bisection::ends_as_recorded(&case) { Ran::Cases(1, 0) } else { Ran::Cases(0, 1) })
}

/// Named cases that have all these members.
fn named(path: &Path, bytes: &[u8], members: &[&str]) -> Option<Value> {
    let is_case = |case: &Value| members.iter().all(|name| case.get(name).is_some());
    let file = json(path, bytes)?;
    file.as_object().is_some_and(|cases| !cases.is_empty() && cases.values().all(is_case)).then_some(file)
}

fn existence(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let cases = named(path, bytes, &["Proof", "IsErr", "Expected"])?;
    counted(|tally| run_existence(&cases, tally))
}

fn parts(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let leaf = |member, others: &[&str]| named(path, bytes, others).map(|cases| (cases, Some(member)));
    let leaves = leaf("Op", &["Op", "Key", "Value"]).or_else(|| leaf("Leaf", &["Leaf", "Spec"]));
    let (cases, member) = leaves.or_else(|| named(path, bytes, &["Op", "Child"]).map(|cases| (cases, None)))?;
    counted(|tally| match member {
        Some(member) => run_leaves(&cases, member, tally),
        None => run_steps(&cases, tally),
    })
}

fn hashes(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let cases = named(path, bytes, &["HashOp", "ExpectedHash"])?;
    counted(|tally| run_hashes(&cases, tally))
}

fn empty_branches(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let cases = cases_with(path, bytes, &["Op", "Spec", "IsLeft", "IsRight"])?;
    counted(|tally| run_empty_branches(&cases, tally))
}

fn seed(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| is_seed(text))?;
    refuse_seed(text);
    Some(Ran::Cases(0, 1))
}

fn inputs(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let cases = file["cases"].as_array().filter(|cases| bsc::are_inputs(cases))?;
    counted(|tally| {
        bsc::run_proofs(cases, tally);
        bsc::run_light_blocks(cases, tally);
    })
}

fn signed_headers(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let (file, mut tally) = (json(path, bytes)?, Tally::silent());
    run_signed_headers(&file, &mut tally)?;
    Some(Ran::Cases(tally.passed, tally.refused))
}

fn bare_header(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let header = json(path, bytes).filter(|header| header["version"]["block"].is_string())?;
    let has = |name: &str| header[name].is_string();
    ["chain_id", "height", "validators_hash", "proposer_address"].iter().all(|name| has(name)).then_some(())?;
    run_header(&header);
    Some(Ran::Cases(1, 0))
}

/// Its headers have a version that is a text, and the numbers of transactions that CometBFT's have no more.
fn tendermint_2(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let is_header = |header: &Value| header["version"].is_string() && header["total_txs"].is_string();
    let is_one = [&file, &file["signed_header"]].iter().any(|place| is_header(&place["header"]));
    is_one.then_some(Ran::Unread("TM2 headers with amino votes, another protocol than CometBFT's"))
}

/// By itself, in the form of ibc-go: its settings, or one of its states.
fn client_state(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let state = json(path, bytes)?.get("data")?.clone();
    let is_client = state["trust_level"].is_object() && state["proof_specs"].is_array();
    let is_state = state["root"]["hash"].is_string() && state["next_validators_hash"].is_string();
    (is_client || is_state).then_some(Ran::Unread("states of a client of ibc-go, no evidence"))
}

fn block(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let answer = &file["result"];
    let is_block = answer["block"]["header"].is_object() && answer["block_id"]["hash"].is_string();
    is_block.then(|| run_block(answer))?;
    Some(Ran::Cases(1, 0))
}

fn answer(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes).filter(is_answer)?;
    counted(|tally| check_answer(&file["result"]["response"], &[], tally))
}

/// Of ed25519 keys: those of others are none of CometBFT's here.
fn validators(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let rows = file["result"]["validators"].as_array().filter(|rows| !rows.is_empty())?;
    let is_known = |row: &Value| row["pub_key"]["type"] == "tendermint/PubKeyEd25519";
    if !rows.iter().all(is_known) {
        return Some(Ran::Unread("validators with keys of another kind"));
    }
    let set = crate::json::validators(&file["result"]);
    assert_eq!(ValidatorSet::decode(&set.encode()).unwrap(), set);
    Some(Ran::Cases(1, 0))
}

fn status(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    file["result"]["sync_info"].is_object().then_some(Ran::Unread("a node's status, no evidence"))
}

fn plan(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    (file["model"].is_string() && file["tests"].is_array()).then_some(Ran::Unread("a test plan, no blocks"))
}

/// Of what is in a block, of what is in the store without ICS-23, or an error.
fn other_answer(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = json(path, bytes)?;
    let is_of_rpc = file["jsonrpc"].is_string() && (file["error"].is_object() || file["result"].is_object());
    let is_of_store = ["code", "index", "key", "value"].iter().all(|name| file.get(name).is_some());
    (is_of_rpc || is_of_store).then_some(Ran::Unread("a node's answer that no proof needs, or without one of ICS-23"))
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
    let of_types = |types: &[&str]| {
        let is_type = |group: &Value| {
            let of_curve = (&group["publicKey"]["curve"], &group["sha"]) == (&"secp256k1".into(), &"SHA-256".into());
            of_curve && types.iter().any(|name| group["type"] == *name)
        };
        groups(path, bytes, is_type)
    };
    let written = [
        (Written::Bytes, of_types(&["EcdsaP1363Verify"])),
        (Written::Der, of_types(&["EcdsaVerify", "EcdsaBitcoinVerify"])),
    ];
    let (written, file) = written.into_iter().find_map(|(written, file)| Some((written, file?)))?;
    counted(|tally| {
        signatures::run_secp256k1(&file, written, tally);
    })
}

/// By ZIP-215, which takes all that is valid; where it takes more, it is what the peer takes.
fn ed25519(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file =
        groups(path, bytes, |group| group["type"] == "EddsaVerify" && group["publicKey"]["curve"] == "edwards25519")?;
    counted(|tally| signatures::run_ed25519(&file, tally))
}

/// The tests of BLS look for such files everywhere.
fn groups_of_bls(path: &Path, bytes: &[u8]) -> Option<Ran> {
    json(path, bytes).filter(|file| file["algorithm"] == "BLS").map(|_| Ran::Elsewhere)
}

//! Blocks of real nodes: Union and CometBFT devnets, and fixtures of hermes and tendermint-rs.

use std::path::Path;

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::cosmos::ics23::{Membership, proof_ops, verify_absence, verify_membership};
use spandrel_verifiers::cosmos::{
    ClientHeader, Commit, ConsensusState, Header, LightBlock, SignedHeader, Timestamp, revision,
};

use crate::json::{base64, header, light_block, number, signed_header, validators};
use crate::signed::{assert_encodes, check_by_its_own_set, is_verified, known_set, state};
use crate::store::field;
use crate::support::{Tally, cases, json_files, name_of, read_json, vectors};
use crate::vector_coverage::is_home;

/// A node's block: the header has the hash that the answer says.
///
/// # Panics
/// When it has another.
pub fn run_block(answer: &Value) {
    let head = header(&answer["block"]["header"]);
    assert_eq!(Some(head.hash()), crate::json::hash(&answer["block_id"]["hash"]));
    assert_eq!(Header::decode(&head.encode()).unwrap(), head);
}

/// A header by itself is written as it is read, and has the hash that the peer finds.
///
/// # Panics
/// When it is not, or has another.
pub fn run_header(value: &Value) {
    let head = header(value);
    assert_eq!(Header::decode(&head.encode()).unwrap(), head);
    let peer: tendermint::block::Header = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(head.hash().as_slice(), peer.hash().as_bytes());
}

/// Whether it is a header for a client: with a revision before the height; of other protocols it has none.
pub fn is_client_header(value: &Value) -> bool {
    let is_height = |height: &Value| height.as_str().is_some_and(|height| height.contains('-'));
    is_height(&value["trusted_height"]) && value["trusted_validators"].is_object()
}

/// A header for a client as relayers write it in JSON.
fn client_header(value: &Value) -> ClientHeader {
    let (revision, trusted_height) = value["trusted_height"].as_str().unwrap().split_once('-').unwrap();
    ClientHeader {
        signed_header: signed_header(&value["signed_header"]),
        validators: validators(&value["validator_set"]),
        revision: revision.parse().unwrap(),
        trusted_height: trusted_height.parse().unwrap(),
        trusted_validators: validators(&value["trusted_validators"]),
    }
}

/// Checks that a header for a client encodes, and stands by its own validators and by more than a third of those that it
/// says are trusted; from the header of the height that is trusted, if a file beside it has that.
///
/// # Panics
/// When it does not. `None` when a set has keys of a kind that is not known here.
pub fn run_client_header(path: &Path, value: &Value, tally: &mut Tally) -> Option<()> {
    ["validator_set", "trusted_validators"].iter().map(|set| known_set(&value[*set])).collect::<Option<Vec<_>>>()?;
    let header = client_header(value);
    assert_encodes(&header);
    check_by_its_own_set(&(header.signed_header.clone(), header.validators.clone()), tally);
    let trusted = trusted_beside(path, &header).unwrap_or_else(|| made_up(&header));
    assert!(is_verified(&trusted, &header), "{}", path.display());
    tally.pass();
    Some(())
}

/// What a file beside this one has of the height that is trusted.
fn trusted_beside(path: &Path, header: &ClientHeader) -> Option<ConsensusState> {
    let (height, chain) = (header.trusted_height, &header.signed_header.header.chain_id);
    let stands_in = |text: &String| text.contains(&format!("\"{height}\""));
    let texts = json_files(path.parent()?).into_iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let values = texts.filter(stands_in).filter_map(|text| serde_json::from_str(&text).ok()).filter(is_client_header);
    let mut headers = values.map(|value: Value| crate::json::header(&value["signed_header"]["header"]));
    headers.find(|known| known.height == height && known.chain_id == *chain).map(|known| state(&known))
}

/// What would have to be trusted for the header to be judged by the sets that stand in it.
fn made_up(header: &ClientHeader) -> ConsensusState {
    let own = &header.signed_header.header;
    let time = Timestamp::new(own.time.seconds() - 1, 0).unwrap();
    let next_validators_hash = header.trusted_validators.hash();
    ConsensusState { height: header.trusted_height, time, next_validators_hash, ..state(own) }
}

#[test]
fn union_headers_are_verified_from_the_heights_they_name() {
    let Some(folder) = vectors("cosmos/union_tendermint") else { return };
    let mut tally = Tally::new("union_tendermint");
    let mut known: Option<ConsensusState> = None;
    for (path, value) in cases(&folder.join("lib/tendermint-verifier/src/test"), is_client_header) {
        let client_header = client_header(&value);
        assert_encodes(&client_header);
        match &known {
            Some(trusted) if trusted.height == client_header.trusted_height => {
                assert!(is_verified(trusted, &client_header), "{}", name_of(&path));
                tally.pass();
            }
            _ => tally.skip("the header of the height it is verified from is not there"),
        }
        known = Some(state(&client_header.signed_header.header));
    }
    assert!(tally.passed > 50 || !is_home());
}

#[test]
fn devnet_commits_and_proofs() {
    let Some(folder) = vectors("cosmos/cometbft_iavl_devnet") else { return };
    let mut tally = Tally::new("cometbft_iavl_devnet");
    for (commit, set) in [("commit.json", "validators.json"), ("commit_4val.json", "validators_4val.json")] {
        let signed = signed_header(&read_json(&folder.join(commit))["result"]["signed_header"]);
        let set = validators(&read_json(&folder.join(set))["result"]);
        // The devnet's sets do not change, so that the block stands for one before it.
        let mut before = state(&signed.header);
        before.height -= 1;
        before.time = Timestamp::new(before.time.seconds() - 1, 0).unwrap();
        let client_header = ClientHeader {
            revision: revision(&signed.header.chain_id),
            trusted_height: before.height,
            signed_header: signed,
            validators: set.clone(),
            trusted_validators: set,
        };
        assert_encodes(&client_header);
        assert!(is_verified(&before, &client_header));
        tally.pass();
    }
    let mut roots: Vec<(u64, B256)> = Vec::new();
    for (_, value) in cases(&folder, Value::is_object) {
        if let Some(status) = value["result"]["sync_info"].as_object() {
            roots.push((
                number(&status["latest_block_height"]) - 1,
                crate::json::hash(&status["latest_app_hash"]).unwrap(),
            ));
        }
        if !value["result"]["signed_header"].is_null() {
            let head = header(&value["result"]["signed_header"]["header"]);
            roots.push((head.height - 1, B256::from_slice(&head.app_hash)));
        }
    }
    for (_, value) in cases(&folder, is_answer) {
        let response = &value["result"]["response"];
        check_answer(response, &roots, &mut tally);
    }
    assert!(tally.passed >= 2 || !is_home());
}

/// Whether it is a node's answer with a proof of two levels.
pub fn is_answer(file: &Value) -> bool {
    file["result"]["response"]["proofOps"]["ops"].as_array().is_some_and(|operations| operations.len() == 2)
}

/// A node's answer with proofs of its store and of all stores, under a root if there is one of its height.
///
/// # Panics
/// When they do not hold, or hold for something else too.
pub fn check_answer(response: &Value, roots: &[(u64, B256)], tally: &mut Tally) {
    let key = base64(response["key"].as_str().unwrap());
    let operations = response["proofOps"]["ops"].as_array().unwrap();
    let store = base64(operations[1]["key"].as_str().unwrap());
    let encoded: Vec<u8> = operations
        .iter()
        .flat_map(|operation| {
            let part = |name: &str| base64(operation[name].as_str().unwrap());
            let kind = operation["type"].as_str().unwrap().as_bytes().to_vec();
            field(1, &[field(1, &kind), field(2, &part("key")), field(3, &part("data"))].concat())
        })
        .collect();
    let proof = proof_ops(&encoded, &store, &key).unwrap();
    assert!(proof_ops(&encoded, b"ibc", &key).is_err());
    let proof = proof.encode();
    // The header that carries this state's hash: recorded, or else the root that the two levels themselves give.
    let height = number(&response["height"]);
    let recorded = roots.iter().find(|(state, _)| *state == height).map(|(_, root)| *root);
    let root = recorded.unwrap_or_else(|| root_of(&proof, &store, &key, response["value"].is_null()));
    match recorded {
        Some(_) => tally.pass(),
        None => tally.skip("no header of the height after the proof's: only the two levels were chained"),
    }
    let other = B256::repeat_byte(1);
    if response["value"].is_null() {
        verify_absence(root, &store, &key, &proof).unwrap();
        assert!(verify_absence(root, &store, b"hello", &proof).is_err());
        assert!(verify_absence(other, &store, &key, &proof).is_err());
    } else {
        let value = base64(response["value"].as_str().unwrap());
        let claim = Membership { root, store: &store, key: &key, value: &value, proof: &proof };
        verify_membership(&claim).unwrap();
        assert!(verify_membership(&Membership { value: b"worlds", ..claim }).is_err());
        assert!(verify_membership(&Membership { key: b"hellp", ..claim }).is_err());
        assert!(verify_membership(&Membership { root: other, ..claim }).is_err());
    }
    tally.refuse();
}

/// The app hash that a proof leads to.
fn root_of(proof: &[u8], store: &[u8], key: &[u8], is_absence: bool) -> B256 {
    use spandrel_verifiers::cosmos::ics23::{CommitmentProof, IAVL, MerkleProof, TENDERMINT};
    let proof = MerkleProof::decode(proof).unwrap();
    let in_store = CommitmentProof::decode(proof.in_store, key).unwrap();
    let store_root = match is_absence {
        true => in_store.absence(key).unwrap().root(&IAVL, key).unwrap(),
        false => in_store.existence(key).unwrap().root(&IAVL).unwrap(),
    };
    let of_store = CommitmentProof::decode(proof.of_store, store).unwrap().existence(store).unwrap();
    assert_eq!(of_store.value, store_root.as_slice());
    of_store.root(&TENDERMINT).unwrap()
}

#[test]
fn fixtures_of_relayers_and_rpc() {
    let mut tally = Tally::new("hermes and tendermint_rs_rpc");
    let Some(folder) = vectors("cosmos/hermes") else { return };
    for (_, value) in cases(&folder, Value::is_object) {
        if !value["header"].is_object() || !value["commit"].is_object() {
            tally.skip("an answer with amino proofs of SDK 0.37, before ICS-23");
            continue;
        }
        let signed = signed_header(&value);
        assert_eq!(SignedHeader::decode(&signed.encode()).unwrap(), signed);
        tally.pass();
    }
    let Some(folder) = vectors("cosmos/tendermint_rs_rpc") else { return };
    for (path, value) in cases(&folder, Value::is_object) {
        let result = &value["result"];
        let signed = &result["signed_header"];
        if !signed["commit"].is_null() {
            let signed = signed_header(signed);
            assert_eq!(Some(signed.header.hash()), signed.commit.block_id.hash, "{}", name_of(&path));
            assert_eq!(Commit::decode(&signed.commit.encode()).unwrap(), signed.commit);
            tally.pass();
        } else if !result["block"]["header"].is_null() {
            run_block(result);
            tally.pass();
        } else {
            tally.skip("no header in it");
        }
    }
}

#[test]
fn light_blocks_of_fixtures_are_consistent_and_encode() {
    let Some(folder) = vectors("cosmos/tendermint_rs_bisection") else { return };
    for (_, run) in cases(&folder, crate::bisection::is_run) {
        for block in run["primary"]["lite_blocks"].as_array().unwrap() {
            let block: LightBlock = light_block(block);
            assert_encodes(&block.verified_from(&block));
        }
    }
}

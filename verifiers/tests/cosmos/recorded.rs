//! Blocks of real nodes: Celestia, Union and CometBFT devnets, and fixtures of hermes and tendermint-rs.

use alloy_primitives::{B256, b256};
use serde_json::Value;
use spandrel_verifiers::cosmos::ics23::{Membership, proof_ops, verify_absence, verify_membership};
use spandrel_verifiers::cosmos::{
    ClientHeader, Commit, ConsensusState, Header, KeyTables, LightBlock, Outcome, SignedHeader, ValidatorSet, revision,
    verify_header,
};

use crate::json::{base64, header, light_block, number, signed_header, validators};
use crate::scene::params;
use crate::store::field;
use crate::support::{Tally, cases, json_files, name_of, read_json, vectors};
use crate::vector_coverage::is_home;

/// What is trusted of a header whose place in a chain is not in question.
fn state(header: &Header) -> ConsensusState {
    ConsensusState {
        height: header.height,
        hash: header.hash(),
        time: header.time,
        app_hash: header.app_hash.clone(),
        next_validators_hash: header.next_validators_hash,
    }
}

fn is_verified(trusted: &ConsensusState, header: &ClientHeader) -> bool {
    let now = header.signed_header.header.time.unix_seconds() + 1;
    let params = params(&header.signed_header.header.chain_id, 1_000_000);
    let outcome = verify_header(&params, trusted, header, now, &KeyTables::new());
    matches!(outcome, Ok(Outcome::Verified(_))) || {
        println!("{outcome:?}");
        false
    }
}

/// Canonical protobuf must be read back to the same.
fn assert_encodes(header: &ClientHeader) {
    assert_eq!(&ClientHeader::decode(&header.encode()).unwrap(), header);
}

/// Follows blocks in order, each from the one before.
fn follow(blocks: &[(SignedHeader, ValidatorSet)], tally: &mut Tally) {
    for pair in blocks.windows(2) {
        let [(trusted, _), (signed, validators)] = pair else { unreachable!("pairs") };
        let client_header = ClientHeader {
            signed_header: signed.clone(),
            validators: validators.clone(),
            revision: revision(&signed.header.chain_id),
            trusted_height: trusted.header.height,
            trusted_validators: validators.clone(),
        };
        assert_encodes(&client_header);
        assert!(is_verified(&state(&trusted.header), &client_header), "{}", signed.header.height);
        tally.pass();
        let mut forged = client_header.clone();
        forged.signed_header.header.app_hash = vec![1; 32].into();
        let now = signed.header.time.unix_seconds() + 1;
        let params = params(&signed.header.chain_id, 1_000_000);
        assert!(verify_header(&params, &state(&trusted.header), &forged, now, &KeyTables::new()).is_err());
        tally.refuse();
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

#[test]
fn celestia_mocha_blocks_of_a_hundred_validators() {
    let Some(folder) = vectors("cosmos/celestia_mocha4") else { return };
    let mut tally = Tally::new("celestia_mocha4");
    let mut blocks: Vec<(SignedHeader, ValidatorSet)> = json_files(&folder)
        .iter()
        .map(|path| read_json(path))
        .filter(|value| !value["validator_set"].is_null())
        .map(|value| {
            let signed = if value["signed_header"].is_null() { &value } else { &value["signed_header"] };
            (signed_header(signed), validators(&value["validator_set"]))
        })
        .collect();
    blocks.sort_by_key(|(signed, _)| signed.header.height);
    for pair in blocks.windows(2) {
        if pair[0].0.header.height + 1 == pair[1].0.header.height {
            follow(pair, &mut tally);
        } else {
            tally.skip("heights that do not follow each other, without the trusted set");
        }
    }
}

/// A signed header of CometBFT, with the numbers that Tendermint 2 has not.
fn is_signed_header(value: &Value) -> bool {
    value["header"]["version"]["block"].is_string() && value["commit"]["signatures"][0]["block_id_flag"].is_number()
}

/// Signed headers, alone or in a row, by themselves or in a node's answer: a commit is for its header; validators beside
/// it are those that it names, and neighbours follow each other. `None` for any other file.
///
/// # Panics
/// When they are not, or do not.
pub fn run_signed_headers(file: &Value, tally: &mut Tally) -> Option<()> {
    let one = std::slice::from_ref(file);
    let rows = file.as_array().map_or(one, Vec::as_slice);
    let signed_of = |row| -> Option<&Value> { signed_places(row).into_iter().find(|value| is_signed_header(value)) };
    let all: Vec<(&Value, SignedHeader)> =
        rows.iter().map(|row| Some((row, signed_header(signed_of(row)?)))).collect::<Option<_>>()?;
    let mut blocks = Vec::new();
    for (row, signed) in all {
        assert_eq!(SignedHeader::decode(&signed.encode()).unwrap(), signed);
        // Of hermes: a header that its makers changed after it was signed, to be decoded and no more.
        if signed.header.hash() == b256!("805f4b9e838912094e7f8a164bf96f4059ee447a8d0be9f56c7e6f0c0859495e") {
            tally.refuse();
            continue;
        }
        assert_eq!(Some(signed.header.hash()), signed.commit.block_id.hash);
        tally.pass();
        if row["validator_set"].is_object() {
            let set = validators(&row["validator_set"]);
            assert_eq!(signed.header.validators_hash, set.hash());
            blocks.push((signed, set));
        }
    }
    let follows = |pair: &&[(SignedHeader, ValidatorSet)]| pair[0].0.header.height + 1 == pair[1].0.header.height;
    blocks.windows(2).filter(follows).for_each(|pair| follow(pair, tally));
    Some(())
}

fn signed_places(row: &Value) -> [&Value; 3] {
    [row, &row["signed_header"], &row["result"]["signed_header"]]
}

/// A node's block: the header has the hash that the answer says.
///
/// # Panics
/// When it has another.
pub fn run_block(answer: &Value) {
    let head = header(&answer["block"]["header"]);
    assert_eq!(Some(head.hash()), crate::json::hash(&answer["block_id"]["hash"]));
    assert_eq!(Header::decode(&head.encode()).unwrap(), head);
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

/// Checks that a header for a client encodes, that its commit is for it and that its validators are those it names.
///
/// # Panics
/// When they are not.
pub fn run_client_header(value: &Value) {
    let header = client_header(value);
    assert_encodes(&header);
    let signed = &header.signed_header;
    assert_eq!(Some(signed.header.hash()), signed.commit.block_id.hash);
    assert_eq!(signed.header.validators_hash, header.validators.hash());
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
    for path in json_files(&folder) {
        let text = path.to_string_lossy();
        if text.contains("gno-verifier") {
            tally.skip("gno.land: TM2 headers and amino votes, another protocol than CometBFT's");
        } else if text.contains("cometbft-rpc") && text.contains("validators") {
            tally.skip("Berachain validators with BLS12-381 keys");
        } else if text.contains("cometbft-rpc") {
            tally.skip("a node's status");
        } else if text.contains("cosmwasm") {
            tally.skip("client and consensus states of ibc-go, no evidence");
        }
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
        before.time = spandrel_verifiers::cosmos::Timestamp::new(before.time.seconds() - 1, 0).unwrap();
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

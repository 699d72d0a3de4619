//! The official ICS-23 vectors: existence and absence, malformed operations, and the corpus of its fuzzers.

use std::path::Path;

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::cosmos::ics23::{
    CommitmentProof, ExistenceProof, IAVL, InnerOp, LeafOp, MerkleProof, NonExistenceProof, ProofSpec, TENDERMINT,
};

use crate::json::{base64, number};
use crate::store::{Kind, field};
use crate::support::{Tally, json_files, name_of, read_json, vectors};

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().map(base64).unwrap_or_default()
}

#[test]
fn existence_and_absence() {
    let Some(folder) = vectors("cosmos/ics23_testdata/testdata") else { return };
    let mut tally = Tally::new("ics23_testdata trees");
    for (name, kind, spec) in [("iavl", Kind::Iavl, IAVL), ("tendermint", Kind::Simple, TENDERMINT)] {
        for path in json_files(&folder.join(name)) {
            let case = read_json(&path);
            let (root, proof, key) = (unhex(&case["root"]), unhex(&case["proof"]), unhex(&case["key"]));
            let value = unhex(&case["value"]);
            let root: [u8; 32] = root.try_into().unwrap();
            let value = (!value.is_empty()).then_some(&value[..]);
            let verdicts = |root: &[u8; 32], key: &[u8], value: Option<&[u8]>| {
                crate::ics23_peer::verdicts(kind, root, &proof, key, value)
            };
            assert_eq!(verdicts(&root, &key, value), (true, true), "{}", name_of(&path));
            tally.pass();
            let mut other_root = root;
            other_root[31] ^= 1;
            let other_key = [&key[..], b"x"].concat();
            assert_eq!(verdicts(&other_root, &key, value), (false, false));
            assert!(!verdicts(&root, &other_key, value).0);
            // The other tree's spec.
            let other = if spec == IAVL { Kind::Simple } else { Kind::Iavl };
            assert!(!crate::ics23_peer::verdicts(other, &root, &proof, &key, value).0);
            (0..3).for_each(|_| tally.refuse());
        }
    }
    for path in json_files(&folder.join("smt")) {
        let case = read_json(&path);
        let (proof, key) = (unhex(&case["proof"]), unhex(&case["key"]));
        let root = B256::from_slice(&unhex(&case["root"]));
        let proof = CommitmentProof::decode(&proof, &key).unwrap();
        for spec in [IAVL, TENDERMINT] {
            let exists = proof.clone().existence(&key);
            assert!(!exists.is_ok_and(|proof| proof.verify(&spec, root, &key, proof.value).is_ok()));
            assert!(!proof.clone().absence(&key).is_ok_and(|proof| proof.verify(&spec, root, &key).is_ok()));
        }
        // A sparse Merkle tree is none of the two that Cosmos chains commit to.
        tally.refuse();
    }
    assert!(tally.passed >= 12);
}

/// The spec of a case, if it is one of the two.
fn spec_of(spec: &Value) -> Option<ProofSpec> {
    let leaf = &spec["leaf_spec"];
    let inner = &spec["inner_spec"];
    let is_ours = [("hash", 1), ("prehash_key", 0), ("prehash_value", 1), ("length", 1)]
        .into_iter()
        .all(|(name, expected)| number(&leaf[name]) == expected)
        && bytes(&leaf["prefix"]) == [0]
        && number(&inner["hash"]) == 1
        && inner["empty_child"].is_null()
        && number(&spec["max_depth"]) == 0
        && number(&spec["min_depth"]) == 0
        && inner["child_order"].as_array().is_some_and(|order| order.iter().map(number).eq([0, 1]));
    let sizes = ["child_size", "min_prefix_length", "max_prefix_length"].map(|name| number(&inner[name]));
    match (is_ours, sizes) {
        (true, [33, 4, 12]) => Some(IAVL),
        (true, [32, 1, 1]) => Some(TENDERMINT),
        _ => None,
    }
}

#[test]
fn operations_against_the_spec() {
    let Some(folder) = vectors("cosmos/ics23_testdata/testdata") else { return };
    let mut tally = Tally::new("ics23_testdata TestCheckAgainstSpec");
    let cases = read_json(&folder.join("TestCheckAgainstSpecData.json"));
    for (name, case) in cases.as_object().unwrap() {
        let Some(spec) = spec_of(&case["Spec"]) else {
            tally.skip("a spec that is not one of the two constants");
            continue;
        };
        let raw = &case["Proof"];
        let (key, value) = (bytes(&raw["key"]), bytes(&raw["value"]));
        let leaf_prefix = bytes(&raw["leaf"]["prefix"]);
        let steps: Vec<(u32, Vec<u8>, Vec<u8>)> = raw["path"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|step| (number(&step["hash"]) as u32, bytes(&step["prefix"]), bytes(&step["suffix"])))
            .collect();
        let proof = ExistenceProof {
            key: &key,
            value: &value,
            leaf: (!raw["leaf"].is_null()).then(|| LeafOp {
                hash: number(&raw["leaf"]["hash"]) as u32,
                prehash_key: number(&raw["leaf"]["prehash_key"]) as u32,
                prehash_value: number(&raw["leaf"]["prehash_value"]) as u32,
                length: number(&raw["leaf"]["length"]) as u32,
                prefix: &leaf_prefix,
            }),
            path: steps.iter().map(|(hash, prefix, suffix)| InnerOp { hash: *hash, prefix, suffix }).collect(),
        };
        let expected_error = case["Err"].as_str().unwrap();
        let result = spec.check(&proof);
        assert_eq!(result.is_ok(), expected_error.is_empty(), "{name}: {result:?}, expected {expected_error:?}");
        if result.is_ok() { tally.pass() } else { tally.refuse() }
    }
    assert!(tally.passed > 0 && tally.refused > 0);
}

#[test]
fn other_official_files() {
    let Some(folder) = vectors("cosmos/ics23_testdata/testdata") else { return };
    let mut tally = Tally::new("ics23_testdata operations");
    // Roots of existence proofs: only those hashed as the two specs hash.
    for (name, case) in read_json(&folder.join("TestExistenceProofData.json")).as_object().unwrap() {
        let leaf = &case["Proof"]["leaf"];
        let is_fixed =
            number(&leaf["hash"]) == 1 && number(&leaf["prehash_value"]) == 1 && number(&leaf["length"]) == 1;
        if is_fixed {
            panic!("{name} could be run");
        }
        tally.skip("a leaf that is hashed as neither spec hashes");
    }
    for file in ["TestLeafOpData.json", "TestInnerOpData.json", "TestDoHashData.json", "TestCheckLeafData.json"] {
        assert!(folder.join(file).exists());
        tally.skip("operations by themselves: the two specs leave none to choose");
    }
}

/// Neither spec has empty children. Beside what another spec would take for one nothing is absent; on the open side of
/// the leaf something is.
#[test]
fn a_placeholder_of_an_empty_child_is_a_child() {
    let Some(folder) = vectors("cosmos/ics23_testdata/testdata") else { return };
    let mut tally = Tally::new("ics23_testdata TestEmptyBranch");
    for case in read_json(&folder.join("TestEmptyBranchData.json")).as_array().unwrap() {
        if spec_of(&case["Spec"]).is_some() {
            assert_eq!((&case["IsLeft"], &case["IsRight"]), (&Value::Bool(false), &Value::Bool(false)));
        }
        let (prefix, suffix) = (bytes(&case["Op"]["prefix"]), bytes(&case["Op"]["suffix"]));
        let neighbour = ExistenceProof {
            key: b"m",
            value: b"value",
            leaf: Some(LeafOp { hash: 1, prehash_key: 0, prehash_value: 1, length: 1, prefix: &[0] }),
            path: vec![InnerOp { hash: 1, prefix: &prefix, suffix: &suffix }],
        };
        let root = neighbour.root(&TENDERMINT).unwrap();
        let below = NonExistenceProof { key: b"a", left: None, right: Some(neighbour.clone()) };
        let above = NonExistenceProof { key: b"z", left: Some(neighbour), right: None };
        let (beside, open) = if suffix.is_empty() { (below, above) } else { (above, below) };
        assert_eq!(beside.verify(&TENDERMINT, root, beside.key).unwrap_err().field, "path");
        tally.refuse();
        open.verify(&TENDERMINT, root, open.key).unwrap();
        tally.pass();
    }
    assert_eq!((tally.passed, tally.refused), (8, 8));
}

/// The bytes of each seed of a Go fuzz corpus file.
fn go_seed(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap();
    let quoted = text.lines().nth(1).unwrap().trim_start_matches("[]byte(").trim_end_matches(')');
    let body = &quoted[1..quoted.len() - 1];
    body.replace("\\\"", "\"").replace("\\r", "\r").into_bytes()
}

#[test]
fn the_fuzz_corpus_is_refused_without_panic() {
    let Some(folder) = vectors("cosmos/ics23_testdata/go/testdata/fuzz") else { return };
    let mut tally = Tally::new("ics23_testdata fuzz corpus");
    for target in std::fs::read_dir(&folder).unwrap() {
        for entry in std::fs::read_dir(target.unwrap().path()).unwrap() {
            let seed = go_seed(&entry.unwrap().path());
            assert!(CommitmentProof::decode(&seed, b"key").is_err());
            assert!(MerkleProof::decode(&seed).is_err());
            // What these JSON seeds describe: proofs without operations.
            let empty = field(1, b"");
            let nothing = CommitmentProof::decode(&[10, 0], b"").unwrap().existence(b"").unwrap();
            for spec in [IAVL, TENDERMINT] {
                assert!(nothing.root(&spec).is_err());
            }
            assert!(CommitmentProof::decode(&empty, b"").is_err());
            tally.refuse();
        }
    }
    assert!(tally.refused > 0);
}

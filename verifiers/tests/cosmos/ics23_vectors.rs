//! The official ICS-23 vectors: existence and absence, malformed operations, and the corpus of its fuzzers.

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::cosmos::ics23::{
    CommitmentProof, ExistenceProof, IAVL, InnerOp, LeafOp, MerkleProof, NonExistenceProof, ProofSpec, TENDERMINT,
};

use crate::json::{base64, number};
use crate::store::{Kind, field};
use crate::support::{Tally, cases, read_json, vectors};
use crate::vector_coverage::is_home;

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_str().map(base64).unwrap_or_default()
}

/// Runs a proof of a tree of this kind: alone it holds, under another root, for another key, and by the other spec not.
///
/// # Panics
/// When it does, or ours is not the peer's verdict.
fn run_tree(case: &Value, kind: Kind, name: &str) {
    let (root, proof, key) = (unhex(&case["root"]), unhex(&case["proof"]), unhex(&case["key"]));
    let value = unhex(&case["value"]);
    let root: [u8; 32] = root.try_into().unwrap();
    let value = (!value.is_empty()).then_some(&value[..]);
    let verdicts =
        |root: &[u8; 32], key: &[u8], value: Option<&[u8]>| crate::ics23_peer::verdicts(kind, root, &proof, key, value);
    assert_eq!(verdicts(&root, &key, value), (true, true), "{name}");
    let mut other_root = root;
    other_root[31] ^= 1;
    let other_key = [&key[..], b"x"].concat();
    assert_eq!(verdicts(&other_root, &key, value), (false, false));
    assert!(!verdicts(&root, &other_key, value).0);
    // The other tree's spec.
    let other = if kind == Kind::Iavl { Kind::Simple } else { Kind::Iavl };
    assert!(!crate::ics23_peer::verdicts(other, &root, &proof, &key, value).0);
}

/// A sparse Merkle tree, which the peer knows, is none of the two that Cosmos chains commit to.
///
/// # Panics
/// When it is none, or either spec takes a proof of one.
fn refuse_sparse_tree(case: &Value, name: &str) {
    let (proof, key) = (unhex(&case["proof"]), unhex(&case["key"]));
    assert!(
        crate::ics23_peer::is_of_sparse_tree(&unhex(&case["root"]), &proof, &key, &unhex(&case["value"])),
        "{name}"
    );
    let root = B256::from_slice(&unhex(&case["root"]));
    let proof = CommitmentProof::decode(&proof, &key).unwrap();
    for spec in [IAVL, TENDERMINT] {
        let exists = proof.clone().existence(&key);
        assert!(!exists.is_ok_and(|proof| proof.verify(&spec, root, &key, proof.value).is_ok()));
        assert!(!proof.clone().absence(&key).is_ok_and(|proof| proof.verify(&spec, root, &key).is_ok()));
    }
}

/// Whether it is a proof of a tree.
pub fn is_proof(case: &Value) -> bool {
    ["root", "proof", "key", "value"].iter().all(|name| case[*name].is_string())
}

/// Runs a proof of whichever tree it leads to the root of; passed and refused. Of neither, it is one of a sparse tree.
pub fn run_proof(case: &Value, name: &str) -> (usize, usize) {
    let (proof, key) = (unhex(&case["proof"]), unhex(&case["key"]));
    let root = B256::from_slice(&unhex(&case["root"]));
    let leads = |spec: &ProofSpec| {
        let proof = CommitmentProof::decode(&proof, &key).unwrap();
        let exists = proof.clone().existence(&key).and_then(|proof| proof.root(spec));
        let found = exists.or_else(|_| proof.absence(&key).and_then(|proof| proof.root(spec, &key)));
        found.is_ok_and(|found| found == root)
    };
    let kind = match (leads(&IAVL), leads(&TENDERMINT)) {
        (true, _) => Kind::Iavl,
        (false, true) => Kind::Simple,
        (false, false) => {
            refuse_sparse_tree(case, name);
            return (0, 1);
        }
    };
    run_tree(case, kind, name);
    (1, 3)
}

#[test]
fn existence_and_absence() {
    let Some(folder) = vectors("cosmos/ics23_testdata/testdata") else { return };
    let mut tally = Tally::new("ics23_testdata trees");
    for name in ["iavl", "tendermint", "smt"] {
        for (path, case) in cases(&folder.join(name), is_proof) {
            let (passed, refused) = run_proof(&case, &path.to_string_lossy());
            assert_eq!(passed == 0, name == "smt");
            tally.passed += passed;
            tally.refused += refused;
        }
    }
    assert!(tally.passed >= 12 || !is_home());
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

/// Checks the operations of each case against its spec; passed, refused, and of another spec than the two.
///
/// # Panics
/// When a verdict is another than the case says.
pub fn run_operations(cases: &Value) -> (usize, usize, usize) {
    let (mut passed, mut refused, mut others) = (0, 0, 0);
    for (name, case) in cases.as_object().unwrap() {
        let Some(spec) = spec_of(&case["Spec"]) else {
            others += 1;
            continue;
        };
        let raw = Operations::of(&case["Proof"]);
        let expected_error = case["Err"].as_str().unwrap();
        let result = spec.check(&raw.proof());
        assert_eq!(result.is_ok(), expected_error.is_empty(), "{name}: {result:?}, expected {expected_error:?}");
        if result.is_ok() { passed += 1 } else { refused += 1 }
    }
    (passed, refused, others)
}

/// A proof of existence in JSON.
struct Operations {
    key: Vec<u8>,
    value: Vec<u8>,
    leaf: Option<(LeafNumbers, Vec<u8>)>,
    path: Vec<(u32, Vec<u8>, Vec<u8>)>,
}

/// `hash`, `prehash_key`, `prehash_value`, `length`.
type LeafNumbers = [u32; 4];

impl Operations {
    fn of(raw: &Value) -> Self {
        let step = |step: &Value| (number(&step["hash"]) as u32, bytes(&step["prefix"]), bytes(&step["suffix"]));
        let leaf = &raw["leaf"];
        let numbers = ["hash", "prehash_key", "prehash_value", "length"].map(|name| number(&leaf[name]) as u32);
        Self {
            key: bytes(&raw["key"]),
            value: bytes(&raw["value"]),
            leaf: (!leaf.is_null()).then(|| (numbers, bytes(&leaf["prefix"]))),
            path: raw["path"].as_array().into_iter().flatten().map(step).collect(),
        }
    }

    fn proof(&self) -> ExistenceProof<'_> {
        let leaf = self.leaf.as_ref();
        ExistenceProof {
            key: &self.key,
            value: &self.value,
            leaf: leaf.map(|([hash, prehash_key, prehash_value, length], prefix)| LeafOp {
                hash: *hash,
                prehash_key: *prehash_key,
                prehash_value: *prehash_value,
                length: *length,
                prefix,
            }),
            path: self.path.iter().map(|(hash, prefix, suffix)| InnerOp { hash: *hash, prefix, suffix }).collect(),
        }
    }
}

#[test]
fn operations_against_the_spec() {
    let Some(path) = vectors("cosmos/ics23_testdata/testdata/TestCheckAgainstSpecData.json") else { return };
    let mut tally = Tally::new("ics23_testdata TestCheckAgainstSpec");
    let (passed, refused, others) = run_operations(&read_json(&path));
    (0..others).for_each(|_| tally.skip("a spec that is not one of the two constants"));
    tally.passed += passed;
    tally.refused += refused;
    assert!((tally.passed > 0 && tally.refused > 0) || !is_home());
}

#[test]
fn other_official_files() {
    let Some(folder) = vectors("cosmos/ics23_testdata/testdata") else { return };
    let mut tally = Tally::new("ics23_testdata operations");
    run_existence(&read_json(&folder.join("TestExistenceProofData.json")), &mut tally);
    run_leaves(&read_json(&folder.join("TestLeafOpData.json")), "Op", &mut tally);
    run_leaves(&read_json(&folder.join("TestCheckLeafData.json")), "Leaf", &mut tally);
    run_steps(&read_json(&folder.join("TestInnerOpData.json")), &mut tally);
    run_hashes(&read_json(&folder.join("TestDoHashData.json")), &mut tally);
}

/// Roots of existence proofs: only those hashed as the two specs hash.
pub fn run_existence(cases: &Value, tally: &mut Tally) {
    for (name, case) in cases.as_object().unwrap() {
        let leaf = &case["Proof"]["leaf"];
        let is_fixed =
            number(&leaf["hash"]) == 1 && number(&leaf["prehash_value"]) == 1 && number(&leaf["length"]) == 1;
        assert!(!is_fixed, "{name} could be run");
        refuse(&case["Proof"]);
        tally.refuse();
    }
}

/// Leaves by themselves: what other specs allow, neither of the two does.
pub fn run_leaves(cases: &Value, member: &str, tally: &mut Tally) {
    for case in cases.as_object().unwrap().values() {
        let raw = serde_json::json!({"key": "Zm9v", "value": "YmFy", "leaf": case[member]});
        match is_of_a_spec(&raw) {
            true => tally.skip("a leaf of a spec's form, judged there by another spec"),
            false => {
                refuse(&raw);
                tally.refuse();
            }
        }
    }
}

/// Steps by themselves.
pub fn run_steps(cases: &Value, tally: &mut Tally) {
    let leaf = serde_json::json!({"hash": 1, "prehash_value": 1, "length": 1, "prefix": "AA=="});
    for case in cases.as_object().unwrap().values() {
        let raw = serde_json::json!({"key": "Zm9v", "value": "YmFy", "leaf": leaf, "path": [case["Op"]]});
        match is_of_a_spec(&raw) {
            true => tally.skip("a step that is of a spec's form, over a child that no leaf hashes to"),
            false => {
                refuse(&raw);
                tally.refuse();
            }
        }
    }
}

/// Hashes, of which the two specs have one.
pub fn run_hashes(cases: &Value, tally: &mut Tally) {
    for case in cases.as_object().unwrap().values() {
        if number(&case["HashOp"]) == 1 {
            let preimage = case["Preimage"].as_str().unwrap().as_bytes();
            assert_eq!(crate::store::sha(&[preimage]).as_slice(), unhex(&case["ExpectedHash"]));
            tally.pass();
        } else {
            tally.skip("another hash than SHA-256, the only one of both specs");
        }
    }
}

/// Whether a proof is of the form of either spec.
fn is_of_a_spec(raw: &Value) -> bool {
    let raw = Operations::of(raw);
    [IAVL, TENDERMINT].iter().any(|spec| spec.check(&raw.proof()).is_ok())
}

/// A proof that is by neither spec.
fn refuse(raw: &Value) {
    let raw = Operations::of(raw);
    for spec in [IAVL, TENDERMINT] {
        spec.check(&raw.proof()).unwrap_err();
        raw.proof().root(&spec).unwrap_err();
    }
}

#[test]
fn a_placeholder_of_an_empty_child_is_a_child() {
    let Some(folder) = vectors("cosmos/ics23_testdata/testdata") else { return };
    let mut tally = Tally::new("ics23_testdata TestEmptyBranch");
    run_empty_branches(&read_json(&folder.join("TestEmptyBranchData.json")), &mut tally);
    assert!((tally.passed >= 8 && tally.refused >= 8) || !is_home());
}

/// Neither spec has empty children. Beside what another spec would take for one nothing is absent; on the open side of
/// the leaf something is.
pub fn run_empty_branches(cases: &Value, tally: &mut Tally) {
    for case in cases.as_array().unwrap() {
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
}

/// The bytes of the seed that a file of a Go fuzzer is.
fn go_seed(text: &str) -> Vec<u8> {
    let quoted = text.lines().nth(1).unwrap().trim_start_matches("[]byte(").trim_end_matches(')');
    let body = &quoted[1..quoted.len() - 1];
    body.replace("\\\"", "\"").replace("\\r", "\r").into_bytes()
}

#[test]
fn the_fuzz_corpus_is_refused_without_panic() {
    let Some(folder) = vectors("cosmos/ics23_testdata/go/testdata/fuzz") else { return };
    let mut tally = Tally::new("ics23_testdata fuzz corpus");
    for target in std::fs::read_dir(&folder).unwrap() {
        for entry in std::fs::read_dir(target.unwrap().path()).into_iter().flatten() {
            let text = std::fs::read_to_string(entry.unwrap().path()).ok().filter(|text| is_seed(text));
            if let Some(text) = text {
                refuse_seed(&text);
                tally.refuse();
            }
        }
    }
    assert!(tally.refused > 0 || !is_home());
}

/// Whether it is the seed of a Go fuzzer.
pub fn is_seed(text: &str) -> bool {
    text.starts_with("go test fuzz v1\n[]byte(")
}

/// No decoder takes the seed of a fuzzer.
///
/// # Panics
/// When one does.
pub fn refuse_seed(text: &str) {
    let seed = go_seed(text);
    assert!(CommitmentProof::decode(&seed, b"key").is_err());
    assert!(MerkleProof::decode(&seed).is_err());
    // What these JSON seeds describe: proofs without operations.
    let empty = field(1, b"");
    let nothing = CommitmentProof::decode(&[10, 0], b"").unwrap().existence(b"").unwrap();
    for spec in [IAVL, TENDERMINT] {
        assert!(nothing.root(&spec).is_err());
    }
    assert!(CommitmentProof::decode(&empty, b"").is_err());
}

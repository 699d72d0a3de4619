//! What the BNB chains' verifiers were given: the two inputs of the exploit of October 2022, and honest ones.

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::cosmos::SignedHeader;
use spandrel_verifiers::cosmos::ics23::{Membership, proof_ops, verify_membership};

use crate::support::{Tally, read_json, vectors};

fn cases() -> Option<Vec<Value>> {
    let path = vectors("cosmos/bsc_dragonberry.json")?;
    read_json(&path)["cases"].as_array().cloned()
}

fn blobs(cases: &[Value], test: &str) -> Vec<(String, Vec<u8>)> {
    let of_test = cases.iter().filter(|case| case["test"] == test);
    of_test
        .map(|case| (case["var"].as_str().unwrap().to_owned(), hex::decode(case["hex"].as_str().unwrap()).unwrap()))
        .collect()
}

fn blob(cases: &[Value], test: &str, name: &str) -> Vec<u8> {
    blobs(cases, test).into_iter().find(|(found, _)| found == name).unwrap().1
}

/// Store, key, value, app hash and proof of a precompile's input.
fn input(bytes: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<u8>, B256, Vec<u8>) {
    let word = |at: usize| u64::from_be_bytes(bytes[at + 24..at + 32].try_into().unwrap()) as usize;
    let store: Vec<u8> = bytes[32..64].iter().copied().filter(|byte| *byte != 0).collect();
    let key_end = 96 + word(64);
    let value_end = key_end + 32 + word(key_end);
    let value = bytes[key_end + 32..value_end].to_vec();
    let root = B256::from_slice(&bytes[value_end..value_end + 32]);
    (store, bytes[96..key_end].to_vec(), value, root, bytes[value_end + 32..].to_vec())
}

#[test]
fn exploits_are_refused_and_honest_proofs_pass() {
    let Some(cases) = cases() else { return };
    run_proofs(&cases, &mut Tally::new("bsc_dragonberry proofs"));
}

/// Whether these are the inputs of the tests that are run here.
pub fn are_inputs(cases: &[Value]) -> bool {
    const TESTS: [&str; 6] = [
        "TestMerkleProofValidateMoran",
        "TestAbsenceMerkleProofValidateMoran",
        "TestIcs23Proof",
        "TestIcs23ProofPlato",
        "TestCometBFTLightBlockValidate",
        "TestCometBFTLightBlockValidateHertz",
    ];
    TESTS.iter().all(|test| !blobs(cases, test).is_empty())
}

/// Proofs, forged and honest.
pub fn run_proofs(cases: &[Value], tally: &mut Tally) {
    let forged = [
        ("TestMerkleProofValidateMoran", "bytest1"),
        ("TestMerkleProofValidateMoran", "bytest2"),
        ("TestAbsenceMerkleProofValidateMoran", "bytest"),
    ];
    for (test, name) in forged {
        let (store, key, value, root, proof) = input(&blob(cases, test, name));
        assert!(proof_ops(&proof, &store, &key).is_err());
        let claim = Membership { root, store: &store, key: &key, value: &value, proof: &proof };
        assert!(verify_membership(&claim).is_err(), "{name}");
        tally.refuse();
    }
    for test in ["TestIcs23Proof", "TestIcs23ProofPlato"] {
        let part = |name: &str| blob(cases, test, name);
        let (root, key, value, ops) = (part("appHash"), part("key"), part("value"), part("proofBytes"));
        let root = B256::from_slice(&root);
        let proof = proof_ops(&ops, b"ibc", &key).unwrap().encode();
        let claim = Membership { root, store: b"ibc", key: &key, value: &value, proof: &proof };
        verify_membership(&claim).unwrap();
        tally.pass();
        assert!(verify_membership(&Membership { value: b"blowt", ..claim }).is_err());
        tally.refuse();
    }
    let amino = blobs(cases, "TestTmHeaderValidateAndMerkleProofValidate");
    amino.iter().for_each(|_| tally.skip("amino of Tendermint 0.31: header fields and votes of another protocol"));
    let recover = blobs(cases, "TestSecp256k1SignatureRecover");
    recover.iter().for_each(|_| tally.skip("signatures over hashes of another precompile"));
}

/// Greenfield's headers have a field that CometBFT's have not. It is refused, not passed over.
#[test]
fn greenfield_headers_are_of_another_protocol() {
    let Some(cases) = cases() else { return };
    run_light_blocks(&cases, &mut Tally::new("bsc_dragonberry light blocks"));
}

/// Light blocks, which are refused.
pub fn run_light_blocks(cases: &[Value], tally: &mut Tally) {
    for test in ["TestCometBFTLightBlockValidate", "TestCometBFTLightBlockValidateHertz"] {
        let bytes = blob(cases, test, "inputStr");
        let length = u64::from_be_bytes(bytes[24..32].try_into().unwrap()) as usize;
        let block = &bytes[32 + length..];
        let error = SignedHeader::decode(first_message(block)).unwrap_err();
        assert_eq!((error.field.as_str(), error.found.starts_with("field 15")), ("header", true), "{error}");
        tally.refuse();
    }
}

/// The content of a message's first field.
fn first_message(bytes: &[u8]) -> &[u8] {
    let (mut length, mut at) = (0_usize, 1);
    for (index, byte) in bytes[1..].iter().enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    &bytes[at..at + length]
}

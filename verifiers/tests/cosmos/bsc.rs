//! What the BNB chains' verifiers were given: the two inputs of the exploit of October 2022, and honest ones.

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::cosmos::ics23::{Membership, proof_ops, verify_membership};
use spandrel_verifiers::cosmos::{
    ClientHeader, ConsensusState, KeyTables, Outcome, PublicKey, SignedHeader, Timestamp, Validator, ValidatorSet,
    revision, verify_header,
};

use crate::support::{Tally, params, read_json, vectors};

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
#[ignore = "open: see docs/known-weaknesses.md"]
fn exploits_are_refused_and_honest_proofs_pass() {
    let Some(cases) = cases() else { return };
    let mut tally = Tally::new("bsc_dragonberry proofs");
    let forged = [
        ("TestMerkleProofValidateMoran", "bytest1"),
        ("TestMerkleProofValidateMoran", "bytest2"),
        ("TestAbsenceMerkleProofValidateMoran", "bytest"),
    ];
    for (test, name) in forged {
        let (store, key, value, root, proof) = input(&blob(&cases, test, name));
        assert!(proof_ops(&proof, &store, &key).is_err());
        let claim = Membership { root, store: &store, key: &key, value: &value, proof: &proof };
        assert!(verify_membership(&claim).is_err(), "{name}");
        tally.refuse();
    }
    for test in ["TestIcs23Proof", "TestIcs23ProofPlato"] {
        let part = |name: &str| blob(&cases, test, name);
        let (root, key, value, ops) = (part("appHash"), part("key"), part("value"), part("proofBytes"));
        let root = B256::from_slice(&root);
        let proof = proof_ops(&ops, b"ibc", &key).unwrap().encode();
        let claim = Membership { root, store: b"ibc", key: &key, value: &value, proof: &proof };
        verify_membership(&claim).unwrap();
        tally.pass();
        assert!(verify_membership(&Membership { value: b"blowt", ..claim }).is_err());
        tally.refuse();
    }
    let amino = blobs(&cases, "TestTmHeaderValidateAndMerkleProofValidate");
    amino.iter().for_each(|_| tally.skip("amino of Tendermint 0.31: header fields and votes of another protocol"));
    let recover = blobs(&cases, "TestSecp256k1SignatureRecover");
    recover.iter().for_each(|_| tally.skip("signatures over hashes of another precompile"));
}

#[test]
#[ignore = "open: see docs/known-weaknesses.md"]
fn a_greenfield_light_block_is_verified() {
    let Some(cases) = cases() else { return };
    let mut tally = Tally::new("bsc_dragonberry light blocks");
    for test in ["TestCometBFTLightBlockValidate", "TestCometBFTLightBlockValidateHertz"] {
        let bytes = blob(&cases, test, "inputStr");
        let length = u64::from_be_bytes(bytes[24..32].try_into().unwrap()) as usize;
        let (trusted, block) = bytes[32..].split_at(length);
        let chain_id = String::from_utf8(trusted[..32].iter().copied().filter(|byte| *byte != 0).collect()).unwrap();
        let height = u64::from_be_bytes(trusted[32..40].try_into().unwrap());
        let next_validators_hash = B256::from_slice(&trusted[40..72]);
        let validators: Vec<Validator> = trusted[72..]
            .chunks_exact(32 + 8 + 20 + 48)
            .map(|entry| {
                let power = u64::from_be_bytes(entry[32..40].try_into().unwrap());
                Validator::new(PublicKey::Ed25519(entry[..32].try_into().unwrap()), power)
            })
            .collect();
        let set = ValidatorSet::new(validators).unwrap();
        let signed = match SignedHeader::decode(first_message(block)) {
            Ok(signed) => signed,
            Err(error) => {
                assert_eq!((error.field.as_str(), error.found.as_str()), ("header", "field 15"));
                tally.skip("a header of Greenfield's own, with a field that CometBFT's has not");
                continue;
            }
        };
        assert_eq!(signed.header.chain_id, chain_id);
        if set.hash() != next_validators_hash {
            tally.skip("a validator hash that covers Greenfield's own fields");
            continue;
        }
        let before = ConsensusState {
            height,
            hash: B256::ZERO,
            time: Timestamp::new(signed.header.time.seconds() - 1, 0).unwrap(),
            app_hash: vec![0; 32].into(),
            next_validators_hash,
        };
        let header = ClientHeader {
            revision: revision(&chain_id),
            trusted_height: height,
            validators: set.clone(),
            trusted_validators: set,
            signed_header: signed.clone(),
        };
        let now = signed.header.time.unix_seconds() + 1;
        let outcome = verify_header(&params(&chain_id, 1_000), &before, &header, now, &KeyTables::new()).unwrap();
        assert!(matches!(outcome, Outcome::Verified(_)));
        tally.pass();
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

//! ed25519 by ZIP-215: the edge cases on which libraries differ, single and in batches.

use alloy_primitives::FixedBytes;
use ed25519_zebra::{Signature, VerificationKey};
use serde_json::Value;
use spandrel_verifiers::cosmos::{PublicKey, verify_signature};

use crate::support::{Tally, read_json, vectors};

struct Case {
    key: [u8; 32],
    message: Vec<u8>,
    signature: [u8; 64],
}

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn case(value: &Value, key: &str, message: &str, signature: &str) -> Case {
    Case {
        key: unhex(&value[key]).try_into().unwrap(),
        message: unhex(&value[message]),
        signature: unhex(&value[signature]).try_into().unwrap(),
    }
}

fn ours(case: &Case) -> bool {
    verify_signature(&PublicKey::Ed25519(case.key), &case.message, &FixedBytes(case.signature))
}

fn zebra(case: &Case) -> bool {
    VerificationKey::try_from(case.key)
        .is_ok_and(|key| key.verify(&Signature::from(case.signature), &case.message).is_ok())
}

#[test]
fn small_order_keys_and_commitments() {
    let Some(path) = vectors("crypto/zip215_small_order.json") else { return };
    let mut tally = Tally::new("zip215_small_order");
    for value in read_json(&path).as_array().unwrap() {
        let case = case(value, "vk", "msg", "sig");
        assert_eq!(ours(&case), value["zip215"].as_bool().unwrap());
        assert_eq!(ours(&case), zebra(&case));
        tally.pass();
    }
    assert!(tally.passed == 196);
}

#[test]
fn speccheck_cases_by_zip_215() {
    let Some(path) = vectors("crypto/ed25519_speccheck/cases.json") else { return };
    let mut tally = Tally::new("ed25519_speccheck");
    // ZIP-215: cofactored, small orders and encodings that are not reduced allowed in A and R (0 to 5, 9 to 11, where
    // the equation holds); S must be reduced (6 and 7 are not), and the cofactorless-only case 8 fails.
    let cases = read_json(&path);
    let verdicts: Vec<bool> = cases
        .as_array()
        .unwrap()
        .iter()
        .map(|value| {
            let case = case(value, "pub_key", "message", "signature");
            assert_eq!(ours(&case), zebra(&case));
            ours(&case)
        })
        .collect();
    println!("ed25519_speccheck by ZIP-215: {verdicts:?}");
    for (index, verdict) in verdicts.iter().enumerate() {
        let expected = !matches!(index, 6..=8);
        assert_eq!(*verdict, expected, "case {index}");
        if *verdict { tally.pass() } else { tally.refuse() }
    }
}

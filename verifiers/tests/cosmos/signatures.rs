//! Signatures of votes. ed25519 by ZIP-215: the edge cases on which libraries differ. secp256k1 beside `k256`, another
//! implementation than the one that is used, and never with a high S (CometBFT `crypto/secp256k1`).

use alloy_primitives::{FixedBytes, U256, uint};
use ed25519_zebra::{Signature, VerificationKey};
use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::signature::{Signer, Verifier};
use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use spandrel_verifiers::cosmos::{PublicKey, verify_signature};

use crate::support::{Tally, read_json, vectors};
use crate::vector_coverage::is_home;

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

/// Judges cases that say what ZIP-215 makes of them.
pub fn run_zip215(cases: &Value, tally: &mut Tally) {
    for value in cases.as_array().unwrap() {
        let case = case(value, "vk", "msg", "sig");
        assert_eq!(ours(&case), value["zip215"].as_bool().unwrap());
        assert_eq!(ours(&case), zebra(&case));
        tally.pass();
    }
}

#[test]
fn small_order_keys_and_commitments() {
    let Some(path) = vectors("crypto/zip215_small_order.json") else { return };
    let mut tally = Tally::new("zip215_small_order");
    run_zip215(&read_json(&path), &mut tally);
    assert!(tally.passed == 196 || !is_home());
}

/// Judges cases that say nothing of ZIP-215 as the peer does.
pub fn run_unjudged(cases: &Value, tally: &mut Tally) -> Vec<bool> {
    let cases = cases.as_array().unwrap().iter().map(|value| case(value, "pub_key", "message", "signature"));
    let verdict = |case: Case| {
        let verdict = ours(&case);
        assert_eq!(verdict, zebra(&case));
        if verdict {
            tally.pass()
        } else {
            tally.refuse()
        }
        verdict
    };
    cases.map(verdict).collect()
}

#[test]
fn speccheck_cases_by_zip_215() {
    let Some(path) = vectors("crypto/ed25519_speccheck/cases.json") else { return };
    let mut tally = Tally::new("ed25519_speccheck");
    // ZIP-215: cofactored, small orders and encodings that are not reduced allowed in A and R (0 to 5, 9 to 11, where
    // the equation holds); S must be reduced (6 and 7 are not), and the cofactorless-only case 8 fails.
    let verdicts = run_unjudged(&read_json(&path), &mut tally);
    println!("ed25519_speccheck by ZIP-215: {verdicts:?}");
    let expected: Vec<bool> = (0..12).map(|index| !matches!(index, 6..=8)).collect();
    assert!(verdicts == expected || !is_home());
}

/// Judges wycheproof's groups of ed25519 signatures: what is valid passes, and all is judged as by the peer.
pub fn run_ed25519(file: &Value, tally: &mut Tally) {
    for group in file["testGroups"].as_array().unwrap() {
        let key: [u8; 32] = unhex(&group["publicKey"]["pk"]).try_into().unwrap();
        for test in group["tests"].as_array().unwrap() {
            let Ok(signature) = <[u8; 64]>::try_from(unhex(&test["sig"])) else {
                tally.skip("signatures of another length than 64 bytes, which have no type");
                continue;
            };
            let case = Case { key, message: unhex(&test["msg"]), signature };
            assert_eq!(ours(&case), zebra(&case), "{}", test["tcId"]);
            assert!(ours(&case) || test["result"] != "valid", "{}", test["tcId"]);
            if ours(&case) { tally.pass() } else { tally.refuse() }
        }
    }
}

#[test]
fn ed25519_signatures_of_wycheproof_by_zip_215() {
    let Some(path) = vectors("crypto/wycheproof/testvectors_v1/ed25519_test.json") else { return };
    run_ed25519(&read_json(&path), &mut Tally::new("wycheproof ed25519 by ZIP-215"));
}

/// Order of the group of secp256k1 (SEC 2, 2.4.1).
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

fn ours_secp256k1(key: &[u8; 33], message: &[u8], signature: [u8; 64]) -> bool {
    verify_signature(&PublicKey::Secp256k1(FixedBytes(*key)), message, &FixedBytes(signature))
}

/// The peer reads keys in the compact form of SEC 1 as well, whose tag is 5: a second encoding of half of all keys,
/// which CometBFT's library does not know.
fn peer_secp256k1(key: &[u8; 33], message: &[u8], signature: [u8; 64]) -> bool {
    key[0] != 5 && peer_of_any_form(key, message, signature)
}

fn peer_of_any_form(key: &[u8; 33], message: &[u8], signature: [u8; 64]) -> bool {
    let Ok(key) = k256::ecdsa::VerifyingKey::from_sec1_bytes(key) else { return false };
    let Ok(signature) = k256::ecdsa::Signature::from_slice(&signature) else { return false };
    let by_hash = key.verify_prehash(&Sha256::digest(message), &signature).is_ok();
    assert_eq!(by_hash, key.verify(message, &signature).is_ok());
    by_hash
}

/// The same R with `ORDER - S`: as good an ECDSA signature, and another encoding of the same vote.
fn twin(signature: [u8; 64]) -> [u8; 64] {
    let mut twin = signature;
    let s = U256::from_be_slice(&signature[32..]);
    twin[32..].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
    twin
}

/// The 64 bytes that a signature in strict DER says; R and S that are no scalars come out as zero, and never verify.
fn of_der(bytes: &[u8]) -> Option<[u8; 64]> {
    bitcoin::secp256k1::ecdsa::Signature::from_der(bytes).ok().map(|signature| signature.serialize_compact())
}

/// How a file writes its signatures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// R and S, as chains do.
    Bytes,
    /// In DER; what is none is refused.
    Der,
}

/// Judges wycheproof's groups of signatures by secp256k1 over SHA-256; how many twins with a low S pass.
pub fn run_secp256k1(file: &Value, written: Written, tally: &mut Tally) -> usize {
    let mut twins = 0;
    for group in file["testGroups"].as_array().unwrap() {
        let point = unhex(&group["publicKey"]["uncompressed"]);
        let key = k256::ecdsa::VerifyingKey::from_sec1_bytes(&point).unwrap();
        let key: [u8; 33] = key.to_encoded_point(true).as_bytes().try_into().unwrap();
        for test in group["tests"].as_array().unwrap() {
            let bytes = unhex(&test["sig"]);
            let signature = match written {
                Written::Bytes => bytes.try_into().ok(),
                Written::Der => of_der(&bytes),
            };
            let Some(signature) = signature else {
                match written {
                    Written::Bytes => tally.skip("signatures of another length than 64 bytes, which have no type"),
                    Written::Der => {
                        assert_eq!(test["result"], "invalid", "{}: {}", test["tcId"], test["flags"]);
                        tally.refuse();
                    }
                }
                continue;
            };
            let message = unhex(&test["msg"]);
            let is_low = U256::from_be_slice(&signature[32..]) <= ORDER >> 1;
            let expected = test["result"] == "valid" && is_low;
            assert_eq!(ours_secp256k1(&key, &message, signature), expected, "{}", test["tcId"]);
            assert_eq!(peer_secp256k1(&key, &message, signature), expected, "{}", test["tcId"]);
            if expected {
                tally.pass()
            } else {
                tally.refuse()
            }
            if test["result"] == "valid" && !is_low {
                assert!(ours_secp256k1(&key, &message, twin(signature)), "{}", test["tcId"]);
                twins += 1;
            }
        }
    }
    twins
}

#[test]
fn secp256k1_signatures_of_wycheproof_pass_with_a_low_s_only() {
    let Some(path) = vectors("crypto/wycheproof/testvectors_v1/ecdsa_secp256k1_sha256_p1363_test.json") else { return };
    let mut tally = Tally::new("wycheproof secp256k1");
    let twins = run_secp256k1(&read_json(&path), Written::Bytes, &mut tally);
    println!("{twins} valid but for their high S: refused, and their twins pass");
    assert!((tally.passed >= 90 && tally.refused >= 130 && twins >= 70) || !is_home());
}

/// No chain sends DER: what it says is judged as the 64 bytes, and what is not strictly DER says nothing.
#[test]
fn secp256k1_signatures_of_wycheproof_in_der_are_judged_as_the_bytes_they_say() {
    for file in ["ecdsa_secp256k1_sha256_test.json", "ecdsa_secp256k1_sha256_bitcoin_test.json"] {
        let Some(path) = vectors(&format!("crypto/wycheproof/testvectors_v1/{file}")) else { return };
        let mut tally = Tally::new(file);
        let twins = run_secp256k1(&read_json(&path), Written::Der, &mut tally);
        println!("{file}: {twins} valid but for their high S: refused, and their twins pass");
        assert!((tally.passed >= 90 && tally.refused >= 250) || !is_home());
    }
}

#[test]
fn a_key_in_the_compact_form_is_none() {
    let mut taken = 0;
    for secret in 1..=16_u8 {
        let secret = k256::ecdsa::SigningKey::from_slice(&U256::from(secret).to_be_bytes::<32>()).unwrap();
        let mut key: [u8; 33] = secret.verifying_key().to_encoded_point(true).as_bytes().try_into().unwrap();
        let signed: k256::ecdsa::Signature = secret.sign(b"vote");
        let signature: [u8; 64] = signed.to_bytes().into();
        assert!(ours_secp256k1(&key, b"vote", signature) && peer_secp256k1(&key, b"vote", signature));
        key[0] = 5;
        assert!(!ours_secp256k1(&key, b"vote", signature));
        taken += usize::from(peer_of_any_form(&key, b"vote", signature));
    }
    assert!((1..16).contains(&taken), "{taken}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Key, message or signature changed in any way: the verdict is that of `k256`, and the twin is never taken.
    #[test]
    fn secp256k1_verdicts_are_those_of_k256(
        secret in 1..=u128::MAX, message in prop::collection::vec(any::<u8>(), 0..120),
        what in 0..6_usize, place in any::<prop::sample::Index>(), mask in 1..=255_u8,
    ) {
        let secret = k256::ecdsa::SigningKey::from_slice(&U256::from(secret).to_be_bytes::<32>()).unwrap();
        let mut key: [u8; 33] = secret.verifying_key().to_encoded_point(true).as_bytes().try_into().unwrap();
        let signed: k256::ecdsa::Signature = secret.sign(&message);
        let mut signature: [u8; 64] = signed.to_bytes().into();
        prop_assert!(ours_secp256k1(&key, &message, signature));
        prop_assert!(!ours_secp256k1(&key, &message, twin(signature)));
        let mut message = message;
        match what {
            0 => signature[place.index(64)] ^= mask,
            1 => key[place.index(33)] ^= mask,
            2 => message.push(mask),
            3 => signature[..32].fill(0),
            4 => signature[32..].copy_from_slice(&(ORDER - U256::from(mask - 1)).to_be_bytes::<32>()),
            _ => signature[..32].copy_from_slice(&(ORDER + U256::from(mask)).to_be_bytes::<32>()),
        }
        let verdict = ours_secp256k1(&key, &message, signature);
        prop_assert_eq!(verdict, peer_secp256k1(&key, &message, signature));
        prop_assert!(!verdict);
    }
}

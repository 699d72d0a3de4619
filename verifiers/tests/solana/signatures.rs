//! Signatures: our verdict is that of ed25519-dalek's `verify_strict`, for every input anybody made or mutated.

use alloy_primitives::B256;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use proptest::prelude::*;
use serde_json::Value;
use spandrel_verifiers::solana::{Signed, VoterKey, verify_strict, verify_strict_each};

use super::corpus::{Kind, of_kind};
use super::maker::key;
use super::support::{Tally, files, json, unhex};

/// A signature with its verdict by someone else, if there is one.
struct Case {
    key: B256,
    message: Vec<u8>,
    signature: [u8; 64],
    expected: Option<bool>,
}

fn dalek(key: B256, message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// Checks all cases one by one, as one batch, and with each one's bits flipped.
fn compare(suite: &'static str, cases: &[Case]) {
    let mut tally = Tally::new(suite);
    let keys: Vec<VoterKey> = cases.iter().map(|case| VoterKey::new(case.key)).collect();
    let signed = |(case, key)| {
        let Case { message, signature, .. }: &Case = case;
        Signed { key, message, signature }
    };
    let batch: Vec<Signed<'_>> = cases.iter().zip(&keys).map(signed).collect();
    let verdicts = verify_strict_each(&batch);
    assert_eq!(verdicts.len(), cases.len());
    for (place, ((case, key), verdict)) in cases.iter().zip(&keys).zip(verdicts).enumerate() {
        let Case { message, signature, .. } = case;
        let peer = dalek(case.key, message, signature);
        assert_eq!(verdict, peer, "{suite} {place}");
        assert_eq!(key.verify_strict(message, signature), peer, "{suite} {place}");
        assert_eq!(verify_strict(&case.key, message, signature), peer, "{suite} {place}");
        assert!(case.expected.is_none_or(|expected| expected == peer), "{suite} {place}");
        if peer {
            tally.passed += 1
        } else {
            tally.refused += 1
        }
        for bit in [0, 7, 100, 255, 256, 300, 504, 509, 511] {
            let mut other = *signature;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                key.verify_strict(message, &other),
                dalek(case.key, message, &other),
                "{suite} {place} bit {bit}"
            );
        }
        for byte in [0, 31] {
            let mut other = case.key;
            other.0[byte] ^= 0x80;
            let peer = dalek(other, message, signature);
            assert_eq!(VoterKey::new(other).verify_strict(message, signature), peer, "{suite} {place} key {byte}");
        }
    }
}

fn case(key: &Value, message: &Value, signature: &Value, expected: Option<bool>) -> Option<Case> {
    let signature = unhex(signature).try_into().ok()?;
    Some(Case { key: B256::try_from(unhex(key).as_slice()).ok()?, message: unhex(message), signature, expected })
}

#[test]
fn wycheproof_as_dalek_does() {
    for (_, bytes) in files("crypto/wycheproof", "ed25519_test.json") {
        let (mut cases, mut short) = (Vec::new(), Tally::new("wycheproof ed25519, of another length"));
        for group in json(&bytes)["testGroups"].as_array().unwrap() {
            for test in group["tests"].as_array().unwrap() {
                let is_valid = test["result"] == "valid";
                match case(&group["publicKey"]["pk"], &test["msg"], &test["sig"], Some(is_valid)) {
                    Some(case) => cases.push(case),
                    // Not 64 bytes: there is no such signature here.
                    None => {
                        assert!(!is_valid);
                        short.refused += 1;
                    }
                }
            }
        }
        compare("wycheproof ed25519", &cases);
    }
}

#[test]
fn speccheck_as_dalek_does() {
    for (_, bytes) in files("crypto/ed25519_speccheck", "cases.json") {
        let file = json(&bytes);
        let cases: Vec<Case> = file
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|test| case(&test["pub_key"], &test["message"], &test["signature"], None))
            .collect();
        compare("ed25519_speccheck", &cases);
    }
}

#[test]
fn small_order_signatures_are_all_refused() {
    for (_, bytes) in files("crypto", "zip215_small_order.json") {
        let file = json(&bytes);
        let cases: Vec<Case> = file
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|test| case(&test["vk"], &test["msg"], &test["sig"], test["dalek_verify_strict"].as_bool()))
            .collect();
        compare("zip215 small order", &cases);
    }
}

/// 64 bytes of signature and 32 of key each, over `Zcash`: all of a set are to pass, or all to fail.
#[test]
fn malleability_sets_as_dalek_does() {
    for (_, bytes) in of_kind(Kind::Signatures) {
        let (records, _) = bytes.as_chunks::<96>();
        let case = |record: &[u8; 96]| Case {
            key: B256::from_slice(&record[64..]),
            message: b"Zcash".to_vec(),
            signature: record[..64].try_into().unwrap(),
            expected: None,
        };
        let mut cases: Vec<Case> = records.iter().map(case).collect();
        let pass = dalek(cases[0].key, &cases[0].message, &cases[0].signature);
        cases.iter_mut().for_each(|case| case.expected = Some(pass));
        compare(if pass { "malleability, to pass" } else { "malleability, to fail" }, &cases);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn honest_and_mutated_signatures_as_dalek_does(
        seed: u64,
        message in prop::collection::vec(any::<u8>(), 0..400),
        flip in any::<prop::sample::Index>(),
        what in 0_u8..4,
    ) {
        let signer = key(&seed.to_string());
        let mut signature = signer.sign(&message).to_bytes();
        let mut public = signer.verifying_key().to_bytes();
        let mut signed = message.clone();
        match what {
            0 => signature[flip.index(64)] ^= 1 << (seed % 8),
            1 => public[flip.index(32)] ^= 1 << (seed % 8),
            2 => signed.push(0),
            _ => {}
        }
        let verdict = VoterKey::new(B256::new(public)).verify_strict(&signed, &signature);
        prop_assert_eq!(verdict, dalek(B256::new(public), &signed, &signature));
        prop_assert_eq!(verdict, what == 3);
    }

    #[test]
    fn arbitrary_bytes_as_dalek_does(public: [u8; 32], r: [u8; 32], s: [u8; 32], message: [u8; 8]) {
        let signature: [u8; 64] = [r, s].concat().try_into().unwrap();
        let verdict = VoterKey::new(B256::new(public)).verify_strict(&message, &signature);
        prop_assert_eq!(verdict, dalek(B256::new(public), &message, &signature));
    }
}

/// Four signatures go at once where the processor can; each place among them, full or not, is judged alone.
#[test]
fn bad_signatures_in_any_place_of_groups_of_any_size_are_the_ones_refused() {
    let signers: Vec<_> = (0..9).map(|n| key(&n.to_string())).collect();
    let keys: Vec<B256> = signers.iter().map(|signer| B256::new(signer.verifying_key().to_bytes())).collect();
    let keys = VoterKey::each(&keys);
    let honest: Vec<[u8; 64]> = signers.iter().map(|signer| signer.sign(b"vote").to_bytes()).collect();
    for count in 0..=9_usize {
        for bad in 0..1_u32 << count {
            let is_bad = |place: usize| bad >> place & 1 == 1;
            let mut signatures = honest.clone();
            (0..count).filter(|place| is_bad(*place)).for_each(|place| signatures[place][count] ^= 1);
            let signed = keys.iter().zip(&signatures).take(count);
            let signed: Vec<Signed<'_>> =
                signed.map(|(key, signature)| Signed { key, message: b"vote", signature }).collect();
            let expected: Vec<bool> = (0..count).map(|place| !is_bad(place)).collect();
            assert_eq!(verify_strict_each(&signed), expected, "{count} {bad:b}");
        }
    }
}

/// A signer who adds a point of small order to its key or its nonce: a sum of equations times random scalars takes some
/// of these, a check with a cofactor takes all of them. `verify_strict` takes exactly those whose equation holds.
#[test]
fn torsion_components_are_judged_as_dalek_does() {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::edwards::EdwardsPoint;
    use curve25519_dalek::scalar::Scalar;
    use sha2::{Digest, Sha512};

    let mut cases = Vec::new();
    for (place, torsion) in EIGHT_TORSION.iter().enumerate() {
        for nonce_torsion in EIGHT_TORSION {
            for attempt in 0..8_u64 {
                let secret = Scalar::from(1_000 + place as u64);
                let nonce = Scalar::from(77 + attempt);
                let public = (EdwardsPoint::mul_base(&secret) + torsion).compress();
                let r = (EdwardsPoint::mul_base(&nonce) + nonce_torsion).compress();
                let hash = Sha512::new().chain_update(r.as_bytes()).chain_update(public.as_bytes()).chain_update(b"m");
                let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
                let s = nonce + k * secret;
                let signature = [r.to_bytes(), s.to_bytes()].concat().try_into().unwrap();
                cases.push(Case {
                    key: B256::new(public.to_bytes()),
                    message: b"m".to_vec(),
                    signature,
                    expected: None,
                });
            }
        }
    }
    compare("torsion", &cases);
    let honest = |case: &Case| dalek(case.key, &case.message, &case.signature);
    let taken = cases.iter().filter(|case| honest(case)).count();
    assert!(taken > 8 && taken < cases.len() / 2, "{taken} of {}", cases.len());
}

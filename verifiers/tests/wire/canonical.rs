//! No two byte strings mean the same evidence, and no changed one means a deposit that the honest one proves.

use alloy_primitives::Bytes;
use proptest::prelude::*;
use spandrel_verifiers::wire::MAX_EVIDENCE;
use spandrel_verifiers::{ErrorKind, Evidence};

use crate::arbitrary;
use crate::bitcoin_deposits::Scene;

proptest! {
    #[test]
    fn evidence_goes_through_bytes_and_json_unchanged(evidence in arbitrary::evidence()) {
        let bytes = evidence.to_bytes();
        prop_assert_eq!(&Evidence::from_bytes(&bytes).unwrap(), &evidence);
        let json = serde_json::to_string(&evidence).unwrap();
        let from_json: Evidence = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(from_json.to_bytes(), bytes);
    }

    #[test]
    fn whatever_is_read_is_written_again_byte_for_byte(
        evidence in arbitrary::evidence(),
        place in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 0..4),
        taken in 0_usize..4,
    ) {
        let mut bytes = evidence.to_bytes();
        let start = place.index(bytes.len());
        let end = bytes.len().min(start + taken);
        bytes.splice(start..end, with);
        if let Ok(read) = Evidence::from_bytes(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_flipped_bit_is_refused_or_means_something_else(
        evidence in arbitrary::evidence(),
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let mut bytes = evidence.to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        match Evidence::from_bytes(&bytes) {
            Ok(read) => {
                prop_assert_ne!(&read, &evidence);
                prop_assert_eq!(read.to_bytes(), bytes);
            }
            Err(error) => prop_assert_eq!(error.kind, ErrorKind::Malformed),
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_as_themselves_or_not_at_all(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = Evidence::from_bytes(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }
}

/// Every bit of a deposit's evidence: none can be changed without a refusal.
#[test]
fn no_flipped_bit_of_a_real_deposits_evidence_verifies() {
    let scene = Scene::new(6);
    let bytes = Evidence::from(scene.evidence.clone()).to_bytes();
    let (mut unread, mut unproven) = (0, 0);
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            match Evidence::from_bytes(&flipped) {
                Ok(Evidence::Bitcoin(inclusion)) => {
                    scene.verify(&inclusion).unwrap_err();
                    unproven += 1;
                }
                Ok(other) => panic!("byte {place} bit {bit}: {}", other.kind()),
                Err(_) => unread += 1,
            }
        }
    }
    println!("{} flipped bits: {unread} do not decode, {unproven} do not verify", unread + unproven);
    assert!(unread > 100 && unproven > 1000);
}

#[test]
fn every_prefix_and_every_appended_byte_is_refused() {
    let bytes = Evidence::from(Scene::new(6).evidence).to_bytes();
    for length in 0..bytes.len() {
        assert!(Evidence::from_bytes(&bytes[..length]).is_err(), "cut after {length}");
    }
    for byte in 0..=u8::MAX {
        assert!(Evidence::from_bytes(&[&bytes[..], &[byte]].concat()).is_err(), "followed by {byte}");
    }
}

#[test]
fn limits_hold_before_anything_else_is_looked_at() {
    let refused = |change: &dyn Fn(&mut spandrel_verifiers::bitcoin::Inclusion)| {
        let mut inclusion = Scene::new(6).evidence;
        change(&mut inclusion);
        Evidence::from_bytes(&Evidence::from(inclusion).to_bytes()).unwrap_err().field
    };
    let zeros = |length: usize| Bytes::from(vec![0; length]);
    assert_eq!(refused(&|inclusion| inclusion.header = zeros(79)), "header");
    assert_eq!(refused(&|inclusion| inclusion.header = zeros(81)), "header");
    assert_eq!(refused(&|inclusion| inclusion.transaction = zeros(400_001)), "transaction");
    assert_eq!(refused(&|inclusion| inclusion.coinbase = zeros(400_001)), "coinbase");
    assert_eq!(refused(&|inclusion| inclusion.path = vec![Default::default(); 16]), "path");
    assert_eq!(refused(&|inclusion| inclusion.coinbase_path = vec![Default::default(); 16]), "coinbase_path");
    let error = Evidence::from_bytes(&vec![0; MAX_EVIDENCE + 1]).unwrap_err();
    assert_eq!((error.field.as_str(), error.found), ("evidence", (MAX_EVIDENCE + 1).to_string()));
}

#[test]
fn only_the_known_version_and_one_known_chain_are_read() {
    let bytes = Evidence::from(Scene::new(6).evidence).to_bytes();
    assert_eq!(bytes[..2], [0x08, 1]);
    let refused = |bytes: &[u8]| Evidence::from_bytes(bytes).unwrap_err().field;
    assert_eq!(refused(&[&[0x08, 2], &bytes[2..]].concat()), "version");
    assert_eq!(refused(&bytes[2..]), "version");
    assert_eq!(refused(&[]), "version");
    assert_eq!(refused(&bytes[..2]), "chain");
    assert_eq!(refused(&[&bytes[..2], &[0x7a, 0]].concat()), "chain");
    assert_eq!(refused(&[&bytes[..], &[0x1a, 0]].concat()), "field 3", "two chains");
}

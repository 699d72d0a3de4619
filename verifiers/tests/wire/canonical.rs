//! No two byte strings mean the same evidence, and no changed one means a deposit that the honest one proves.

use alloy_primitives::{B256, Bytes, Signature, U256};
use proptest::prelude::*;
use spandrel_verifiers::solana::BlockPath;
use spandrel_verifiers::wire::MAX_EVIDENCE;
use spandrel_verifiers::{ErrorKind, Evidence, bitcoin, cosmos, ethereum, solana};

use crate::arbitrary;
use crate::bitcoin_deposits::Scene;
use crate::honest::HONEST;

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

fn zeros(length: usize) -> Bytes {
    Bytes::from(vec![0; length])
}

/// A field whose limit is told, and how it is made so long.
type Field<T> = (&'static str, usize, fn(&mut T, usize));

/// At its limit each field is read, one beyond it the field is named. Fields of evidence that is otherwise honest.
fn assert_limits<T: Clone + Into<Evidence>>(honest: &T, fields: &[Field<T>]) {
    let read = |field: fn(&mut T, usize), length: usize| {
        let mut evidence = honest.clone();
        field(&mut evidence, length);
        Evidence::from_bytes(&evidence.into().to_bytes())
    };
    for (name, limit, field) in fields {
        read(*field, *limit).unwrap_or_else(|error| panic!("{name} of {limit}: {error}"));
        let error = read(*field, limit + 1).expect_err(name);
        assert_eq!((error.field.as_str(), error.kind), (*name, ErrorKind::Malformed));
        assert!(error.expected.contains(&limit.to_string()), "{error}");
    }
}

#[test]
fn limits_hold_before_anything_else_is_looked_at() {
    let error = Evidence::from_bytes(&vec![0; MAX_EVIDENCE + 1]).unwrap_err();
    assert_eq!((error.field.as_str(), error.found), ("evidence", (MAX_EVIDENCE + 1).to_string()));
    let scene = Scene::new(6);
    for length in [79, 81] {
        let inclusion = bitcoin::Inclusion { header: zeros(length), ..scene.evidence.clone() };
        assert_eq!(Evidence::from_bytes(&Evidence::from(inclusion).to_bytes()).unwrap_err().field, "header");
    }
    assert_limits::<bitcoin::Inclusion>(
        &scene.evidence,
        &[
            ("transaction", 400_000, |evidence, length| evidence.transaction = zeros(length)),
            ("coinbase", 400_000, |evidence, length| evidence.coinbase = zeros(length)),
            ("path", 15, |evidence, length| evidence.path = vec![B256::ZERO; length]),
            ("coinbase_path", 15, |evidence, length| evidence.coinbase_path = vec![B256::ZERO; length]),
        ],
    );
}

#[test]
fn limits_of_ethereum_evidence_hold() {
    let Evidence::Ethereum(honest) = &HONEST.files[1].evidence else { panic!("the second file is Ethereum's") };
    assert_limits::<ethereum::DepositEvidence>(
        honest,
        &[
            ("finality", 16 << 10, |evidence, length| evidence.finality = Some(zeros(length))),
            ("inclusion.header", 4_096, |evidence, length| evidence.inclusion.header = zeros(length)),
            ("inclusion.account_proof", 65, |evidence, length| {
                evidence.inclusion.account_proof = vec![zeros(1); length];
            }),
            ("inclusion.storage_proof", 65, |evidence, length| {
                evidence.inclusion.storage_proof = vec![zeros(1); length];
            }),
            ("inclusion.account_proof[0]", 1_024, |evidence, length| {
                evidence.inclusion.account_proof = vec![zeros(length)];
            }),
            ("inclusion.storage_proof[1]", 1_024, |evidence, length| {
                evidence.inclusion.storage_proof = vec![zeros(1), zeros(length)];
            }),
        ],
    );
}

#[test]
fn limits_of_cosmos_evidence_hold() {
    let Evidence::Cosmos(honest) = &HONEST.files[2].evidence else { panic!("the third file is Cosmos's") };
    assert_limits::<cosmos::DepositEvidence>(
        honest,
        &[
            ("headers", 16, |evidence, length| evidence.headers = vec![zeros(1); length]),
            ("headers[0]", 4 << 20, |evidence, length| evidence.headers = vec![zeros(length)]),
            ("inclusion.packet", 320 << 10, |evidence, length| evidence.inclusion.packet = zeros(length)),
            ("inclusion.proof", 1 << 20, |evidence, length| evidence.inclusion.proof = zeros(length)),
        ],
    );
}

#[test]
fn limits_of_solana_evidence_hold() {
    let Evidence::Solana(honest) = &HONEST.files[3].evidence else { panic!("the fourth file is Solana's") };
    assert_limits::<solana::DepositEvidence>(
        honest,
        &[
            ("inclusion.shreds.before", 1_228, |evidence, length| {
                evidence.inclusion.shreds.before = Some(zeros(length));
            }),
            ("inclusion.shreds.batch", 32_768, |evidence, length| {
                evidence.inclusion.shreds.batch = vec![zeros(1); length];
            }),
            ("inclusion.shreds.batch[0]", 1_228, |evidence, length| {
                evidence.inclusion.shreds.batch = vec![zeros(length)];
            }),
            ("inclusion.shreds.block.tail", 32_768, |evidence, length| {
                evidence.inclusion.shreds.block = BlockPath::Chained { tail: vec![zeros(1); length] };
            }),
            ("inclusion.shreds.block.tail[0]", 1_228, |evidence, length| {
                evidence.inclusion.shreds.block = BlockPath::Chained { tail: vec![zeros(length)] };
            }),
            ("inclusion.shreds.block.fec_set_roots", 32_768, |evidence, length| {
                let fec_set_roots = vec![B256::ZERO; length];
                let parent_block_id = B256::ZERO;
                evidence.inclusion.shreds.block =
                    BlockPath::DoubleMerkle { parent_slot: 1, parent_block_id, fec_set_roots };
            }),
            ("inclusion.parent", 2, |evidence, length| {
                evidence.inclusion.parent = vec![zeros(1); length];
            }),
            ("inclusion.parent[0]", 1_228, |evidence, length| {
                evidence.inclusion.parent = vec![zeros(length)];
            }),
            ("execution.signatures", 256, |evidence, length| {
                evidence.execution.signatures = vec![Signature::new(U256::ONE, U256::ONE, false); length];
            }),
        ],
    );
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

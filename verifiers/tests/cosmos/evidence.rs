//! From a trusted header to a verified deposit, and everything on the way that must be refused.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use proptest::prelude::*;
use spandrel_verifiers::cosmos::{CosmosVerifier, DepositEvidence, MAX_HEADERS, Packet, Route, Status, Update};
use spandrel_verifiers::{ErrorKind, Evidence, LanePreference, Verifier};

use crate::chain::{CHAIN, START, block_of, header};
use crate::scene::{NOW, Scene, TRUSTING, packet, params, route, scene};

#[test]
fn a_packet_under_a_verified_header_is_the_deposit_it_says() {
    let scene = scene();
    let evidence = scene.evidence(5);
    let verified = scene.verifier.verify(&scene.trusted, &evidence, NOW).unwrap();
    let deposit = verified.fact();
    assert_eq!(deposit.source_chain.as_str(), "cosmos:spandrel-7");
    assert_eq!(deposit.source_bridge, keccak256("08-wasm-12"));
    assert_eq!(deposit.source_key, evidence.inclusion.source_key().unwrap());
    assert_eq!(deposit.source_key, keccak256([&b"08-wasm-12\x01"[..], &5_u64.to_be_bytes()].concat()));
    assert_eq!((deposit.amount, deposit.lane), (U256::from(5_000), LanePreference::Any));
    assert_eq!(deposit.recipient, B256::left_padding_from(&[0xab; 20]));
    assert_eq!(deposit.sender, keccak256("cosmos:spandrel-7:cosmos1q"));
    assert_eq!(deposit.expiry, START + 4_999, "from the timeout on it can be taken back");
    assert_eq!((verified.under().height, verified.under().root), (10, scene.app.app_hash()));
    assert_eq!(verified.under().time, START + 100);
    let json = serde_json::to_string(&evidence).unwrap();
    assert_eq!(serde_json::from_str::<DepositEvidence>(&json).unwrap(), evidence);
}

#[test]
fn a_height_that_is_trusted_needs_no_header() {
    let scene = scene();
    let mut trusted = scene.trusted.clone();
    let bare = DepositEvidence { headers: Vec::new(), inclusion: scene.inclusion(1) };
    let early = scene.verifier.verify(&trusted, &bare, NOW).unwrap_err();
    assert_eq!((early.field.as_str(), early.kind), ("inclusion.height", ErrorKind::NotYet));
    scene.verifier.advance(&mut trusted, &Update::Header(scene.header(10)), NOW).unwrap();
    scene.verifier.verify(&trusted, &bare, NOW).unwrap();
    scene.verifier.verify(&trusted, &scene.evidence(1), NOW).unwrap();
}

#[test]
fn trust_that_ran_out_is_a_state() {
    let scene = scene();
    let late = START + 30 + TRUSTING + 1;
    assert_eq!(scene.trusted.status(scene.verifier.params(), NOW), Status::Active);
    assert_eq!(scene.trusted.status(scene.verifier.params(), late), Status::Expired);
    let error = scene.verifier.verify(&scene.trusted, &scene.evidence(1), late).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Expired);
    let mut trusted = scene.trusted.clone();
    let error = scene.verifier.advance(&mut trusted, &Update::Header(scene.header(10)), late).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Expired);
    assert_eq!(trusted, scene.trusted);
}

#[test]
fn what_is_paid_is_what_was_committed() {
    let scene = scene();
    let refused = |field: &str, edit: &dyn Fn(&mut Packet)| {
        let mut evidence = scene.evidence(5);
        let mut packet = packet(5);
        edit(&mut packet);
        evidence.inclusion.packet = packet.encode().into();
        let error = scene.verifier.verify(&scene.trusted, &evidence, NOW).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    };
    let in_value = |from: &'static str, to: &'static str| {
        move |packet: &mut Packet| {
            let text = String::from_utf8(packet.payloads[0].value.to_vec()).unwrap().replacen(from, to, 1);
            packet.payloads[0].value = text.into_bytes().into();
        }
    };
    refused("inclusion.proof.in_store.value", &in_value("5000", "9000"));
    refused("inclusion.proof.in_store.value", &in_value("0xab", "0xac"));
    refused("inclusion.proof.in_store.value", &in_value("cosmos1q", "cosmos1p"));
    refused("inclusion.proof.in_store.value", &|packet| packet.timeout += 1);
    refused("inclusion.proof.in_store.key", &|packet| packet.sequence = 6);
    refused("inclusion.packet.source_client", &|packet| packet.source_client = "08-wasm-13".to_owned());
    refused("inclusion.packet.destination_client", &|packet| packet.destination_client = "spandrel-1".to_owned());
    refused("inclusion.transfer.denom", &in_value("uatom", "uosmo"));
    refused("inclusion.transfer.receiver", &in_value("0xabab", "cosmos"));
    refused("inclusion.packet.payloads", &|packet| packet.payloads.push(packet.payloads[0].clone()));
    refused("inclusion.payload.destination_port", &|packet| packet.payloads[0].destination_port = "x".to_owned());
}

#[test]
fn a_proof_under_another_root_height_or_header_is_refused() {
    let scene = scene();
    let refused = |field: &str, edit: &dyn Fn(&mut DepositEvidence)| {
        let mut evidence = scene.evidence(5);
        edit(&mut evidence);
        let error = scene.verifier.verify(&scene.trusted, &evidence, NOW).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    };
    refused("inclusion.app_hash", &|evidence| evidence.inclusion.app_hash = B256::ZERO);
    refused("headers", &|evidence| evidence.inclusion.height = 11);
    refused("headers", &|evidence| evidence.headers = vec![scene.header(10); MAX_HEADERS + 1]);
    refused("inclusion.app_hash", &|evidence| {
        let head = header(10, &scene.members, &scene.members);
        let other = block_of(head, &scene.members, &scene.members).verified_from(&scene.anchor);
        evidence.headers = vec![other.encode()];
    });
    refused("headers[0].client_header", &|evidence| {
        let longer = [&evidence.headers[0][..], &[0]].concat();
        evidence.headers[0] = longer.into();
    });
    refused("inclusion.proof.in_store.key", &|evidence| {
        evidence.inclusion.proof = scene.app.membership(&packet(6).key()).into();
    });
    refused("inclusion.proof.in_store.proof", &|evidence| {
        let missing = [&packet(5).key()[..], &[0]].concat();
        evidence.inclusion.proof = scene.app.non_membership(&missing).into();
    });
}

#[test]
fn headers_lead_one_by_one_from_what_is_trusted_to_the_height_of_the_proof() {
    let scene = scene();
    let block = |height: u64| {
        let mut head = header(height, &scene.members, &scene.members);
        head.app_hash = scene.app.app_hash().to_vec().into();
        block_of(head, &scene.members, &scene.members)
    };
    let (seven, ten, twelve) = (block(7), block(10), block(12));
    let (first, second) = (seven.verified_from(&scene.anchor).encode(), ten.verified_from(&seven).encode());
    let (direct, beyond) = (scene.header(10), twelve.verified_from(&ten).encode());
    let with = |headers: &[&Bytes]| {
        let headers = headers.iter().map(|header| (*header).clone()).collect();
        let evidence = DepositEvidence { headers, inclusion: scene.inclusion(5) };
        scene.verifier.verify(&scene.trusted, &evidence, NOW).map(|_| ()).map_err(|error| error.field)
    };
    let refused = |field: &str| Err(field.to_owned());
    assert_eq!(with(&[&direct]), Ok(()));
    assert_eq!(with(&[&first, &second]), Ok(()));
    // Twice, beside the line, or past its end.
    assert_eq!(with(&[&direct, &direct]), refused("headers[1].trusted_height"));
    assert_eq!(with(&[&first, &direct]), refused("headers[1].trusted_height"));
    assert_eq!(with(&[&direct, &first]), refused("headers[1].trusted_height"));
    assert_eq!(with(&[&first, &second, &beyond]), refused("headers"));
    assert_eq!(with(&[&first]), refused("headers"));
    assert!(with(&[&second]).unwrap_err().starts_with("headers[0]."));
}

#[test]
fn a_header_that_contradicts_a_trusted_one_proves_nothing() {
    let scene = scene();
    let mut trusted = scene.trusted.clone();
    let head = header(10, &scene.members, &scene.members);
    let other = block_of(head, &scene.members, &scene.members).verified_from(&scene.anchor).encode();
    scene.verifier.advance(&mut trusted, &Update::Header(other), NOW).unwrap();
    let error = scene.verifier.verify(&trusted, &scene.evidence(5), NOW).unwrap_err();
    assert_eq!(error.field, "headers[0].header");
}

#[test]
fn a_batch_gives_each_item_the_single_verdict() {
    let scene = scene();
    let mut batch: Vec<DepositEvidence> = (1..=20).map(|sequence| scene.evidence(sequence)).collect();
    batch[3].inclusion.proof = Bytes::new();
    batch[5].inclusion.app_hash = B256::ZERO;
    batch[7].headers = Vec::new();
    batch[8].inclusion.proof = batch[9].inclusion.proof.clone();
    batch[11].inclusion.packet = batch[12].inclusion.packet.clone();
    let mut forged = batch[13].inclusion.proof.to_vec();
    let middle = forged.len() / 2;
    forged[middle] ^= 4;
    batch[13].inclusion.proof = forged.into();
    let together = scene.verifier.verify_batch(&scene.trusted, &batch, NOW);
    let single: Vec<_> = batch.iter().map(|item| scene.verifier.verify(&scene.trusted, item, NOW)).collect();
    assert_eq!(together, single);
    assert_eq!(together.iter().filter(|result| result.is_ok()).count(), 14);
    assert!(scene.verifier.verify_batch(&scene.trusted, &[], NOW).is_empty());
}

/// Every byte of both encoded forms, in two ways.
#[test]
fn a_flipped_byte_of_the_encoded_evidence_is_refused_or_means_the_same() {
    let scene = scene();
    let honest = scene.evidence(5);
    let expected = scene.verifier.verify(&scene.trusted, &honest, NOW).unwrap();
    let evidence = Evidence::from(honest);
    let (bytes, json) = (evidence.to_bytes(), serde_json::to_vec(&evidence).unwrap());
    for (form, encoded) in [("protobuf", bytes), ("json", json)] {
        let (mut unread, mut refused, mut same) = (0, 0, 0);
        for place in 0..encoded.len() {
            for mask in [1 << (place % 7), 0x80] {
                let mut flipped = encoded.clone();
                flipped[place] ^= mask;
                let read = match form {
                    "protobuf" => Evidence::from_bytes(&flipped).ok(),
                    _ => serde_json::from_slice::<Evidence>(&flipped).ok(),
                };
                let Some(read) = read else {
                    unread += 1;
                    continue;
                };
                if form == "protobuf" {
                    assert_eq!(read.to_bytes(), flipped, "one evidence, one encoding");
                }
                let Evidence::Cosmos(read) = read else { panic!("byte {place} makes it {}", read.kind()) };
                match scene.verifier.verify(&scene.trusted, &read, NOW) {
                    Ok(found) => {
                        assert_eq!(found, expected, "{form} byte {place} mask {mask}");
                        same += 1;
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        println!("{form}: {unread} are not read, {refused} are refused, {same} mean the same");
        assert!(unread > 20 && refused > 1_000);
    }
}

#[test]
fn routes_that_make_no_sense_are_refused() {
    type Edit = (&'static str, fn(&mut Route));
    let refused: [Edit; 4] = [
        ("route.source_client", |route| route.source_client.clear()),
        ("route.destination_client", |route| route.destination_client = "a/b".to_owned()),
        ("route.destination_bridge", |route| route.destination_bridge = B256::ZERO),
        ("route.assets", |route| route.assets.clear()),
    ];
    for (field, edit) in refused {
        let mut route = route();
        edit(&mut route);
        assert_eq!(CosmosVerifier::new(params(CHAIN, TRUSTING), route).unwrap_err().field, field);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Any flipped byte of any part is refused, or the evidence still means the same deposit under the same checkpoint
    /// (votes beyond two thirds and the trusted set's priorities are not counted).
    #[test]
    fn a_flipped_byte_is_refused_or_means_the_same(
        part in 0..4_usize, place in any::<prop::sample::Index>(), mask in 1..=255_u8,
    ) {
        static SCENE: std::sync::OnceLock<(Scene, DepositEvidence)> = std::sync::OnceLock::new();
        let (scene, honest) = SCENE.get_or_init(|| {
            let scene = scene();
            let evidence = scene.evidence(5);
            (scene, evidence)
        });
        let mut evidence = honest.clone();
        let flip = |bytes: &mut Bytes| {
            let mut changed = bytes.to_vec();
            let at = place.index(changed.len());
            changed[at] ^= mask;
            *bytes = changed.into();
        };
        match part {
            0 => flip(&mut evidence.headers[0]),
            1 => flip(&mut evidence.inclusion.packet),
            2 => flip(&mut evidence.inclusion.proof),
            _ => evidence.inclusion.app_hash.0[place.index(32)] ^= mask,
        }
        let expected = scene.verifier.verify(&scene.trusted, honest, NOW).unwrap();
        match scene.verifier.verify(&scene.trusted, &evidence, NOW) {
            Err(_) => {}
            Ok(found) => {
                prop_assert_eq!(found, expected);
                prop_assert_eq!(part, 0, "packet, proof and app hash have one form");
            }
        }
    }
}

//! Deposits proven through the whole path, and every way of tampering with their evidence.

use alloy_primitives::{Address, B256, Bytes};
use proptest::prelude::*;
use serde_json::Value;
use spandrel_verifiers::ethereum::containers::{FinalityUpdate, LightClientData};
use spandrel_verifiers::ethereum::{DepositEvidence, EthereumVerifier, LightClientStore, Update, finality_bytes};
use spandrel_verifiers::{ErrorKind, Verifier, VerifyError};

use crate::chain::{Execution, OUTBOX, SEATS, World, deposit};

fn verifier(world: &World) -> EthereumVerifier {
    EthereumVerifier::new(world.network.config.clone(), OUTBOX).unwrap()
}

#[test]
fn a_deposit_is_verified_by_the_update_it_brings_or_by_a_block_already_final() {
    let world = World::new();
    let (verifier, now) = (verifier(&world), world.network.now());
    let bringing = world.execution.evidence(1, Some(&world.finality));
    let verified = verifier.verify(&world.store, &bringing, now).unwrap();
    assert_eq!(verified.fact(), &deposit(1));
    let under = verified.under();
    let execution = &world.execution.payload;
    assert_eq!(
        (under.height, under.root, under.time),
        (execution.block_number, execution.block_hash, execution.timestamp)
    );
    assert_eq!(under.chain, world.network.config.chain);

    let bare = world.execution.evidence(1, None);
    let error = verifier.verify(&world.store, &bare, now).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("inclusion.header", ErrorKind::NotYet));
    let mut store = world.store.clone();
    verifier.advance(&mut store, &Update::Finality(Box::new(world.finality.clone())), now).unwrap();
    assert_eq!(verifier.verify(&store, &bare, now).unwrap(), verified);
}

#[test]
fn an_update_brought_along_is_checked_even_when_its_block_is_already_final() {
    let world = World::new();
    let (verifier, now) = (verifier(&world), world.network.now());
    let mut store = world.store.clone();
    verifier.advance(&mut store, &Update::Finality(Box::new(world.finality.clone())), now).unwrap();
    verifier.verify(&store, &world.execution.evidence(1, Some(&world.finality)), now).unwrap();
    let mut forged = world.finality.clone();
    forged.sync_aggregate.sync_committee_signature = Default::default();
    let error = verifier.verify(&store, &world.execution.evidence(1, Some(&forged)), now).unwrap_err();
    assert_eq!(error.field, "finality.sync_aggregate.sync_committee_signature");
    // One that proves another block final does not carry this deposit.
    let other = world.network.block(88, None);
    let attested = world.network.block(104, Some(&other));
    let stranger = world.network.finality_update(&attested, &other, 0..SEATS);
    let error = verifier.verify(&store, &world.execution.evidence(1, Some(&stranger)), now).unwrap_err();
    assert_eq!(error.field, "inclusion.header");
}

#[test]
fn advance_refuses_what_fewer_than_two_thirds_signed() {
    let world = World::new();
    let verifier = verifier(&world);
    let attested = world.network.block(96, Some(&world.finalized));
    let short = world.network.finality_update(&attested, &world.finalized, 0..21);
    let mut store = world.store.clone();
    let error = verifier.advance(&mut store, &Update::Finality(Box::new(short)), world.network.now()).unwrap_err();
    assert_eq!(error.field, "sync_aggregate.sync_committee_bits");
    assert_eq!(store, world.store);
    let update = Update::Optimistic(Box::new(world.network.optimistic_update(&attested, 0..22)));
    verifier.advance(&mut store, &update, world.network.now()).unwrap();
    assert_eq!(store.optimistic_header(), &attested.header);
    let text = serde_json::to_string(&update).unwrap();
    assert_eq!(serde_json::from_str::<Update>(&text).unwrap(), update);
}

/// Which error fields a tampered leaf may be refused under. A deposit's fields enter its id, so that a change shows as
/// another id; the nonce also chooses the storage slot.
fn blames(leaf: &str, error: &str) -> bool {
    match leaf {
        "finality" => error.starts_with("finality"),
        "inclusion.deposit.source_key" => error == leaf || error.starts_with("inclusion.storage_proof"),
        "inclusion.deposit.version" | "inclusion.deposit.source_chain" | "inclusion.deposit.source_bridge" => {
            error == leaf
        }
        leaf if leaf.starts_with("inclusion.deposit.") => error == "inclusion.deposit",
        leaf if leaf.starts_with("inclusion.header") => {
            error.starts_with("inclusion.header") || error.starts_with("inclusion.account_proof")
        }
        leaf => error == leaf,
    }
}

/// Every leaf of a JSON value with its path.
fn leaves(value: &Value, path: String, found: &mut Vec<(String, String)>) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(value, join(key), found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| leaves(value, format!("{path}[{index}]"), found))
        }
        _ => {
            let pointer = path.replace(['.', '['], "/").replace(']', "");
            found.push((path, format!("/{pointer}")));
        }
    }
}

/// Changes a leaf into another value of its type.
fn tamper(value: &mut Value) {
    *value = match value {
        Value::Number(number) => Value::from(number.as_u64().unwrap() + 1),
        Value::String(text) if text.starts_with("0x") => {
            let middle = text.len() / 2 + 1;
            let digit = if &text[middle..=middle] == "1" { "2" } else { "1" };
            let mut changed = text.clone();
            changed.replace_range(middle..=middle, digit);
            Value::String(changed)
        }
        Value::String(text) if text.contains('_') => Value::String("fast".to_owned()),
        Value::String(text) => Value::String(format!("{text}9")),
        other => panic!("{other}"),
    };
}

#[test]
fn every_tampered_leaf_is_refused_by_its_name() {
    let world = World::new();
    let (verifier, now) = (verifier(&world), world.network.now());
    let evidence = world.execution.evidence(1, Some(&world.finality));
    let json = serde_json::to_value(&evidence).unwrap();
    let mut found = Vec::new();
    leaves(&json, String::new(), &mut found);
    assert!(found.len() >= 17, "{found:?}");
    for (path, pointer) in &found {
        let mut changed = json.clone();
        tamper(changed.pointer_mut(pointer).unwrap());
        assert_ne!(changed, json, "{path}");
        let changed: DepositEvidence = serde_json::from_value(changed).unwrap();
        let error = verifier.verify(&world.store, &changed, now).unwrap_err();
        assert!(blames(path, &error.field), "{path}: {error}");
    }
    println!("tampered leaves: {} refused as expected", found.len());
}

#[test]
fn every_tampered_leaf_of_the_finality_update_is_refused_by_its_name() {
    let world = World::new();
    let (verifier, now) = (verifier(&world), world.network.now());
    let evidence = world.execution.evidence(1, Some(&world.finality));
    let json = serde_json::to_value(&world.finality).unwrap();
    let mut found = Vec::new();
    leaves(&json, String::new(), &mut found);
    for (path, pointer) in &found {
        let mut changed = json.clone();
        let leaf = changed.pointer_mut(pointer).unwrap();
        match leaf {
            Value::String(text) if !text.starts_with("0x") => *text = (text.parse::<u64>().unwrap() + 1).to_string(),
            Value::String(text) if text == "0x" => *text = "0x11".to_owned(),
            leaf => tamper(leaf),
        }
        let error = serde_json::from_value::<FinalityUpdate>(changed)
            .map_err(|error| VerifyError::malformed(format!("finality.{path}"), "the container", error))
            .and_then(|update| {
                let finality = Some(update.encode_ssz().into());
                verifier.verify(&world.store, &DepositEvidence { finality, ..evidence.clone() }, now)
            })
            .unwrap_err();
        // A header's own fields show in what commits to them: the signature, the branch, or the execution branch.
        let header = path.split('.').next().unwrap();
        let committed = match header {
            "signature_slot" => &["signature_slot"][..],
            "attested_header" if path.contains(".beacon.") => &[
                "sync_aggregate.sync_committee_signature",
                "finality_branch",
                "attested_header.execution_branch",
                "signature_slot",
            ],
            "finalized_header" if path.contains(".beacon.") => {
                &["finality_branch", "finalized_header.execution_branch"]
            }
            "attested_header" => &["attested_header.execution_branch"],
            "finalized_header" => &["finalized_header.execution_branch"],
            "sync_aggregate" => &["sync_aggregate.sync_committee_signature", "sync_aggregate.sync_committee_bits"],
            _ => &["finality_branch"],
        };
        let field = error.field.strip_prefix("finality.").unwrap();
        assert!(committed.contains(&field), "{path}: {error}");
    }
    println!("finality update: {} tampered leaves refused", found.len());
}

#[test]
fn an_update_signed_after_skipped_slots_is_evidence_in_one_form() {
    let world = World::new();
    let (verifier, now) = (verifier(&world), world.network.now());
    let attested = world.network.block(96, Some(&world.finalized));
    let finality = world.network.finality_update(&attested, &world.finalized, 0..SEATS);
    let first = finality.signature_slot;
    let skipped = FinalityUpdate { signature_slot: first + 2, ..finality };
    // What nodes serve is taken as it is by the light client, which asks no more than the protocol does.
    world.store.check_finality(&world.network.config, &skipped, now).unwrap();
    let bare = world.execution.evidence(1, None);
    let as_served = DepositEvidence { finality: Some(skipped.encode_ssz().into()), ..bare.clone() };
    let error = verifier.verify(&world.store, &as_served, now).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("finality.signature_slot", ErrorKind::Invalid));
    assert!(error.expected.contains(&first.to_string()) && error.found == (first + 2).to_string(), "{error}");
    let finality = Some(finality_bytes(&world.network.config, &skipped).unwrap());
    verifier.verify(&world.store, &DepositEvidence { finality, ..bare }, now).unwrap();
}

#[test]
fn evidence_for_another_outbox_chain_or_version_is_refused() {
    let world = World::new();
    let now = world.network.now();
    let evidence = world.execution.evidence(0, Some(&world.finality));
    let other = EthereumVerifier::new(world.network.config.clone(), Address::repeat_byte(0x0c)).unwrap();
    let error = other.verify(&world.store, &evidence, now).unwrap_err();
    assert_eq!(error.field, "inclusion.deposit.source_bridge");
    assert!(EthereumVerifier::new(world.network.config.clone(), Address::ZERO).is_err());
}

#[test]
fn a_deposit_that_was_never_made_is_refused_by_the_proof_of_its_absence() {
    let world = World::new();
    let evidence = world.execution.evidence(3, Some(&world.finality));
    let error = verifier(&world).verify(&world.store, &evidence, world.network.now()).unwrap_err();
    assert_eq!(error.field, "inclusion.deposit.source_key");
}

#[test]
fn a_proof_of_another_nonce_does_not_pass_for_this_one() {
    let world = World::new();
    let mut evidence = world.execution.evidence(1, Some(&world.finality));
    evidence.inclusion.storage_proof = world.execution.inclusion(2).storage_proof;
    let error = verifier(&world).verify(&world.store, &evidence, world.network.now()).unwrap_err();
    assert!(error.field.starts_with("inclusion.storage_proof") || error.field == "inclusion.deposit.source_key");
}

#[test]
fn a_block_that_the_finality_update_does_not_finalize_is_refused() {
    let world = World::new();
    let other = Execution::with_deposits(80, 3);
    let evidence = other.evidence(1, Some(&world.finality));
    let error = verifier(&world).verify(&world.store, &evidence, world.network.now()).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("inclusion.header", ErrorKind::Invalid));
    // The attested block is signed, not final.
    let attested = world.network.block_with(96, other.payload.clone(), Some(&world.finalized));
    let finality = world.network.finality_update(&attested, &world.finalized, 0..SEATS);
    let error = verifier(&world).verify(&world.store, &other.evidence(1, Some(&finality)), world.network.now());
    assert_eq!(error.unwrap_err().field, "inclusion.header");
}

#[test]
fn a_beacon_block_that_lies_about_number_or_time_of_its_execution_block_is_refused() {
    let world = World::new();
    for (field, change) in [("number", (1, 0)), ("timestamp", (0, 1))] {
        let mut payload = world.execution.payload.clone();
        payload.block_number += change.0;
        payload.timestamp += change.1;
        let finalized = world.network.block_with(72, payload, None);
        let attested = world.network.block(96, Some(&finalized));
        let finality = world.network.finality_update(&attested, &finalized, 0..SEATS);
        let evidence = world.execution.evidence(1, Some(&finality));
        let error = verifier(&world).verify(&world.store, &evidence, world.network.now()).unwrap_err();
        assert_eq!(error.field, format!("inclusion.header.{field}"));
    }
}

#[test]
fn a_finality_update_ahead_of_the_store_is_not_yet_and_one_behind_it_has_expired() {
    let world = World::new();
    let (network, now) = (&world.network, world.network.now());
    let attested = network.block(130, Some(&world.finalized));
    let ahead = network.finality_update(&attested, &world.finalized, 0..SEATS);
    let evidence = world.execution.evidence(1, Some(&ahead));
    let error = verifier(&world).verify(&world.store, &evidence, now).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("finality.signature_slot", ErrorKind::NotYet));
    let later: LightClientStore = network.store_at(192);
    let evidence = world.execution.evidence(1, Some(&world.finality));
    let error = verifier(&world).verify(&later, &evidence, now).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("finality.signature_slot", ErrorKind::Expired));
    let unknown_fork = [vec![0_u8; 8]].concat();
    let mut early = network.config.clone();
    early.forks.retain(|fork| fork.epoch > 0);
    assert!(EthereumVerifier::new(early, OUTBOX).is_err());
    let evidence = DepositEvidence { finality: Some(unknown_fork.into()), ..evidence };
    assert_eq!(verifier(&world).verify(&world.store, &evidence, now).unwrap_err().kind, ErrorKind::Malformed);
}

#[test]
fn the_fast_lane_learns_of_inclusion_but_never_of_finality() {
    let world = World::new();
    let (verifier, now) = (verifier(&world), world.network.now());
    let attested = world.network.block_with(80, Execution::with_deposits(80, 3).payload, None);
    let execution = Execution::with_deposits(80, 3);
    let optimistic = world.network.optimistic_update(&attested, 0..22);
    let included = verifier.verify_optimistic(&world.store, &optimistic, &execution.inclusion(2), now).unwrap();
    assert_eq!(included.deposit(), &deposit(2));
    assert_eq!(included.block().hash, execution.payload.block_hash);
    let short = world.network.optimistic_update(&attested, 0..21);
    let error = verifier.verify_optimistic(&world.store, &short, &execution.inclusion(2), now).unwrap_err();
    assert_eq!(error.field, "optimistic.sync_aggregate.sync_committee_bits");
    verifier.verify_under(execution.payload.block_hash, &execution.inclusion(0)).unwrap();
    let error = verifier.verify_under(B256::ZERO, &execution.inclusion(0)).unwrap_err();
    assert_eq!(error.field, "inclusion.header");
}

#[test]
fn a_batch_gives_each_item_the_single_checks_answer() {
    let world = World::new();
    let (verifier, now) = (verifier(&world), world.network.now());
    let mut batch: Vec<_> = (0..4).map(|nonce| world.execution.evidence(nonce, Some(&world.finality))).collect();
    batch.push(world.execution.evidence(0, None));
    let mut broken = world.execution.evidence(2, Some(&world.finality));
    broken.inclusion.deposit.amount += alloy_primitives::U256::from(1);
    batch.push(broken);
    let mut forged = world.finality.encode_ssz();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    batch.push(DepositEvidence { finality: Some(forged.into()), ..world.execution.evidence(1, None) });
    let singles: Vec<_> = batch.iter().map(|item| verifier.verify(&world.store, item, now)).collect();
    assert_eq!(verifier.verify_batch(&world.store, &batch, now), singles);
    assert_eq!(singles.iter().filter(|result| result.is_ok()).count(), 3);
}

/// Every byte string of the evidence, as one.
fn flip(evidence: &DepositEvidence, at: prop::sample::Index, bit: u8) -> DepositEvidence {
    let mut changed = evidence.clone();
    let inclusion = &mut changed.inclusion;
    let mut parts: Vec<&mut Bytes> = vec![changed.finality.as_mut().unwrap(), &mut inclusion.header];
    parts.extend(&mut inclusion.account_proof);
    parts.extend(&mut inclusion.storage_proof);
    let total: usize = parts.iter().map(|part| part.len()).sum();
    let mut place = at.index(total);
    for part in parts {
        if place < part.len() {
            let mut bytes = part.to_vec();
            bytes[place] ^= 1 << bit;
            *part = bytes.into();
            return changed;
        }
        place -= part.len();
    }
    unreachable!()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_flipped_bit_is_refused(at: prop::sample::Index, bit in 0_u8..8) {
        static WORLD: std::sync::LazyLock<World> = std::sync::LazyLock::new(World::new);
        let world = &*WORLD;
        let (verifier, now) = (verifier(world), world.network.now());
        let evidence = world.execution.evidence(1, Some(&world.finality));
        let changed = flip(&evidence, at, bit);
        prop_assert!(verifier.verify(&world.store, &changed, now).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_stop_the_verifier(
        finality in prop::collection::vec(any::<u8>(), 0..3000),
        header in prop::collection::vec(any::<u8>(), 0..700),
        node in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        static WORLD: std::sync::LazyLock<World> = std::sync::LazyLock::new(World::new);
        let (verifier, now) = (verifier(&WORLD), WORLD.network.now());
        let mut evidence = WORLD.execution.evidence(1, None);
        evidence.finality = Some(finality.into());
        prop_assert!(verifier.verify(&WORLD.store, &evidence, now).is_err());
        evidence.inclusion.storage_proof = vec![node.clone().into()];
        prop_assert!(verifier.verify(&WORLD.store, &evidence, now).is_err());
        evidence.inclusion.account_proof = vec![node.into()];
        evidence.inclusion.header = header.into();
        prop_assert!(verifier.verify(&WORLD.store, &evidence, now).is_err());
    }
}

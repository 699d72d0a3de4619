//! Attacks on the light client: each must be refused for its own reason, and leave the store as it was.

use alloy_primitives::B256;
use spandrel_verifiers::ErrorKind;
use spandrel_verifiers::ethereum::containers::{LightClientHeader, LightClientUpdate};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::{Fork, ForkEpoch, LightClientStore};

use crate::chain::{Block, Network, PERIOD, SEATS, committee, sign};

struct Scene {
    network: Network,
    store: LightClientStore,
    attested: Block,
    update: LightClientUpdate,
}

/// A store at slot 64 (the first of its period) and an update at slots 72, 96, 97.
fn scene() -> Scene {
    let network = Network::electra();
    let finalized = network.block(72, None);
    let attested = network.block(96, Some(&finalized));
    let update = network.update(&attested, &finalized, 0..SEATS);
    Scene { store: network.store_at(64), network, attested, update }
}

impl Scene {
    /// Signs whatever `update.attested_header` is now.
    fn resign(&self, update: &mut LightClientUpdate) {
        let message = self.network.message(&update.attested_header, update.signature_slot);
        update.sync_aggregate = sign(update.signature_slot / PERIOD, 0..SEATS, message);
    }

    #[track_caller]
    fn refuses(&self, update: &LightClientUpdate, field: &str, kind: ErrorKind) {
        let mut store = self.store.clone();
        let error = store.process_update(&self.network.config, update, self.network.now()).unwrap_err();
        assert_eq!((error.field.as_str(), error.kind), (field, kind), "{error}");
        assert_eq!(store, self.store, "a refused update changes nothing");
    }
}

#[test]
fn a_valid_update_moves_finality_and_brings_the_next_committee() {
    let Scene { network, mut store, update, .. } = scene();
    store.process_update(&network.config, &update, network.now()).unwrap();
    assert_eq!(store.finalized_header().beacon.slot, 72);
    assert_eq!(store.optimistic_header().beacon.slot, 96);
    assert!(store.knows_next_committee());
    assert_eq!(store.latest_final_block().unwrap().height, 1_072);
    assert_eq!(store.optimistic_block().unwrap().height, 1_096);
}

#[test]
fn two_thirds_of_the_seats_act_and_one_fewer_does_not() {
    let Scene { network, store, attested, .. } = scene();
    let finalized = network.block(72, None);
    let run = |seats| {
        let mut store = store.clone();
        let update = network.update(&attested, &finalized, 0..seats);
        store.process_update(&network.config, &update, network.now()).unwrap();
        (store.finalized_header().beacon.slot, store.optimistic_header().beacon.slot)
    };
    assert_eq!(run(22), (72, 96));
    assert_eq!(run(21), (64, 64), "only remembered");
    let short = network.finality_update(&attested, &finalized, 0..21);
    let error = store.check_finality(&network.config, &short, network.now()).unwrap_err();
    assert_eq!(error.field, "sync_aggregate.sync_committee_bits");
}

#[test]
fn slots_out_of_order_are_refused() {
    let scene = scene();
    let mut update = scene.update.clone();
    update.signature_slot = 96;
    scene.resign(&mut update);
    scene.refuses(&update, "signature_slot", ErrorKind::Invalid);

    let network = &scene.network;
    let later = network.block(104, None);
    let attested = network.block(96, Some(&later));
    let update = network.update(&attested, &later, 0..SEATS);
    scene.refuses(&update, "finalized_header.beacon.slot", ErrorKind::Invalid);

    let mut store = scene.store.clone();
    let early = network.config.time_of(97) - 1;
    let error = store.process_update(&network.config, &scene.update, early).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("signature_slot", ErrorKind::NotYet));
    store.process_update(&network.config, &scene.update, early + 1).unwrap();
}

#[test]
fn an_update_that_tells_nothing_new_is_refused() {
    let scene = scene();
    let attested = scene.network.block(64, None);
    let mut update = scene.network.committee_update(&attested, 0..SEATS);
    update.next_sync_committee_branch = vec![B256::ZERO; 6];
    update.next_sync_committee =
        spandrel_verifiers::ethereum::containers::SyncCommittee::empty(spandrel_verifiers::ethereum::Preset::Minimal);
    scene.refuses(&update, "attested_header.beacon.slot", ErrorKind::Invalid);
}

#[test]
fn only_the_committee_of_the_signatures_period_counts() {
    let scene = scene();
    // Signed by the next period's committee, in this period.
    let mut update = scene.update.clone();
    let message = scene.network.message(&update.attested_header, update.signature_slot);
    update.sync_aggregate = sign(2, 0..SEATS, message);
    scene.refuses(&update, "sync_aggregate.sync_committee_signature", ErrorKind::Invalid);
    // The same header signed in the next period, whose committee is not known yet.
    update.signature_slot = 2 * PERIOD;
    update.sync_aggregate = sign(2, 0..SEATS, message);
    scene.refuses(&update, "signature_slot", ErrorKind::NotYet);
    // A period that is over.
    let network = &scene.network;
    let old =
        network.finality_update(&network.block(40, Some(&network.block(24, None))), &network.block(24, None), 0..SEATS);
    let error = scene.store.check_finality(&network.config, &old, network.now()).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("signature_slot", ErrorKind::Expired));
}

#[test]
fn the_next_periods_first_signature_is_checked_by_the_next_committee() {
    let Scene { network, mut store, update, .. } = scene();
    store.process_update(&network.config, &update, network.now()).unwrap();
    let finalized = network.block(112, None);
    // Attested in the last slot of period 1, signed in the first of period 2.
    let attested = network.block(127, Some(&finalized));
    let crossing = network.finality_update(&attested, &finalized, 0..SEATS);
    assert_eq!(crossing.signature_slot, 128);
    store.check_finality(&network.config, &crossing, network.now()).unwrap();
    let mut wrong = crossing;
    wrong.sync_aggregate = sign(1, 0..SEATS, network.message(&attested.header, 128));
    let error = store.check_finality(&network.config, &wrong, network.now()).unwrap_err();
    assert_eq!(error.field, "sync_aggregate.sync_committee_signature");
}

#[test]
fn the_signing_fork_is_that_of_the_slot_before_the_signature() {
    let mut network = Network::electra();
    network.config.forks.push(ForkEpoch { name: Fork::Fulu, version: [6, 0, 0, 1].into(), epoch: 11 });
    let store = network.store_at(64);
    let finalized = network.block(72, None);
    // Attested in the last slot of Electra, signed in the first of Fulu: still under Electra's version.
    let attested = network.block(87, Some(&finalized));
    let mut update = network.finality_update(&attested, &finalized, 0..SEATS);
    assert_eq!(update.signature_slot, 11 * 8);
    store.check_finality(&network.config, &update, network.now()).unwrap();
    let message = network.message_under(&attested.header, [6, 0, 0, 1].into());
    update.sync_aggregate = sign(1, 0..SEATS, message);
    let error = store.check_finality(&network.config, &update, network.now()).unwrap_err();
    assert_eq!(error.field, "sync_aggregate.sync_committee_signature");
}

#[test]
fn a_committee_that_the_attested_state_does_not_hold_is_refused() {
    let scene = scene();
    let mut update = scene.update.clone();
    update.next_sync_committee = committee(9);
    scene.refuses(&update, "next_sync_committee_branch", ErrorKind::Invalid);
    let mut update = scene.update.clone();
    update.next_sync_committee_branch[2] = B256::ZERO;
    scene.refuses(&update, "next_sync_committee_branch", ErrorKind::Invalid);
    let mut update = scene.update.clone();
    update.next_sync_committee_branch = vec![B256::ZERO; 6];
    scene.refuses(&update, "next_sync_committee", ErrorKind::Invalid);
}

#[test]
fn a_second_next_committee_for_the_same_period_is_refused() {
    let mut scene = scene();
    scene.store.process_update(&scene.network.config, &scene.update, scene.network.now()).unwrap();
    // A validly signed state of the same period with another next committee: what a fork would show.
    let mut other = scene.network.update(&scene.network.block(104, None), &scene.network.block(72, None), 0..SEATS);
    other.finalized_header = LightClientHeader::empty(Fork::Electra);
    other.finality_branch = vec![B256::ZERO; 7];
    other.next_sync_committee = committee(9);
    scene.refuses(&other, "next_sync_committee", ErrorKind::Invalid);
}

#[test]
fn branches_of_another_fork_are_refused() {
    let scene = scene();
    let mut update = scene.update.clone();
    update.finality_branch.pop();
    scene.refuses(&update, "finality_branch", ErrorKind::Malformed);
    let mut update = scene.update.clone();
    update.next_sync_committee_branch.insert(0, B256::ZERO);
    scene.refuses(&update, "next_sync_committee_branch", ErrorKind::Malformed);
}

#[test]
fn a_finalized_header_is_bound_by_its_branch_and_its_execution_header_by_its_body() {
    let scene = scene();
    let mut update = scene.update.clone();
    update.finalized_header = scene.network.block(80, None).header;
    scene.refuses(&update, "finality_branch", ErrorKind::Invalid);
    let mut update = scene.update.clone();
    update.finalized_header.execution.as_mut().unwrap().header.block_hash = B256::repeat_byte(1);
    scene.refuses(&update, "finalized_header.execution_branch", ErrorKind::Invalid);
    let mut update = scene.update.clone();
    update.attested_header.execution.as_mut().unwrap().header.block_number += 1;
    scene.refuses(&update, "attested_header.execution_branch", ErrorKind::Invalid);
    let mut update = scene.update.clone();
    update.finality_branch = vec![B256::ZERO; 7];
    scene.refuses(&update, "finalized_header", ErrorKind::Invalid);
}

#[test]
fn a_signature_of_another_network_is_refused() {
    let scene = scene();
    let mut config = scene.network.config.clone();
    config.genesis_validators_root = B256::repeat_byte(0x62);
    let error = scene.store.clone().process_update(&config, &scene.update, scene.network.now()).unwrap_err();
    assert_eq!(error.field, "sync_aggregate.sync_committee_signature");
}

#[test]
fn a_bootstrap_must_lead_to_the_trusted_root() {
    let network = Network::electra();
    let (root, bootstrap) = network.bootstrap(&network.block(64, None));
    let refused = |root, bootstrap| LightClientStore::bootstrap(&network.config, root, bootstrap).unwrap_err().field;
    assert_eq!(refused(B256::repeat_byte(1), &bootstrap), "header.beacon");
    let mut other = bootstrap.clone();
    other.current_sync_committee = committee(9);
    assert_eq!(refused(root, &other), "current_sync_committee_branch");
    let mut other = bootstrap.clone();
    other.current_sync_committee_branch.pop();
    assert_eq!(refused(root, &other), "current_sync_committee_branch");
    let mut other = bootstrap.clone();
    other.header.execution.as_mut().unwrap().header.gas_used = 1;
    assert_eq!(refused(root, &other), "header.execution_branch");
    let mut other = bootstrap.clone();
    other.header.execution = None;
    assert_eq!(refused(root, &other), "header.execution");
}

#[test]
fn a_header_taken_by_force_is_never_a_final_block() {
    let Scene { network, mut store, attested, .. } = scene();
    let update = network.committee_update(&attested, 0..SEATS);
    store.process_update(&network.config, &update, network.now()).unwrap();
    assert_eq!(store.finalized_header().beacon.slot, 64);
    let early = network.config.time_of(64 + PERIOD);
    assert!(!store.force_update(&network.config, early).unwrap(), "the timeout has not passed");
    assert!(store.force_update(&network.config, network.config.time_of(64 + PERIOD + 1)).unwrap());
    assert_eq!(store.finalized_header().beacon.slot, 96);
    assert!(store.knows_next_committee());
    assert_eq!(store.latest_final_block().unwrap().height, 1_064, "the bootstrap's own");
    let forced = attested.header.execution.unwrap().header.block_hash;
    assert_eq!(store.final_block(forced), None);
}

#[test]
fn fewer_than_two_thirds_are_never_taken_by_force() {
    let Scene { network, mut store, attested, .. } = scene();
    let update = network.committee_update(&attested, 0..21);
    store.process_update(&network.config, &update, network.now()).unwrap();
    assert!(!store.force_update(&network.config, network.now()).unwrap());
    // The better of two remembered ones is kept.
    let better = network.committee_update(&network.block(104, None), 0..22);
    store.process_update(&network.config, &better, network.now()).unwrap();
    let worse = network.committee_update(&network.block(112, None), 0..21);
    store.process_update(&network.config, &worse, network.now()).unwrap();
    assert!(store.force_update(&network.config, network.now()).unwrap());
    assert_eq!(store.finalized_header().beacon.slot, 104);
}

#[test]
fn a_committee_with_a_bad_key_or_sum_stops_the_update_not_the_store() {
    let network = Network::electra();
    let store = network.store_at(64);
    let finalized = network.block(72, None);
    let mut bad = committee(2);
    bad.aggregate_pubkey = bad.pubkeys[0];
    // A state that holds the bad committee, signed by everyone: only the committee's own check is left to refuse it.
    let attested = network.block(96, Some(&finalized)).with_next_committee(&bad);
    let mut update = network.update(&attested, &finalized, 0..SEATS);
    update.next_sync_committee = bad;
    let mut after = store.clone();
    let error = after.process_update(&network.config, &update, network.now()).unwrap_err();
    assert_eq!(error.field, "next_sync_committee.aggregate_pubkey");
    assert_eq!(after, store);
}

#[test]
fn as_many_final_blocks_are_kept_as_the_bound_allows() {
    let network = Network::electra();
    let mut store = network.store_at(64);
    let first = store.latest_final_block().unwrap().hash;
    let mut slot = 65;
    while slot < 65 + 300 {
        let finalized = network.block(slot, None);
        let attested = network.block(slot, Some(&finalized));
        let update = network.update(&attested, &finalized, 0..SEATS);
        store.process_update(&network.config, &update, network.now()).unwrap();
        slot += 1;
    }
    let count = (64..slot).filter(|slot| store.final_block(crate::chain::payload(*slot).block_hash).is_some()).count();
    assert_eq!(count, 256);
    assert_eq!(store.final_block(first), None);
    assert_eq!(store.latest_final_block().unwrap().height, 1_000 + slot - 1);
}

#[test]
fn the_store_survives_being_written_down() {
    let Scene { network, mut store, update, .. } = scene();
    store.process_update(&network.config, &update, network.now()).unwrap();
    let text = serde_json::to_string(&store).unwrap();
    let restored: LightClientStore = serde_json::from_str(&text).unwrap();
    assert_eq!(restored, store);
    // A committee that was tampered with on disk does not come back.
    let key = committee(1).pubkeys[3].to_string();
    let other = committee(1).pubkeys[4].to_string();
    assert!(serde_json::from_str::<LightClientStore>(&text.replace(&key, &other)).is_err());
    assert_ne!(restored.finalized_header().beacon.hash_tree_root(), B256::ZERO);
}

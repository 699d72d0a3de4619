//! The store across every border of neighbouring forks: which version is signed under, whose branch and whose container
//! holds, and what an older block under a newer signature must show.

use alloy_primitives::B256;
use serde::Serialize;
use serde::de::DeserializeOwned;
use spandrel_verifiers::ethereum::containers::{
    FinalityUpdate, LightClientData, LightClientHeader, LightClientUpdate, from_json, from_ssz, to_json,
};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, LightClientStore, NamedBlock, Preset, finality_bytes};
use spandrel_verifiers::follow::BlockRef;
use spandrel_verifiers::{ErrorKind, VerifyError};

use crate::chain::{PERIOD, SEATS, payload, sign};
use crate::eras::{Block, Eras, Places};
use crate::filled;

const FORKS: [Fork; 7] =
    [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu, Fork::Gloas];

/// Every border, in the midst of a period and, as all have been on mainnet since Capella, where one begins.
fn borders() -> impl Iterator<Item = Eras> {
    FORKS.windows(2).flat_map(|two| [88, 2 * PERIOD].map(|border| Eras::new(two[0], two[1], border)))
}

/// The same after a way over the wire, by both encodings: the slot alone tells the container.
fn sent<T>(update: &T, config: &ChainConfig) -> T
where
    T: LightClientData + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let read = from_ssz::<T>(&update.encode_ssz(), config).unwrap();
    assert_eq!(from_json::<T>(&to_json(update, config).unwrap(), config).as_ref(), Ok(&read));
    assert_eq!(&read, update);
    read
}

/// What a light client learns of the execution block at `slot` from a container of `fork`.
fn named(eras: &Eras, slot: u64, container: Fork) -> Option<NamedBlock> {
    let block = payload(slot);
    let stated = BlockRef { height: block.block_number, hash: block.block_hash, time: block.timestamp };
    match eras.fork_at(slot) {
        Fork::Altair | Fork::Bellatrix => None,
        _ if container == Fork::Gloas => Some(NamedBlock::Hash(block.block_hash)),
        _ => Some(NamedBlock::Stated(stated)),
    }
}

/// A store of the older fork that knows the next committee, final 16 slots before the border.
fn before(eras: &Eras) -> LightClientStore {
    let mut store = eras.store_at(64);
    let finalized = eras.block(eras.border - 16, None);
    let attested = eras.block(eras.border - 8, Some(&finalized));
    let update = eras.update((&attested, &finalized), eras.border - 7, 0..SEATS);
    store.process_update(&eras.config, &sent(&update, &eras.config), eras.now()).unwrap();
    assert!(store.knows_next_committee());
    store
}

fn finality(eras: &Eras, attested: &Block, finalized: &Block, signature_slot: u64) -> FinalityUpdate {
    filled::finality(&eras.update((attested, finalized), signature_slot, 0..SEATS))
}

#[track_caller]
fn stands(store: &LightClientStore, finalized: u64, optimistic: u64) {
    let found = (store.finalized_header().beacon.slot, store.optimistic_header().beacon.slot);
    assert_eq!(found, (finalized, optimistic));
}

#[test]
fn the_store_walks_across_every_border() {
    for eras in borders() {
        let (config, border, now) = (&eras.config, eras.border, eras.now());
        println!("{:?} to {:?} at slot {border}", eras.older, eras.newer);
        let mut store = before(&eras);
        stands(&store, border - 16, border - 8);
        // The last block of the older fork, signed under the newer one: in the older container.
        let last = eras.block(border - 1, Some(&eras.block(border - 8, None)));
        let update = finality(&eras, &last, &eras.block(border - 8, None), border + 1);
        store.process_finality_update(config, &sent(&update, config), now).unwrap();
        stands(&store, border - 8, border - 1);
        assert_eq!(store.latest_named_block().copied(), named(&eras, border - 8, eras.older));
        // The first block of the newer fork.
        let first = eras.block(border, None);
        let optimistic = filled::optimistic(&eras.update((&first, &first), border + 1, 0..SEATS));
        store.process_optimistic_update(config, &sent(&optimistic, config), now).unwrap();
        stands(&store, border - 8, border);
        // It holds the last of the older one final: in the newer container, as what it was.
        let attested = eras.block(border + 8, Some(&last));
        let update = finality(&eras, &attested, &last, border + 9);
        store.process_finality_update(config, &sent(&update, config), now).unwrap();
        stands(&store, border - 1, border + 8);
        assert_eq!(store.latest_named_block().copied(), named(&eras, border - 1, eras.newer));
        // Then blocks and committees of the newer fork alone, over the ends of periods.
        let over = [border + 8, 2 * PERIOD + 40, 3 * PERIOD + 8, 4 * PERIOD + 8];
        for slot in over {
            let finalized = eras.block(slot, None);
            let attested = eras.block(slot + 16, Some(&finalized));
            let update = eras.update((&attested, &finalized), slot + 17, 0..SEATS);
            store.process_update(config, &sent(&update, config), now).unwrap();
            stands(&store, slot, slot + 16);
            assert_eq!(store.latest_named_block().copied(), named(&eras, slot, eras.newer));
        }
        assert_eq!(store.period(config), 4);
        let text = serde_json::to_string(&store).unwrap();
        assert_eq!(serde_json::from_str::<LightClientStore>(&text).unwrap(), store);
    }
}

#[test]
fn the_version_signed_under_is_that_of_the_slot_before_the_signature() {
    for eras in borders() {
        let finalized = eras.block(eras.border - 8, None);
        let attested = eras.block(eras.border - 1, Some(&finalized));
        for (signature_slot, fork, other) in
            [(eras.border, eras.older, eras.newer), (eras.border + 1, eras.newer, eras.older)]
        {
            let mut update = finality(&eras, &attested, &finalized, signature_slot);
            let mut sign_under = |fork| {
                let message = eras.message_under(&attested, fork);
                update.sync_aggregate = sign(signature_slot / PERIOD, 0..SEATS, message);
                before(&eras).process_finality_update(&eras.config, &update, eras.now())
            };
            sign_under(fork).unwrap();
            assert_eq!(sign_under(other).unwrap_err().field, "sync_aggregate.sync_committee_signature");
        }
    }
}

/// Slots between the attested one and the signature's that mean the same have one form, which is signed by the same
/// committee under the same version.
#[test]
fn the_one_form_of_an_update_across_a_border_is_signed_as_it_was() {
    for eras in borders().filter(|eras| eras.older.has_execution()) {
        let finalized = eras.block(eras.border - 16, None);
        let attested = eras.block(eras.border - 4, Some(&finalized));
        for (signature_slot, form) in [(eras.border + 5, eras.border + 1), (eras.border - 1, eras.border - 3)] {
            let update = finality(&eras, &attested, &finalized, signature_slot);
            let bytes = finality_bytes(&eras.config, &update).unwrap();
            let read: FinalityUpdate = from_ssz(&bytes, &eras.config).unwrap();
            assert_eq!(read.signature_slot, form);
            let store = before(&eras);
            let found = store.prove_final(&eras.config, &read, eras.now()).unwrap();
            assert_eq!(Some(found), named(&eras, eras.border - 16, eras.older));
        }
    }
}

/// A slot of each side of the border, the fork that it is of, and the other one.
fn sides(eras: &Eras) -> [(u64, Fork, Fork); 2] {
    [(eras.border - 2, eras.older, eras.newer), (eras.border + 8, eras.newer, eras.older)]
}

#[track_caller]
fn refused(eras: &Eras, update: &LightClientUpdate) -> VerifyError {
    let (mut store, untouched) = (before(eras), before(eras));
    let error = store.process_update(&eras.config, update, eras.now()).unwrap_err();
    assert_eq!(store, untouched);
    error
}

/// The claimed value really stands in the signed state, at the place where the other fork has it.
#[test]
fn a_branch_of_the_other_side_is_refused() {
    let mut moved = Vec::new();
    for eras in borders().filter(|eras| Places::of(eras.older).next != Places::of(eras.newer).next) {
        moved.push(eras.newer);
        for (slot, own, other) in sides(&eras) {
            let finalized = eras.block(eras.border - 8, None);
            let misplaced = eras.block_by(other, slot, payload(slot), Some(&finalized));
            let both = eras.update_by(other, (&misplaced, &finalized), slot + 1, 0..SEATS);
            // Nor is it read: its container is of another length.
            from_ssz::<LightClientUpdate>(&both.encode_ssz(), &eras.config).unwrap_err();
            let of_finality = LightClientUpdate {
                next_sync_committee_branch: misplaced.state.branch(Places::of(own).next),
                ..both.clone()
            };
            let of_committee = LightClientUpdate {
                finalized_header: LightClientHeader::empty(own),
                finality_branch: vec![B256::ZERO; Places::of(own).finalized.ilog2() as usize],
                ..both
            };
            for (update, field) in [(of_finality, "finality_branch"), (of_committee, "next_sync_committee_branch")] {
                let error = refused(&eras, &update);
                assert_eq!((error.field.as_str(), error.kind), (field, ErrorKind::Malformed), "{error}");
            }
            let (root, bootstrap) = eras.bootstrap_by(other, &misplaced);
            let error = LightClientStore::bootstrap(&eras.config, root, &bootstrap).unwrap_err();
            assert_eq!((error.field.as_str(), error.kind), ("current_sync_committee_branch", ErrorKind::Malformed));
        }
    }
    assert_eq!(moved, [Fork::Electra, Fork::Electra, Fork::Gloas, Fork::Gloas]);
}

/// A container is of its attested slot's fork, all of it.
#[test]
fn a_container_of_the_other_side_is_refused() {
    for eras in borders() {
        for (slot, own, other) in sides(&eras) {
            if LightClientHeader::empty(own) == LightClientHeader::empty(other) {
                continue;
            }
            let finalized = eras.block(eras.border - 8, None);
            let attested = eras.block(slot, Some(&finalized));
            let update = eras.update((&attested, &finalized), slot + 1, 0..SEATS);
            before(&eras).process_update(&eras.config, &update, eras.now()).unwrap();
            let of_attested = LightClientUpdate { attested_header: attested.header(other), ..update.clone() };
            let of_finalized = LightClientUpdate { finalized_header: finalized.header(other), ..update };
            for (update, part) in [(of_attested, "attested_header."), (of_finalized, "finalized_header.")] {
                let error = refused(&eras, &update);
                assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
                assert!(error.field.starts_with(part), "{error}");
                assert!(
                    to_json(&update, &eras.config)
                        .is_ok_and(|json| { from_json::<LightClientUpdate>(&json, &eras.config).is_err() })
                );
            }
        }
    }
}

/// An older block in a newer container shows what its own fork has in its body, and nothing where that has nothing.
#[test]
fn an_older_block_in_a_newer_container_is_held_to_its_own_fork() {
    for eras in borders() {
        let refused = |finalized: &Block, change: &dyn Fn(&mut LightClientHeader)| {
            let attested = eras.block(eras.border + 8, Some(finalized));
            let mut update = eras.update((&attested, finalized), eras.border + 9, 0..SEATS);
            change(&mut update.finalized_header);
            refused(&eras, &update).field
        };
        let honest = eras.block(eras.border - 8, None);
        // Its body has what it claims where the newer fork looks for it.
        let misplaced = honest.clone().with_body_of(eras.newer);
        let claim = |header: &mut LightClientHeader| {
            let shown = eras.block(eras.border, None).header(eras.newer);
            (header.execution, header.block_hash) = (shown.execution, shown.block_hash);
        };
        let with_blob_gas = |header: &mut LightClientHeader| {
            header.execution.as_mut().unwrap().header.blob_gas.as_mut().unwrap().excess_blob_gas = 1;
        };
        match (eras.older, eras.newer) {
            (Fork::Altair, _) => {
                let empty = LightClientHeader::empty(Fork::Capella).execution;
                assert_eq!(
                    refused(&honest, &|header| header.execution.clone_from(&empty)),
                    "finalized_header.execution"
                );
            }
            (Fork::Bellatrix, _) => assert_eq!(refused(&misplaced, &claim), "finalized_header.execution"),
            (Fork::Capella, _) => {
                assert_eq!(refused(&misplaced, &|_| ()), "finalized_header.execution_branch");
                assert_eq!(refused(&honest, &with_blob_gas), "finalized_header.execution.blob_gas_used");
            }
            (_, Fork::Gloas) => {
                assert_eq!(refused(&misplaced, &|_| ()), "finalized_header.execution_branch");
                assert_eq!(refused(&honest, &claim), "finalized_header.execution_branch");
            }
            // The same headers on both sides.
            _ => assert_eq!(refused(&honest, &claim), "finalized_header.execution_branch"),
        }
    }
}

/// An update without finality.
fn committee_update(eras: &Eras, slot: u64, seats: usize) -> LightClientUpdate {
    let attested = eras.block(slot, None);
    let fork = eras.fork_at(slot);
    LightClientUpdate {
        finalized_header: LightClientHeader::empty(fork),
        finality_branch: vec![B256::ZERO; Places::of(fork).finalized.ilog2() as usize],
        ..eras.update((&attested, &attested), slot + 1, 0..seats)
    }
}

/// Of updates from both sides the better one is remembered, taken by force, and followed on from.
#[test]
fn the_best_of_both_sides_is_taken_by_force() {
    for eras in borders().filter(|eras| eras.border < 2 * PERIOD) {
        let (config, now) = (&eras.config, eras.now());
        let (older, newer) = (eras.border - 2, eras.border + 8);
        for (seats, expected) in [([22, 23], newer), ([23, 22], older), ([22, 22], older)] {
            let two = [committee_update(&eras, older, seats[0]), committee_update(&eras, newer, seats[1])];
            assert_eq!(two[1].is_better_than(&two[0], Preset::Minimal), expected == newer);
            for order in [[0, 1], [1, 0]] {
                let mut store = eras.store_at(64);
                for place in order {
                    store.process_update(config, &sent(&two[place], config), now).unwrap();
                }
                stands(&store, 64, newer);
                let deadline = config.time_of(64 + PERIOD + 1);
                assert!(!store.force_update(config, deadline - 1).unwrap());
                assert!(store.force_update(config, deadline).unwrap());
                assert_eq!(store.finalized_header().beacon.slot, expected);
                assert!(store.knows_next_committee());
                // What was taken by force is of no block's finality.
                assert_eq!(store.final_block(payload(expected).block_hash), None);
                let finalized = eras.block(2 * PERIOD + 8, None);
                let attested = eras.block(2 * PERIOD + 16, Some(&finalized));
                let update = eras.update((&attested, &finalized), 2 * PERIOD + 17, 0..SEATS);
                store.process_update(config, &update, now).unwrap();
                stands(&store, 2 * PERIOD + 8, 2 * PERIOD + 16);
            }
        }
    }
}

/// The first block of a fork begins a store as well as the last one before it.
#[test]
fn a_store_begins_on_either_side() {
    for eras in borders() {
        for slot in [eras.border - 1, eras.border] {
            let fork = eras.fork_at(slot);
            let (root, bootstrap) = eras.bootstrap_by(fork, &eras.block(slot, None));
            let sent = sent(&bootstrap, &eras.config);
            let store = LightClientStore::bootstrap(&eras.config, root, &sent).unwrap();
            assert_eq!(store.latest_named_block().copied(), named(&eras, slot, fork));
        }
    }
}

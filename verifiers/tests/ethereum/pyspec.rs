//! The official `light_client/sync` suites: after every step the store must stand where the specification's does.

use alloy_primitives::B256;
use serde::Deserialize;
use spandrel_verifiers::ethereum::containers::{Bootstrap, LightClientData, LightClientHeader, LightClientUpdate};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::{ChainConfig, Fork, Form, LightClientStore, Preset};

use crate::support::{Tally, bytes, files, minimal_network, vectors, yaml};

#[derive(Deserialize)]
struct Meta {
    genesis_validators_root: B256,
    trusted_block_root: B256,
}

#[derive(Deserialize)]
struct Checks {
    finalized_header: Expected,
    optimistic_header: Expected,
}

#[derive(Deserialize)]
struct Expected {
    slot: u64,
    beacon_root: B256,
    execution_root: B256,
}

#[derive(Deserialize)]
struct Step {
    process_update: Option<ProcessUpdate>,
    force_update: Option<ForceUpdate>,
}

#[derive(Deserialize)]
struct ProcessUpdate {
    update: String,
    current_slot: u64,
    checks: Checks,
}

#[derive(Deserialize)]
struct ForceUpdate {
    current_slot: u64,
    checks: Checks,
}

fn snappy(path: impl AsRef<std::path::Path>) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(&bytes(path)).unwrap()
}

fn check(header: &LightClientHeader, expected: &Expected) {
    assert_eq!(header.beacon.slot, expected.slot);
    assert_eq!(header.beacon.hash_tree_root(), expected.beacon_root);
    let execution = header.execution.as_ref().unwrap();
    assert_eq!(execution.header.hash_tree_root(), expected.execution_root);
}

fn check_store(store: &LightClientStore, checks: &Checks) {
    check(store.finalized_header(), &checks.finalized_header);
    check(store.optimistic_header(), &checks.optimistic_header);
}

/// Runs one case; returns how many steps it had and how many were by force.
fn run(case: &std::path::Path, fork: Fork) -> (usize, usize) {
    let meta: Meta = yaml(case.join("meta.yaml"));
    let config: ChainConfig = minimal_network(fork, meta.genesis_validators_root);
    let form = Form { fork, preset: Preset::Minimal };
    let encoded = snappy(case.join("bootstrap.ssz_snappy"));
    let bootstrap = Bootstrap::decode_ssz(&encoded, form).unwrap();
    assert_eq!(bootstrap.encode_ssz(), encoded);
    let mut store = LightClientStore::bootstrap(&config, meta.trusted_block_root, &bootstrap).unwrap();
    let steps: Vec<Step> = yaml(case.join("steps.yaml"));
    let mut forced = 0;
    for (index, step) in steps.iter().enumerate() {
        if let Some(step) = &step.process_update {
            let encoded = snappy(case.join(format!("{}.ssz_snappy", step.update)));
            let update = LightClientUpdate::decode_ssz(&encoded, form).unwrap();
            assert_eq!(update.encode_ssz(), encoded);
            let now = config.time_of(step.current_slot);
            store.process_update(&config, &update, now).unwrap_or_else(|error| panic!("step {index}: {error}"));
            check_store(&store, &step.checks);
        }
        if let Some(step) = &step.force_update {
            store.force_update(&config, config.time_of(step.current_slot)).unwrap();
            check_store(&store, &step.checks);
            forced += 1;
        }
    }
    (steps.len(), forced)
}

#[test]
fn the_official_sync_suites_pass_step_by_step() {
    let Some(folder) = vectors("ethereum/pyspec_light_client_sync_minimal") else { return };
    let mut tally = Tally::new("pyspec light_client/sync");
    let (mut steps, mut forced) = (0, 0);
    for (name, fork) in [("deneb", Fork::Deneb), ("electra", Fork::Electra)] {
        for case in files(folder.join(name)) {
            let (count, by_force) = run(&case, fork);
            (steps, forced) = (steps + count, forced + by_force);
            tally.pass();
        }
    }
    println!("pyspec light_client/sync: {steps} steps checked, {forced} of them by force");
    assert_eq!(tally.passed(), 6);
    assert!(forced > 0);
}

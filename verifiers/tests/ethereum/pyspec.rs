//! The official `light_client/sync` suites: after every step the store must stand where the specification's does.

use std::io::Read;
use std::path::Path;

use alloy_primitives::B256;
use serde::Deserialize;
use serde_yaml::Value;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::containers::{
    Bootstrap, LightClientData, LightClientHeader, LightClientUpdate, from_ssz,
};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkEpoch, LightClientStore, Preset, Update};

use crate::forms::assert_served;
use crate::support::{Tally, bytes, files, find, run_each, vectors, yaml};
use crate::vector_coverage::is_home;

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
    /// Zero before Capella.
    execution_root: Option<B256>,
}

#[derive(Deserialize)]
struct Step {
    process_update: Option<ProcessUpdate>,
    force_update: Option<ForceUpdate>,
    upgrade_store: Option<UpgradeStore>,
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

/// The specification rewrites its store at a fork. Headers here keep the form of their own slot: nothing to do.
#[derive(Deserialize)]
struct UpgradeStore {
    checks: Checks,
}

/// What is packed in a file: as one block, or in frames.
pub fn snappy(path: impl AsRef<Path>) -> Vec<u8> {
    let (packed, mut unpacked) = (bytes(path), Vec::new());
    if packed.starts_with(b"\xff\x06\x00\x00sNaPpY") {
        snap::read::FrameDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        return unpacked;
    }
    snap::raw::Decoder::new().decompress_vec(&packed).unwrap()
}

/// The network of a case's `config.yaml`: forks that never come are left out.
pub fn config_of(case: &Path, genesis_validators_root: B256) -> ChainConfig {
    let config: Value = yaml(case.join("config.yaml"));
    let number = |name: String| config[name.as_str()].as_u64();
    let known = [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu, Fork::Gloas];
    let fork = |name: Fork| {
        let prefix = format!("{name:?}").to_uppercase();
        let epoch = number(format!("{prefix}_FORK_EPOCH")).filter(|epoch| *epoch < u64::MAX)?;
        let version = match &config[format!("{prefix}_FORK_VERSION").as_str()] {
            Value::String(text) => text.parse().unwrap(),
            number => u32::try_from(number.as_u64().unwrap()).unwrap().to_be_bytes().into(),
        };
        Some(ForkEpoch { name, version, epoch })
    };
    let is_mainnet = config["PRESET_BASE"].as_str() == Some("mainnet");
    let slot_time = number("SLOT_DURATION_MS".to_owned()).map(|time| time / 1000);
    ChainConfig {
        chain: ChainId::eip155(31_337),
        genesis_validators_root,
        genesis_time: 0,
        seconds_per_slot: slot_time.or_else(|| number("SECONDS_PER_SLOT".to_owned())).unwrap(),
        preset: if is_mainnet { Preset::Mainnet } else { Preset::Minimal },
        forks: known.into_iter().filter_map(fork).collect(),
    }
}

fn check(header: &LightClientHeader, expected: &Expected) {
    assert_eq!(header.beacon.slot, expected.slot);
    assert_eq!(header.beacon.hash_tree_root(), expected.beacon_root);
    let root = header.execution.as_ref().map(|execution| execution.header.hash_tree_root());
    let hash = header.block_hash.as_ref().map(|proof| proof.hash);
    if let Some(expected) = expected.execution_root {
        assert_eq!(root.or(hash).unwrap_or_default(), expected);
    }
}

fn check_store(store: &LightClientStore, checks: &Checks) {
    check(store.finalized_header(), &checks.finalized_header);
    check(store.optimistic_header(), &checks.optimistic_header);
}

/// Whether a case with steps is one of these: a chain followed from a bootstrap. Other suites have steps too.
pub fn is_sync(case: &Path) -> bool {
    ["steps.yaml", "bootstrap.ssz_snappy"].iter().all(|name| case.join(name).is_file())
}

/// Runs one case; returns how many steps it had and how many were by force. Updates that no step names are of an earlier
/// release of the suite: they are read and written again.
fn run(case: &Path, tally: &mut Tally) -> (usize, usize) {
    let meta: Meta = yaml(case.join("meta.yaml"));
    let config = config_of(case, meta.genesis_validators_root);
    let encoded = snappy(case.join("bootstrap.ssz_snappy"));
    let bootstrap: Bootstrap = from_ssz(&encoded, &config).unwrap();
    assert_eq!(bootstrap.encode_ssz(), encoded);
    let mut store = LightClientStore::bootstrap(&config, meta.trusted_block_root, &bootstrap).unwrap();
    let steps: Vec<Step> = yaml(case.join("steps.yaml"));
    let (mut forced, mut read) = (0, Vec::new());
    for (index, step) in steps.iter().enumerate() {
        if let Some(step) = &step.process_update {
            let update = read_update(&config, case.join(format!("{}.ssz_snappy", step.update)));
            let now = config.time_of(step.current_slot);
            store.process_update(&config, &update, now).unwrap_or_else(|error| panic!("step {index}: {error}"));
            check_store(&store, &step.checks);
            read.push(Update::Period(Box::new(update)));
        }
        if let Some(step) = &step.force_update {
            store.force_update(&config, config.time_of(step.current_slot)).unwrap();
            check_store(&store, &step.checks);
            forced += 1;
        }
        if let Some(step) = &step.upgrade_store {
            check_store(&store, &step.checks);
        }
    }
    let is_named = |name: &str| steps.iter().flat_map(|step| &step.process_update).any(|step| step.update == name);
    for file in files(case) {
        let name = file.file_name().unwrap().to_string_lossy();
        if name.strip_suffix(".ssz_snappy").is_some_and(|name| name.starts_with("update_") && !is_named(name)) {
            read.push(Update::Period(Box::new(read_update(&config, &file))));
            tally.skip("an update that no step names: only read and written again");
        }
    }
    assert_served(&config, &bootstrap, read);
    (steps.len(), forced)
}

fn read_update(config: &ChainConfig, file: impl AsRef<Path>) -> LightClientUpdate {
    let encoded = snappy(file);
    let update: LightClientUpdate = from_ssz(&encoded, config).unwrap();
    assert_eq!(update.encode_ssz(), encoded);
    update
}

#[test]
fn the_official_sync_suites_pass_step_by_step() {
    let Some(folder) = vectors("ethereum") else { return };
    let mut tally = Tally::new("pyspec light_client/sync");
    let (mut steps, mut forced) = (0, 0);
    run_each(find(&folder, "steps.yaml"), |case| {
        if !is_sync(case) {
            return;
        }
        println!("pyspec light_client/sync: {}", case.strip_prefix(&folder).unwrap().display());
        let (count, by_force) = run(case, &mut tally);
        (steps, forced) = (steps + count, forced + by_force);
        tally.pass();
    });
    println!("pyspec light_client/sync: {steps} steps checked, {forced} of them by force");
    assert!((tally.passed() > 0 && forced > 0) || !is_home());
}

/// Cases stand in `tests/{preset}/{fork}/…`: the names on the way.
pub fn fork_of(case: &Path) -> Option<Fork> {
    let known = [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu, Fork::Gloas];
    let mut names = case.iter().rev().filter_map(|name| name.to_str());
    names.find_map(|name| known.into_iter().find(|fork| format!("{fork:?}").to_lowercase() == name))
}

pub fn preset_of(case: &Path) -> Option<Preset> {
    let presets = [("minimal", Preset::Minimal), ("mainnet", Preset::Mainnet)];
    let mut names = case.iter().rev().filter_map(|name| name.to_str());
    names.find_map(|name| presets.iter().find(|(known, _)| name.contains(known)).map(|(_, preset)| *preset))
}

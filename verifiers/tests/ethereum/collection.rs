//! `light_client/data_collection` of the specification: what a node that is in sync gives to light clients must be whole
//! here, and be written as it was read. That it collects the right pieces is the node's part.

use std::collections::BTreeSet;
use std::path::Path;

use alloy_primitives::B256;
use serde_yaml::Value;
use spandrel_verifiers::ethereum::ChainConfig;
use spandrel_verifiers::ethereum::containers::{
    Bootstrap, FinalityUpdate, LightClientUpdate, OptimisticUpdate, from_ssz,
};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;

use crate::kinds::whole::Whole;
use crate::pyspec::{config_of, snappy};
use crate::support::{Tally, find, run_each, vectors, yaml};

/// Whether a case is one of these, by its steps: other suites have files of that name too.
pub fn is_collection(case: &Path) -> bool {
    std::fs::read_to_string(case.join("steps.yaml")).is_ok_and(|steps| steps.contains("new_head:"))
}

/// Reads what a step names, which must be whole and be written as it was read.
fn read<T: Whole>(case: &Path, config: &ChainConfig, named: &Value) -> Option<T> {
    let encoded = snappy(case.join(format!("{}.ssz_snappy", named["data"].as_str()?)));
    let data: T = from_ssz(&encoded, config).unwrap();
    assert_eq!(data.encode_ssz(), encoded);
    data.check(config.form_at(data.slot()).unwrap()).unwrap_or_else(|error| panic!("{named:?}: {error}"));
    Some(data)
}

/// Runs a case: what every new head is to bring. Pieces that more than one step names are counted once.
///
/// # Panics
/// When one is not whole, or not of the block or period that the step says.
fn run(case: &Path, tally: &mut Tally) {
    let config = config_of(case, B256::ZERO);
    let mut seen = BTreeSet::new();
    let mut count = |named: &Value| {
        if seen.insert(named["data"].as_str().map(str::to_owned)) {
            tally.pass();
        }
    };
    for step in yaml::<Vec<Value>>(case.join("steps.yaml")) {
        let checks = &step["new_head"]["checks"];
        for row in checks["bootstraps"].as_sequence().into_iter().flatten() {
            let Some(bootstrap) = read::<Bootstrap>(case, &config, &row["bootstrap"]) else { continue };
            let root: B256 = row["block_root"].as_str().unwrap().parse().unwrap();
            assert_eq!(bootstrap.header.beacon.hash_tree_root(), root);
            count(&row["bootstrap"]);
        }
        for row in checks["best_updates"].as_sequence().into_iter().flatten() {
            let Some(update) = read::<LightClientUpdate>(case, &config, &row["update"]) else { continue };
            assert_eq!(Some(config.preset.period_at(update.slot())), row["period"].as_u64());
            count(&row["update"]);
        }
        let (finality, optimistic) = (&checks["latest_finality_update"], &checks["latest_optimistic_update"]);
        if read::<FinalityUpdate>(case, &config, finality).is_some() {
            count(finality);
        }
        if read::<OptimisticUpdate>(case, &config, optimistic).is_some() {
            count(optimistic);
        }
    }
}

#[test]
fn what_the_official_collections_give_to_light_clients_is_whole() {
    let Some(folder) = vectors("ethereum") else { return };
    let mut tally = Tally::new("pyspec light_client/data_collection");
    run_each(find(&folder, "steps.yaml"), |case| {
        if is_collection(case) {
            println!("pyspec light_client/data_collection: {}", case.strip_prefix(&folder).unwrap().display());
            run(case, &mut tally);
        }
    });
    if tally.passed() == 0 {
        tally.skip("no data_collection case among the vectors");
    }
}

/// The suite is not among the vectors beside the repository: a case in its layout is made here.
#[test]
fn a_collection_of_the_official_layout_is_run() {
    use spandrel_verifiers::ethereum::containers::LightClientData;

    use crate::chain::{Network, SEATS};
    let network = Network::electra();
    let finalized = network.block(72, None);
    let attested = network.block(96, Some(&finalized));
    let (root, bootstrap) = network.bootstrap(&finalized);
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path();
    let pack = |name: &str, encoded: Vec<u8>| {
        let packed = snap::raw::Encoder::new().compress_vec(&encoded).unwrap();
        std::fs::write(case.join(format!("{name}.ssz_snappy")), packed).unwrap();
    };
    pack("initial_state", vec![0; 32]);
    pack("bootstrap_72", bootstrap.encode_ssz());
    pack("update_96", network.update(&attested, &finalized, 0..SEATS).encode_ssz());
    pack("finality_update_96", network.finality_update(&attested, &finalized, 0..SEATS).encode_ssz());
    pack("optimistic_update_96", network.optimistic_update(&attested, 0..SEATS).encode_ssz());
    let forks = network.config.forks.iter().map(|fork| {
        let name = format!("{:?}", fork.name).to_uppercase();
        format!("{name}_FORK_EPOCH: {}\n{name}_FORK_VERSION: '{}'\n", fork.epoch, fork.version)
    });
    let config = format!("PRESET_BASE: 'minimal'\nSECONDS_PER_SLOT: 6\n{}", forks.collect::<String>());
    std::fs::write(case.join("config.yaml"), config).unwrap();
    let steps = |period: u64, root: B256| {
        let named = |data: &str| format!("{{fork_digest: '0x00000000', data: {data}}}");
        format!(
            "- new_block: {{fork_digest: '0x00000000', data: block_96}}\n- new_head:\n    head_block_root: '{root}'\n    \
             checks:\n      latest_finalized_checkpoint: {{epoch: 9, root: '{root}'}}\n      bootstraps:\n      - \
             {{block_root: '{root}', bootstrap: {}}}\n      - {{block_root: '{root}'}}\n      best_updates:\n      - \
             {{period: {period}, update: {}}}\n      latest_finality_update: {}\n      latest_optimistic_update: {}\n",
            named("bootstrap_72"),
            named("update_96"),
            named("finality_update_96"),
            named("optimistic_update_96"),
        )
    };
    let collected = |period, root| {
        std::fs::write(case.join("steps.yaml"), steps(period, root)).unwrap();
        std::panic::catch_unwind(|| {
            let mut tally = Tally::silent();
            run(case, &mut tally);
            tally.passed()
        })
    };
    assert_eq!(collected(1, root).unwrap(), 4);
    assert!(is_collection(case));
    collected(2, root).unwrap_err();
    collected(1, B256::ZERO).unwrap_err();
    let mut spoiled = bootstrap;
    spoiled.current_sync_committee_branch[0] = B256::ZERO;
    pack("bootstrap_72", spoiled.encode_ssz());
    collected(1, root).unwrap_err();
}

//! Which update is better: the official rankings where they are at hand, and every comparison on its own.

use std::path::Path;

use alloy_primitives::B256;
use serde::Deserialize;
use spandrel_verifiers::ethereum::containers::{LightClientData, LightClientUpdate, from_ssz};
use spandrel_verifiers::ethereum::{Fork, Form, Preset};

use crate::chain::{Network, PERIOD, SEATS};
use crate::pyspec::{config_of, fork_of, preset_of, snappy};
use crate::support::{Tally, files, find, run_each, vectors, yaml};

/// An update described by what the order looks at.
#[derive(Clone, Copy)]
struct Shape {
    participants: usize,
    has_committee: bool,
    finalized: Option<u64>,
    attested: u64,
    signature: u64,
}

const BEST: Shape = Shape {
    participants: SEATS,
    has_committee: true,
    finalized: Some(PERIOD + 8),
    attested: PERIOD + 24,
    signature: PERIOD + 25,
};

fn template() -> &'static LightClientUpdate {
    static TEMPLATE: std::sync::LazyLock<LightClientUpdate> = std::sync::LazyLock::new(|| {
        let network = Network::electra();
        let finalized = network.block(72, None);
        network.update(&network.block(96, Some(&finalized)), &finalized, 0..SEATS)
    });
    &TEMPLATE
}

impl Shape {
    fn update(self) -> LightClientUpdate {
        let mut update = template().clone();
        let bits = (0..SEATS / 8).map(|byte| {
            let ones = self.participants.saturating_sub(byte * 8).min(8);
            (0..ones).fold(0_u8, |bits, bit| bits | 1 << bit)
        });
        update.sync_aggregate.sync_committee_bits = bits.collect::<Vec<_>>().into();
        update.attested_header.beacon.slot = self.attested;
        update.signature_slot = self.signature;
        if !self.has_committee {
            update.next_sync_committee_branch.fill(B256::ZERO);
        }
        match self.finalized {
            Some(slot) => update.finalized_header.beacon.slot = slot,
            None => update.finality_branch.fill(B256::ZERO),
        }
        update
    }
}

#[test]
fn each_comparison_decides_before_the_ones_after_it() {
    // Each is better than the next, by one comparison, although the next wins all that come after.
    let order = [
        BEST,
        Shape { signature: BEST.signature + 1, ..BEST },
        Shape { attested: BEST.attested + 1, signature: BEST.signature + 1, ..BEST },
        Shape { participants: SEATS - 1, attested: BEST.attested, ..BEST },
        Shape { finalized: Some(PERIOD - 8), ..BEST },
        Shape { finalized: None, ..BEST },
        // A committee signed in the next period is not relevant: a committee of its own is due there.
        Shape { attested: 2 * PERIOD - 1, signature: 2 * PERIOD, finalized: Some(2 * PERIOD - 8), ..BEST },
        Shape { has_committee: false, attested: 2 * PERIOD, signature: 2 * PERIOD + 1, ..BEST },
        Shape { participants: 21, ..BEST },
        Shape { participants: 20, ..BEST },
        Shape { participants: 1, ..BEST },
    ];
    let updates = order.map(Shape::update);
    for (index, better) in updates.iter().enumerate() {
        assert!(!better.is_better_than(better, Preset::Minimal));
        for (other, worse) in updates.iter().enumerate().skip(index + 1) {
            assert!(better.is_better_than(worse, Preset::Minimal), "{index} over {other}");
            assert!(!worse.is_better_than(better, Preset::Minimal), "{other} over {index}");
        }
    }
    // 22 of 32 is two thirds; 21 is not.
    let (two_thirds, fewer) = (Shape { participants: 22, has_committee: false, finalized: None, ..BEST }, order[8]);
    assert!(two_thirds.update().is_better_than(&fewer.update(), Preset::Minimal));
}

/// Runs a case: of its updates each is as good as all that come after it. Its fork and its preset are those of the folders
/// in which it stands; where it has a configuration they are that one's.
///
/// # Panics
/// When one is worse, or is written otherwise than it was read.
fn run(case: &Path) {
    #[derive(Deserialize)]
    struct Meta {
        updates_count: usize,
    }
    let config = case.join("config.yaml").is_file().then(|| config_of(case, B256::ZERO));
    let preset = config.as_ref().map(|config| config.preset).or_else(|| preset_of(case)).unwrap();
    let count = files(case).iter().filter(|file| file.to_string_lossy().contains("updates_")).count();
    if case.join("meta.yaml").is_file() {
        assert_eq!(yaml::<Meta>(case.join("meta.yaml")).updates_count, count);
    }
    let read = |index| {
        let encoded = snappy(case.join(format!("updates_{index}.ssz_snappy")));
        let update: LightClientUpdate = match &config {
            Some(config) => from_ssz(&encoded, config).unwrap(),
            None => LightClientUpdate::decode_ssz(&encoded, Form { fork: fork_of(case).unwrap(), preset }).unwrap(),
        };
        assert_eq!(update.encode_ssz(), encoded);
        update
    };
    let updates: Vec<LightClientUpdate> = (0..count).map(read).collect();
    for (index, better) in updates.iter().enumerate() {
        for worse in &updates[index + 1..] {
            let found = (better.is_better_than(worse, preset), worse.is_better_than(better, preset));
            assert_ne!(found, (false, true), "{} {index}", case.display());
        }
    }
}

/// The suite is not among the vectors beside the repository: cases in its layout are made here.
#[test]
fn rankings_of_the_official_layout_are_run() {
    let folder = tempfile::tempdir().unwrap();
    let write = |place: &str, updates: &[LightClientUpdate]| {
        let case = folder.path().join(format!("tests/{place}/light_client/update_ranking/pyspec_tests/update_ranking"));
        std::fs::create_dir_all(&case).unwrap();
        for (index, update) in updates.iter().enumerate() {
            let packed = snap::raw::Encoder::new().compress_vec(&update.encode_ssz()).unwrap();
            std::fs::write(case.join(format!("updates_{index}.ssz_snappy")), packed).unwrap();
        }
        case
    };
    let made = [BEST, Shape { participants: 21, ..BEST }, Shape { participants: 1, ..BEST }].map(Shape::update);
    let case = write("minimal/electra", &made);
    run(&case);
    std::fs::write(case.join("meta.yaml"), "{updates_count: 3}\n").unwrap();
    run(&case);
    std::fs::write(case.join("meta.yaml"), "{updates_count: 2}\n").unwrap();
    std::panic::catch_unwind(|| run(&case)).unwrap_err();
    let [best, better, worst] = made;
    let wrong = write("minimal/fulu", &[best, worst, better]);
    std::panic::catch_unwind(|| run(&wrong)).unwrap_err();
    // Of a form that has no execution header, and of mainnet's size.
    for (place, fork, preset) in [
        ("minimal/altair", Fork::Altair, Preset::Minimal),
        ("mainnet/bellatrix", Fork::Bellatrix, Preset::Mainnet),
        ("mainnet/capella", Fork::Capella, Preset::Mainnet),
        ("mainnet/deneb", Fork::Deneb, Preset::Mainnet),
        ("mainnet/gloas", Fork::Gloas, Preset::Mainnet),
    ] {
        let update = crate::filled::update(Form { fork, preset }, 7, 5);
        run(&write(place, &[update.clone(), update]));
    }
}

#[test]
fn the_official_rankings_are_reproduced() {
    let Some(folder) = vectors("ethereum") else { return };
    let mut tally = Tally::new("pyspec light_client/update_ranking");
    run_each(find(&folder, "updates_0.ssz_snappy"), |case| {
        println!("pyspec light_client/update_ranking: {}", case.strip_prefix(&folder).unwrap().display());
        run(case);
        tally.pass();
    });
    if tally.passed() == 0 {
        tally.skip("no update_ranking case among the vectors");
    }
}

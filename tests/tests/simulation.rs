//! Ten thousand storms: whatever chains, nodes, members and crashes do, nothing is paid wrongly and nothing is lost.
//!
//! `SPANDREL_SEED=n` runs that one seed and prints what happens in it; `SPANDREL_SEEDS=count` says how many to run, from
//! `SPANDREL_FIRST` on.

use std::collections::BTreeMap;

use spandrel_tests::simulation::{Breakage, CrashPoint, Tally, Violation, run, run_dying_at};

const THREADS: u64 = 2;
const SEEDS: u64 = 10_000;

/// What some storm must have come to, or the storms are too mild to show anything.
const REACHED: [&str; 21] = [
    "crash",
    "delayed by a window",
    "destination reorg",
    "equivocation",
    "fast lane closed",
    "final",
    "finality broken",
    "halt",
    "lie",
    "outage",
    "paid fast",
    "paid proven",
    "pause",
    "proof_refused",
    "reverted",
    "rejected",
    "resumption by two",
    "rotation",
    "settled",
    "shortfall",
    "source reorg",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

/// Runs `count` seeds from `first` on, every one in a single thread.
fn run_all(first: u64, count: u64) -> Result<Tally, Violation> {
    let share = |offset: u64| {
        let mut sum = Tally::new();
        for seed in (first + offset..first + count).step_by(THREADS as usize) {
            for (what, times) in run(seed, None, false)? {
                *sum.entry(what).or_default() += times;
            }
        }
        Ok(sum)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|offset| scope.spawn(move || share(offset))).collect();
        let mut total = BTreeMap::new();
        for thread in threads {
            for (what, times) in thread.join().expect("no panic")? {
                *total.entry(what).or_default() += times;
            }
        }
        Ok(total)
    })
}

#[test]
fn no_storm_breaks_a_rule() {
    if let Some(seed) = number("SPANDREL_SEED") {
        let tally = run(seed, None, true).unwrap_or_else(|violation| panic!("{violation}"));
        println!("{tally:?}");
        return;
    }
    let count = number("SPANDREL_SEEDS").unwrap_or(SEEDS);
    let first = number("SPANDREL_FIRST").unwrap_or(0);
    let tally = run_all(first, count).unwrap_or_else(|violation| panic!("{violation}"));
    println!("{count} seeds: {tally:?}");
    if count >= 2_000 {
        for what in REACHED {
            assert!(tally.contains_key(what), "no seed came to {what}");
        }
    }
}

/// The first seed in which the checks notice that a rule is missing.
fn noticed(breakage: Breakage, within: u64) -> Option<Violation> {
    (0..within).find_map(|seed| run(seed, Some(breakage), false).err())
}

#[test]
fn a_seed_is_its_whole_story() {
    for seed in 0..20 {
        assert_eq!(run(seed, None, false), run(seed, None, false));
    }
}

/// Every commit point of a story, on either side of the write.
#[test]
fn a_crash_at_any_write_of_a_story_breaks_no_rule() {
    for seed in 1..3 {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let dies = |nth: u64| {
                let tally = run_dying_at(seed, nth, point).unwrap_or_else(|found| panic!("{point:?} {nth}: {found}"));
                tally.contains_key("crash")
            };
            // A write that is refused is none, so a number may go without a crash.
            let (mut writes, mut without) = (0, 0);
            for nth in 1.. {
                let has_died = dies(nth);
                writes += u64::from(has_died);
                without = if has_died { 0 } else { without + 1 };
                if without == 10 {
                    break;
                }
            }
            println!("seed {seed}: a crash {point:?} each of {writes} writes");
            assert!(writes > 50, "{writes}");
        }
    }
}

#[test]
fn a_destination_without_nullifier_is_noticed() {
    let violation = noticed(Breakage::NoNullifier, 300).expect("a violation");
    assert!(violation.what.contains("paid twice"), "{violation}");
}

#[test]
fn an_exposure_without_cap_is_noticed() {
    let violation = noticed(Breakage::NoExposureCap, 300).expect("a violation");
    let what = &violation.what;
    assert!(["exposure", "transfer cap", "lane from"].iter().any(|cap| what.contains(cap)), "{violation}");
}

#[test]
fn members_who_believe_anything_are_noticed() {
    let violation = noticed(Breakage::Gullible, 300).expect("a violation");
    assert!(violation.what.contains("never made") || violation.what.contains("not final"), "{violation}");
}

#[test]
fn a_submitter_that_asks_nobody_is_noticed() {
    let violation = noticed(Breakage::Unheeding, 300).expect("a violation");
    let what = &violation.what;
    assert!(what.contains("under a pause") || what.contains("while its chain is halted"), "{violation}");
}

#[test]
fn a_watcher_that_skips_deposits_is_noticed() {
    let violation = noticed(Breakage::SkippingWatcher, 50).expect("a violation");
    assert!(violation.what.contains("unstored"), "{violation}");
}

/// Each defence of a halt, taken out: the commit of its pause, the restart, the signed word and the second person.
#[test]
fn a_halt_with_a_hole_in_it_is_noticed() {
    for (breakage, what) in [
        (Breakage::HaltWithoutPause, "was halted without its pause"),
        (Breakage::ForgottenHalt, "without a guardian's word that names it"),
        (Breakage::UnsignedAcknowledgement, "without a guardian's word that names it"),
        (Breakage::LoneResumption, "not resumed by two"),
    ] {
        let violation = noticed(breakage, 1_000).unwrap_or_else(|| panic!("{breakage:?} is not noticed"));
        println!("{breakage:?}: {violation}");
        assert!(violation.what.contains(what), "{breakage:?}: {violation}");
    }
}

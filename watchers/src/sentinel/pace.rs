//! The rule that each lane keeps its pace: what it cleared of an asset in the running hour, against the last week.
//!
//! The fast lane is compared with itself. The light-client lane takes what the fast lane does not, all of it where that is
//! paused, and so it is compared with what both cleared.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use spandrel_verifiers::{AssetId, ChainId, UnixSeconds};

use super::{Concern, Finding, Rule};

const HOUR: u64 = 3_600;
/// A week.
const HOURS: u64 = 168;
/// Hours of the week in which something must have been cleared: a pace that is hardly known is not judged.
const KNOWN_FROM: usize = 48;
/// How many times the 99th percentile of an hour is too much.
const TIMES: u64 = 5;

/// A lane whose pace is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacedLane {
    /// The fast lane.
    Fast,
    /// The light-client lane.
    Proven,
}

/// What was cleared in each hour of the last week, by hour since the epoch.
#[derive(Clone, Debug, Default)]
pub struct Pace(BTreeMap<(ChainId, AssetId), BTreeMap<u64, Cleared>>);

/// What was cleared in an hour, base units.
#[derive(Clone, Copy, Debug, Default)]
struct Cleared {
    fast: U256,
    proven: U256,
}

impl Cleared {
    fn both(&self) -> U256 {
        self.fast.saturating_add(self.proven)
    }
}

impl Pace {
    /// Takes in a clearance.
    pub fn clear(&mut self, lane: PacedLane, source: &ChainId, asset: &AssetId, amount: U256, at: UnixSeconds) {
        let hours = self.0.entry((source.clone(), asset.clone())).or_default();
        let hour = hours.entry(at / HOUR).or_default();
        let sum = match lane {
            PacedLane::Fast => &mut hour.fast,
            PacedLane::Proven => &mut hour.proven,
        };
        *sum = sum.saturating_add(amount);
        while hours.first_key_value().is_some_and(|(hour, _)| hour.saturating_add(HOURS) < at / HOUR) {
            hours.pop_first();
        }
    }

    /// Lanes of assets whose running hour at `now` is over the limit.
    pub fn judge(&self, now: UnixSeconds) -> Vec<Finding> {
        let running = now / HOUR;
        let judged = self.0.iter().filter_map(|((source, asset), hours)| {
            let sums = hours.get(&running)?;
            let week = || hours.range(running.saturating_sub(HOURS)..running).map(|(_, sums)| sums);
            let fast = is_unusual(sums.fast, week().map(|sums| sums.fast)).then(|| {
                let concern = Concern::FastLane { source: Some(source.clone()) };
                finding(format!("{asset} {running}"), concern, asset, sums.fast, "fast")
            });
            let proven = is_unusual(sums.proven, week().map(Cleared::both)).then(|| {
                let concern = Concern::ProvenLane { source: source.clone() };
                finding(format!("{asset} {running} light_client"), concern, asset, sums.proven, "light-client")
            });
            Some([fast, proven])
        });
        judged.flatten().flatten().collect()
    }
}

fn finding(subject: String, concern: Concern, asset: &AssetId, sum: U256, lane: &str) -> Finding {
    let what = format!("{sum} of {asset} in one hour by the {lane} lane, over {TIMES} times the week's p99 hour");
    Finding { rule: Rule::PaceUnusual, subject, concern, is_pausing: true, what }
}

/// Whether an hour's sum is over the limit that a week's other hours give.
fn is_unusual(sum: U256, week: impl Iterator<Item = U256>) -> bool {
    let p99 = ninety_ninth(week.filter(|sum| !sum.is_zero()).collect());
    p99.is_some_and(|p99| sum > p99.saturating_mul(U256::from(TIMES)))
}

/// The 99th percentile of all hours of a week, those without anything included; `None` while too few had something.
fn ninety_ninth(mut busy: Vec<U256>) -> Option<U256> {
    if busy.len() < KNOWN_FROM {
        return None;
    }
    busy.sort_unstable_by(|a, b| b.cmp(a));
    // One in a hundred of 168 hours is over it.
    busy.get(1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week_of(hours: u64, amount: u64) -> Pace {
        let mut pace = Pace::default();
        (0..hours).for_each(|hour| clear(&mut pace, hour, amount));
        pace
    }

    fn clear(pace: &mut Pace, hour: u64, amount: u64) {
        clear_by(PacedLane::Fast, pace, hour, amount);
    }

    fn clear_by(lane: PacedLane, pace: &mut Pace, hour: u64, amount: u64) {
        let chain = ChainId::eip155(1);
        pace.clear(lane, &chain, &AssetId::slip44(&chain, 60), U256::from(amount), hour * HOUR + 7);
    }

    fn concerns(pace: &Pace, hour: u64) -> Vec<Concern> {
        pace.judge(hour * HOUR).into_iter().map(|finding| finding.concern).collect()
    }

    #[test]
    fn an_hour_over_five_times_the_weeks_p99_closes_the_fast_lane_of_its_source() {
        let mut pace = week_of(100, 10);
        clear(&mut pace, 100, 50);
        assert!(pace.judge(100 * HOUR).is_empty(), "five times is not over it");
        clear(&mut pace, 100, 1);
        let found = pace.judge(100 * HOUR + 1_000);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].concern, Concern::FastLane { source: Some(ChainId::eip155(1)) });
        assert!(pace.judge(101 * HOUR).is_empty(), "the next hour begins anew");
    }

    #[test]
    fn the_light_client_lane_has_a_pace_too_and_what_the_fast_lane_leaves_to_it_is_no_rush() {
        let from = ChainId::eip155(1);
        let mut pace = week_of(100, 10);
        clear_by(PacedLane::Proven, &mut pace, 100, 50);
        assert!(
            pace.judge(100 * HOUR).is_empty(),
            "the fast lane is paused, and all of a rush that is let pass comes here"
        );
        clear_by(PacedLane::Proven, &mut pace, 100, 1);
        assert_eq!(concerns(&pace, 100), [Concern::ProvenLane { source: from.clone() }]);
        clear(&mut pace, 100, 51);
        assert_eq!(
            concerns(&pace, 100),
            [Concern::FastLane { source: Some(from.clone()) }, Concern::ProvenLane { source: from }]
        );
        let [fast, proven] = &pace.judge(100 * HOUR)[..] else { panic!("one each") };
        assert_ne!(fast.key(), proven.key(), "one lifted lifts not the other");
    }

    #[test]
    fn what_the_light_client_lane_clears_says_nothing_of_the_fast_lanes_pace() {
        let mut pace = week_of(100, 10);
        (0..100).for_each(|hour| clear_by(PacedLane::Proven, &mut pace, hour, 1_000));
        clear(&mut pace, 100, 51);
        assert_eq!(concerns(&pace, 100), [Concern::FastLane { source: Some(ChainId::eip155(1)) }]);
        clear_by(PacedLane::Proven, &mut pace, 101, 5_050);
        assert!(pace.judge(101 * HOUR).is_empty());
    }

    #[test]
    fn one_busy_hour_a_week_does_not_raise_the_limit_and_a_hundredth_of_them_is_let_go() {
        let mut pace = week_of(100, 10);
        clear(&mut pace, 50, 1_000);
        clear(&mut pace, 100, 51);
        assert_eq!(pace.judge(100 * HOUR).len(), 1);
    }

    #[test]
    fn a_pace_that_is_hardly_known_is_not_judged() {
        let mut pace = week_of(47, 10);
        clear(&mut pace, 47, 1_000_000);
        assert!(pace.judge(47 * HOUR).is_empty());
    }

    #[test]
    fn what_is_older_than_a_week_is_forgotten() {
        let mut pace = week_of(60, 10);
        clear(&mut pace, 60 + HOURS, 1_000_000);
        assert!(pace.judge((60 + HOURS) * HOUR).is_empty());
    }
}

//! The rule that the fast lane keeps its pace: what it cleared of an asset in the running hour, against the last week.

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

/// What was cleared in each hour of the last week, base units by hour since the epoch.
#[derive(Clone, Debug, Default)]
pub struct Pace(BTreeMap<(ChainId, AssetId), BTreeMap<u64, U256>>);

impl Pace {
    /// Takes in a fast clearance.
    pub fn clear(&mut self, source: &ChainId, asset: &AssetId, amount: U256, at: UnixSeconds) {
        let hours = self.0.entry((source.clone(), asset.clone())).or_default();
        let sum = hours.entry(at / HOUR).or_default();
        *sum = sum.saturating_add(amount);
        while hours.first_key_value().is_some_and(|(hour, _)| hour.saturating_add(HOURS) < at / HOUR) {
            hours.pop_first();
        }
    }

    /// Assets whose running hour at `now` is over the limit.
    pub fn judge(&self, now: UnixSeconds) -> Vec<Finding> {
        let running = now / HOUR;
        let findings = self.0.iter().filter_map(|((source, asset), hours)| {
            let sum = hours.get(&running)?;
            let week = hours.range(running.saturating_sub(HOURS)..running).map(|(_, sum)| *sum);
            let limit = ninety_ninth(week.collect())?.saturating_mul(U256::from(TIMES));
            (*sum > limit).then(|| Finding {
                rule: Rule::PaceUnusual,
                subject: format!("{asset} {running}"),
                concern: Concern::FastLane { source: Some(source.clone()) },
                is_pausing: true,
                what: format!("{sum} of {asset} in one hour by the fast lane, over {TIMES} times the week's p99 hour"),
            })
        });
        findings.collect()
    }
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
        let chain = ChainId::eip155(1);
        pace.clear(&chain, &AssetId::slip44(&chain, 60), U256::from(amount), hour * HOUR + 7);
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

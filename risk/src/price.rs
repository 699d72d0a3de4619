//! What a feed says an asset is worth, and how far it is to be believed.
//!
//! A price is a claim with a width and an age. It can only tighten: a notional value is never below the configured
//! floor's, and what is missing, stale or too wide counts for nothing. Value goes by the floor then, which makes every
//! limit by value one in amounts that no feed can widen; without a floor there is no value.

use alloy_primitives::{U64, U256, U512};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::UnixSeconds;

use crate::limit::decimal;

/// What a feed published: the value of [`PriceRule::unit`] base units, in the notional's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Its best guess.
    #[serde(with = "decimal")]
    pub value: U256,
    /// Half the width of the interval that it is confident of.
    #[serde(with = "decimal")]
    pub confidence: U256,
    /// When it was published, Unix seconds.
    pub published_at: UnixSeconds,
}

/// How the feed of one asset is read. Every field must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceRule {
    /// How many base units a price is for.
    #[serde(with = "decimal")]
    pub unit: U256,
    /// The least that they are ever taken to be worth. Zero leaves it to the feed.
    #[serde(with = "decimal")]
    pub floor: U256,
    /// Seconds for which a price is fresh.
    pub fresh_for: u64,
    /// Seconds from which on it is stale. In between it is degraded.
    pub stale_after: u64,
    /// Widest confidence that is believed, in hundredths of a percent of the value.
    pub widest: u32,
}

/// How far a price is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceState {
    /// As it is.
    Fresh,
    /// At the upper end of its confidence.
    Degraded,
    /// Not at all: it is missing, too old, too wide, worth nothing, or from the future.
    Stale,
}

/// Parts of a value in which [`PriceRule::widest`] counts.
const PARTS: u64 = 10_000;

impl Price {
    /// How far it is to be believed at `now`.
    pub fn state(&self, rule: &PriceRule, now: UnixSeconds) -> PriceState {
        let Some(age) = now.checked_sub(self.published_at) else { return PriceState::Stale };
        let times = |amount: U256, times: u64| amount.widening_mul::<64, 1, 320, 5>(U64::from(times));
        let is_wide = times(self.confidence, PARTS) > times(self.value, rule.widest.into());
        if self.value.is_zero() || is_wide || age >= rule.stale_after {
            return PriceState::Stale;
        }
        if age < rule.fresh_for { PriceState::Fresh } else { PriceState::Degraded }
    }
}

impl PriceRule {
    /// What a feed's price says at `now`: `None` when it is not to be believed.
    fn believed(&self, price: Option<&Price>, now: UnixSeconds) -> Option<U256> {
        let price = price?;
        match price.state(self, now) {
            PriceState::Fresh => Some(price.value),
            PriceState::Degraded => Some(price.value.saturating_add(price.confidence)),
            PriceState::Stale => None,
        }
    }

    /// The value of `amount` by the higher of floor and feed, rounded up; `None` when the feed is not to be believed.
    pub fn notional(&self, price: Option<&Price>, amount: U256, now: UnixSeconds) -> Option<U256> {
        self.valued(price, amount, now).0
    }

    /// The value of `amount` by which limits are checked, and which is charged: by the floor alone when the feed is not to
    /// be believed. Zero: nobody can say.
    pub fn charged(&self, price: Option<&Price>, amount: U256, now: UnixSeconds) -> U256 {
        self.valued(price, amount, now).1
    }

    /// [`Self::notional`] and [`Self::charged`] by one division: where there is a notional, it is what is charged.
    pub(crate) fn valued(&self, price: Option<&Price>, amount: U256, now: UnixSeconds) -> (Option<U256>, U256) {
        let believed = self.believed(price, now);
        let charged = self.at(believed.unwrap_or_default().max(self.floor), amount);
        (believed.map(|_| charged), charged)
    }

    /// The most whose value at `now` is within `room`, base units; no bound when nobody can say.
    pub(crate) fn most_within(&self, price: Option<&Price>, room: U512, now: UnixSeconds) -> Option<U512> {
        let value = self.believed(price, now).unwrap_or_default().max(self.floor);
        room.saturating_mul(U512::from(self.unit.max(U256::ONE))).checked_div(U512::from(value))
    }

    fn at(&self, value: U256, amount: U256) -> U256 {
        let (whole, rest) = value.widening_mul::<256, 4, 512, 8>(amount).div_rem(U512::from(self.unit.max(U256::ONE)));
        U256::saturating_from(whole.saturating_add(U512::from(u64::from(!rest.is_zero()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: PriceRule = PriceRule {
        unit: U256::from_limbs([1_000, 0, 0, 0]),
        floor: U256::from_limbs([50, 0, 0, 0]),
        fresh_for: 60,
        stale_after: 600,
        widest: 200,
    };

    fn price(value: u64, confidence: u64) -> Price {
        Price { value: U256::from(value), confidence: U256::from(confidence), published_at: 1_000 }
    }

    fn notional(price: Price, now: u64) -> Option<U256> {
        RULE.notional(Some(&price), U256::from(2_000), now)
    }

    #[test]
    fn a_price_grows_old_to_the_second() {
        let states = [(1_000, PriceState::Fresh), (1_059, PriceState::Fresh), (1_060, PriceState::Degraded)];
        for (now, state) in states.into_iter().chain([(1_599, PriceState::Degraded), (1_600, PriceState::Stale)]) {
            assert_eq!(price(100, 1).state(&RULE, now), state, "{now}");
        }
    }

    #[test]
    fn what_is_wide_worthless_or_from_the_future_is_not_believed() {
        assert_eq!(price(100, 2).state(&RULE, 1_000), PriceState::Fresh);
        assert_eq!(price(100, 3).state(&RULE, 1_000), PriceState::Stale);
        assert_eq!(price(0, 0).state(&RULE, 1_000), PriceState::Stale);
        assert_eq!(price(100, 1).state(&RULE, 999), PriceState::Stale);
        let huge = Price { value: U256::MAX, confidence: U256::MAX, published_at: 1_000 };
        assert_eq!(huge.state(&RULE, 1_000), PriceState::Stale);
    }

    #[test]
    fn a_value_is_the_higher_of_floor_and_feed_and_a_degraded_one_is_taken_at_its_upper_end() {
        assert_eq!(notional(price(100, 2), 1_000), Some(U256::from(200)));
        assert_eq!(notional(price(100, 2), 1_100), Some(U256::from(204)));
        assert_eq!(notional(price(10, 0), 1_000), Some(U256::from(100)), "a fall cannot widen a limit");
        assert_eq!(notional(price(100, 2), 1_600), None);
        assert_eq!(RULE.charged(Some(&price(100, 2)), U256::from(2_000), 1_600), U256::from(100));
        assert_eq!(RULE.charged(None, U256::from(1), 0), U256::from(1), "rounded up: splitting gains nothing");
    }

    #[test]
    fn the_largest_values_saturate() {
        let huge = Price { value: U256::MAX, confidence: U256::ZERO, published_at: 1_000 };
        assert_eq!(RULE.notional(Some(&huge), U256::MAX, 1_000), Some(U256::MAX));
    }
}

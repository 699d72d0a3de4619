//! What a decision looks at over corridors: the limits of one question, and what stands against each of them.

use alloy_primitives::{B256, U256, U512};

use crate::parts::Parts;
use crate::{AssetRules, Bucket, Corridor, CorridorRules, ExposureRule, Limit, Limits, Position, RiskPolicy, Side};

/// What a decision reads over corridors. What no limit asks for is not read, and is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) asset_used: U512,
    /// `None` when the feed is not to be believed.
    pub(crate) notional: Option<U256>,
    /// By the floor where the feed is not to be believed; zero when nobody can say.
    pub(crate) charged: U256,
    pub(crate) corridor_notional: U512,
    pub(crate) asset_notional: U512,
    pub(crate) destination_notional: U512,
    pub(crate) source_notional: U512,
    pub(crate) filled: [U512; 2],
    pub(crate) p99: Option<U256>,
}

impl Facts {
    /// Whether a price that is believed, or a floor, says what it is worth.
    pub(crate) fn is_valued(&self) -> bool {
        !self.charged.is_zero()
    }
}

/// What of one asset stands locked, and what of it was paid to all destinations before its proof.
pub(crate) struct Shared {
    pub(crate) locked: U512,
    pub(crate) exposure: U512,
}

/// The limits of one question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'p> {
    pub(crate) corridor: &'p Limits,
    /// Without them nothing passes that has a value.
    pub(crate) by_value: Option<&'p CorridorRules>,
    pub(crate) asset: &'p AssetRules,
    pub(crate) destination: Limit,
}

/// Whose pace is bounded, in the order of [`Facts::filled`].
pub(crate) const SIDES: [Side; 2] = [Side::Sender, Side::Recipient];

impl Position<'_> {
    /// The limits of this question; `None` when the corridor, the asset or the destination is not listed.
    pub(crate) fn rules<'p>(&self, policy: &'p RiskPolicy) -> Option<Rules<'p>> {
        let wide = &policy.wide;
        Some(Rules {
            corridor: policy.limits(&self.corridor)?,
            by_value: wide.corridors.get(&self.corridor),
            asset: wide.assets.get(&self.corridor.asset)?,
            destination: *wide.destinations.get(&self.corridor.destination)?,
        })
    }

    pub(crate) fn facts(&self, policy: &RiskPolicy, rules: &Rules<'_>) -> Facts {
        let (state, corridor, amount, now) = (self.state, &self.corridor, self.deposit.amount, self.latest);
        let mut facts = Facts::default();
        if rules.asset.window != Limit::Unlimited {
            facts.asset_used = state.asset_used(&corridor.asset, now);
        }
        if let Some(rule) = &rules.asset.price {
            (facts.notional, facts.charged) = rule.valued(state.price(&corridor.asset), amount, now);
            facts.corridor_notional = self.netted(rules.by_value);
            if let Some(Limit::Amount(_)) = rules.asset.notional {
                facts.asset_notional = state.notional_of(Parts::Asset(&corridor.asset), now);
            }
            facts.destination_notional = state.notional_of(Parts::Destination(&corridor.destination), now);
        }
        if policy.wide.depths.contains_key(&corridor.source) {
            facts.source_notional = state.notional_of(Parts::Source(&corridor.source), now);
        }
        for ((filled, side), (party, bucket)) in facts.filled.iter_mut().zip(SIDES).zip(self.parties(rules.asset)) {
            if bucket.capacity != Limit::Unlimited {
                *filled = state.bucket_filled(&corridor.asset, side, party, now);
            }
        }
        if rules.asset.most_of_p99 != Limit::Unlimited {
            facts.p99 = state.p99(&corridor.asset);
        }
        facts
    }

    /// Both parties with their buckets, in the order of [`SIDES`].
    pub(crate) fn parties<'p>(&self, asset: &'p AssetRules) -> [(B256, &'p Bucket); 2] {
        [(self.deposit.sender, &asset.sender), (self.deposit.recipient, &asset.recipient)]
    }

    /// What a share of what stands locked is asked of.
    pub(crate) fn shared(&self, rule: &ExposureRule) -> Shared {
        let Corridor { source, asset, destination, .. } = &self.corridor;
        let elsewhere = self.state.exposure_elsewhere(source, asset, destination);
        Shared {
            locked: self.sums.proven.saturating_sub(self.state.came_back(&rule.returned_as)),
            exposure: self.sums.exposure.saturating_add(elsewhere),
        }
    }
}

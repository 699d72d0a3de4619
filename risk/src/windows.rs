//! The sliding 24 hours, by amount and by value, of a corridor, an asset and a destination.
//!
//! Value is the feed's or the floor's, whichever is higher, and the floor's alone while no price is believed: limits by
//! value are then limits in amounts, which what was cleared before and all assets of a destination share on. What has
//! neither price nor floor cannot be summed with anything: for its corridor and its asset the limits in amounts stand
//! alone, and to a destination that is limited by value it does not go.

use alloy_primitives::{U256, U512};

use crate::facts::{Facts, Rules};
use crate::parts::Parts;
use crate::{CorridorRules, Decision, Lane, Limit, Position, Reason, RiskPolicy};

/// The limit of one window, and what of it is used.
type Window = (Limit, U512);

impl Position<'_> {
    pub(crate) fn require_windows(&self, rules: &Rules<'_>, facts: &Facts) -> Result<(), Decision> {
        let amount = self.deposit.amount;
        let [of_corridor, of_asset] = self.by_amount(rules, facts);
        if let Some((limit, used)) = is_over(of_corridor, amount) {
            return hold(Reason::Window { limit, used, amount });
        }
        if let Some((limit, used)) = is_over(of_asset, amount) {
            return hold(Reason::AssetWindow { limit, used, amount });
        }
        let notional = facts.charged;
        for window in by_value(rules, facts) {
            // What is closed needs no value to be closed.
            let is_asked = facts.is_valued() || window.0 == Limit::CLOSED;
            if let Some((limit, used)) = is_over(window, notional.max(U256::ONE)).filter(|_| is_asked) {
                return hold(Reason::NotionalWindow { limit, used, notional });
            }
        }
        match rules.destination {
            Limit::Amount(limit) if !facts.is_valued() => hold(Reason::Unvalued { limit }),
            _ => Ok(()),
        }
    }

    /// The most that all windows together let pass now, base units: what fits into them fits into this.
    pub fn window_left(&self, policy: &RiskPolicy) -> Limit {
        let Some(rules) = self.rules(policy) else { return Limit::CLOSED };
        let facts = self.facts(policy, &rules);
        let price = rules.asset.price.as_ref();
        let by_amount = self.by_amount(&rules, &facts).map(room);
        let by_value = by_value(&rules, &facts).map(|window| {
            let is_closed = window.0 == Limit::CLOSED;
            let most = |room| price?.most_within(self.state.price(&self.corridor.asset), room, self.latest);
            if is_closed { Some(U512::ZERO) } else { room(window).and_then(most) }
        });
        let is_barred = rules.destination != Limit::Unlimited && !facts.is_valued();
        let rooms = by_amount.into_iter().chain(by_value).flatten().chain(is_barred.then_some(U512::ZERO));
        rooms.min().map_or(Limit::Unlimited, |least| Limit::Amount(U256::saturating_from(least)))
    }

    fn by_amount(&self, rules: &Rules<'_>, facts: &Facts) -> [Window; 2] {
        [(rules.corridor.window, self.window_used), (rules.asset.window, facts.asset_used)]
    }

    /// What the corridor's window by value holds, less what was paid the other way where that is configured: what may yet be
    /// given back makes no room. The fast lane is never netted, whatever is configured.
    pub(crate) fn netted(&self, by_value: Option<&CorridorRules>) -> U512 {
        let used = |tank| self.state.notional_of(tank, self.latest);
        let with = by_value.and_then(|by_value| by_value.netted_with.as_ref());
        let back = with.filter(|with| self.corridor.lane != Lane::Fast && with.lane != Lane::Fast);
        let back = back.map_or(U512::ZERO, |with| used(Parts::Paid(with)));
        used(Parts::Corridor(&self.corridor)).saturating_sub(back)
    }
}

/// The windows by value. A corridor that is not listed there is closed to what has a value.
fn by_value(rules: &Rules<'_>, facts: &Facts) -> [Window; 3] {
    let unlisted = if facts.is_valued() { Limit::CLOSED } else { Limit::Unlimited };
    [
        (rules.by_value.map_or(unlisted, |by_value| by_value.notional), facts.corridor_notional),
        (rules.asset.notional.unwrap_or(Limit::Unlimited), facts.asset_notional),
        (rules.destination, facts.destination_notional),
    ]
}

/// What is left of a window; `None` when it has no limit.
fn room((limit, used): Window) -> Option<U512> {
    match limit {
        Limit::Amount(limit) => Some(U512::from(limit).saturating_sub(used)),
        Limit::Unlimited => None,
    }
}

/// The limit of a window and what is used of it, when `more` does not fit.
fn is_over((limit, used): Window, more: U256) -> Option<(U256, U256)> {
    let fits = limit.admits(used.saturating_add(U512::from(more)));
    (!fits).then(|| (limit.amount(), U256::saturating_from(used)))
}

fn hold(reason: Reason) -> Result<(), Decision> {
    Err(Decision::Hold { reason })
}

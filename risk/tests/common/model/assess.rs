//! The decision, check by check, on what the log says.

use alloy_primitives::{U256, U512};
use spandrel_risk::{Corridor, Decision, Lane, Limit, Price, PriceRule, Reason, RiskPolicy, Side, Tank};
use spandrel_verifiers::{Deposit, LanePreference};

use super::Model;
use super::sums::AccountOf;

impl Model {
    pub fn assess(
        &self,
        policy: &RiskPolicy,
        deposit: &Deposit,
        lane: Lane,
        first_asked_at: u64,
        now: u64,
    ) -> Decision {
        self.assess_under(policy, deposit, lane, first_asked_at, now, 0)
    }

    pub fn assess_under(
        &self,
        policy: &RiskPolicy,
        deposit: &Deposit,
        lane: Lane,
        first_asked_at: u64,
        now: u64,
        confirmations: u64,
    ) -> Decision {
        let corridor = Corridor::of(deposit, lane);
        let known = self.known(deposit.id());
        let (asked, is_fast) = (deposit.amount, lane == Lane::Fast);
        let fits = |limit: Limit, used: U512| match limit {
            Limit::Unlimited => true,
            Limit::Amount(limit) => used + U512::from(asked) <= U512::from(limit),
        };
        let clip = |sum: U512| if sum > U512::from(U256::MAX) { U256::MAX } else { sum.to::<U256>() };
        if deposit.expiry < now.max(self.log.last().map_or(0, |(_, at)| *at)) {
            return Decision::Reject { reason: Reason::Expired { expiry: deposit.expiry } };
        }
        if is_fast && deposit.lane == LanePreference::LightClient {
            return Decision::Reject { reason: Reason::LaneNotAskedFor };
        }
        let wide = &policy.wide;
        let (Some(limits), Some(rules), Some(by_destination)) = (
            policy.limits.get(&corridor),
            wide.assets.get(&deposit.asset),
            wide.destinations.get(&deposit.destination_chain),
        ) else {
            return Decision::Reject { reason: Reason::Unknown };
        };
        let latest = now.max(self.clock());
        if asked.is_zero() || asked < limits.dust {
            return Decision::Reject {
                reason: Reason::Dust { minimum: limits.dust.max(U256::from(1)), amount: asked },
            };
        }
        if let Some((corridor, _)) = known.payout {
            return Decision::Reject { reason: Reason::AlreadyCleared { lane: corridor.lane } };
        }
        if known.is_closed {
            return Decision::Reject { reason: Reason::Over };
        }
        if let Some(scope) = self.paused_by(deposit, lane, now) {
            return Decision::Hold { reason: Reason::Paused { scope } };
        }
        if !is_fast {
            let is_locked = known.locked.is_some_and(|(at, amount)| at.is_account_of(deposit) && amount == asked);
            let available = if is_locked { self.available(deposit) } else { U512::ZERO };
            if U512::from(asked) > available {
                return Decision::Hold { reason: Reason::Ledger { available: clip(available), amount: asked } };
            }
        }
        if !fits(limits.per_transfer, U512::ZERO) {
            let reason = Reason::PerTransferCap { cap: limits.per_transfer.amount(), amount: asked };
            return if is_fast { Decision::Reject { reason } } else { Decision::Hold { reason } };
        }
        let exposure = self.exposure(deposit);
        if is_fast && !fits(limits.exposure_cap, exposure) {
            let (cap, exposure) = (limits.exposure_cap.amount(), clip(exposure));
            return Decision::Hold { reason: Reason::ExposureCap { cap, exposure, amount: asked } };
        }
        if let Some(rule) = rules.exposure.as_ref().filter(|_| is_fast) {
            let cap = self.locked(deposit, &rule.returned_as) * U512::from(rule.share) / U512::from(10_000);
            let exposure = self.exposure_everywhere(deposit);
            if exposure + U512::from(asked) > cap {
                let (cap, exposure) = (clip(cap), clip(exposure));
                return Decision::Hold { reason: Reason::ExposureCap { cap, exposure, amount: asked } };
            }
        }
        let used = self.window_used(&corridor, now);
        if !fits(limits.window, used) {
            let (limit, used) = (limits.window.amount(), clip(used));
            return Decision::Hold { reason: Reason::Window { limit, used, amount: asked } };
        }
        let used = self.asset_used(&deposit.asset, now);
        if !fits(rules.window, used) {
            let (limit, used) = (rules.window.amount(), clip(used));
            return Decision::Hold { reason: Reason::AssetWindow { limit, used, amount: asked } };
        }
        let price = self.price(&deposit.asset).filter(|_| rules.price.is_some());
        let believed = rules.price.and_then(|rule| believed(&rule, price?, latest));
        let worth = |value: U256| {
            let unit = U512::from(rules.price.unwrap().unit.max(U256::ONE));
            clip((U512::from(value) * U512::from(asked)).div_ceil(unit))
        };
        let floor = rules.price.map_or(U256::ZERO, |rule| rule.floor);
        let charged = rules.price.map_or(U256::ZERO, |_| worth(believed.unwrap_or_default().max(floor)));
        let own = wide.corridors.get(&corridor);
        let used_of = |tank| if rules.price.is_some() { self.notional_used(&tank, now) } else { U512::ZERO };
        let mut used = used_of(Tank::Corridor(corridor.clone()));
        if let Some(back) = own.and_then(|rules| rules.netted_with.clone()).filter(|_| !is_fast) {
            used = used.saturating_sub(self.notional_used(&Tank::Paid(back), now));
        }
        let to = Tank::Destination { chain: deposit.destination_chain.clone() };
        // Nobody can say what it is worth: no price is believed, and there is no floor.
        let is_valued = !charged.is_zero();
        let unlisted = if is_valued { Limit::CLOSED } else { Limit::Unlimited };
        let of_asset = rules.notional.unwrap_or(Limit::Unlimited);
        let used_of_asset = match of_asset {
            Limit::Amount(_) => used_of(Tank::Asset { asset: deposit.asset.clone() }),
            Limit::Unlimited => U512::ZERO,
        };
        let of_corridor = own.map_or(unlisted, |rules| rules.notional);
        for (limit, used) in [(of_corridor, used), (of_asset, used_of_asset), (*by_destination, used_of(to))] {
            let Limit::Amount(limit) = limit else { continue };
            let is_full = used + U512::from(charged) > U512::from(limit);
            if limit.is_zero() || (is_valued && is_full) {
                return Decision::Hold {
                    reason: Reason::NotionalWindow { limit, used: clip(used), notional: charged },
                };
            }
        }
        if let (Limit::Amount(limit), false) = (*by_destination, is_valued) {
            return Decision::Hold { reason: Reason::Unvalued { limit } };
        }
        if let Limit::Amount(from) = limits.large_from {
            let until = first_asked_at.saturating_add(limits.large_delay);
            if asked >= from && now < until {
                return Decision::Delay { until, reason: Reason::LargeTransfer { from } };
            }
        }
        if let Some(rule) = wide.depths.get(&deposit.source_chain) {
            let from = Tank::Source { chain: deposit.source_chain.clone() };
            let value = self.notional_used(&from, now) + U512::from(charged);
            // As many blocks as make the value smaller than their cost.
            let blocks = (1u64..10_000).find(|blocks| value < U512::from(rule.block_cost) * U512::from(*blocks));
            let needed = if charged.is_zero() { u64::MAX } else { blocks.unwrap_or(u64::MAX).max(rule.least) };
            if confirmations < needed {
                return Decision::Hold { reason: Reason::Confirmations { needed, found: confirmations } };
            }
        }
        let sides =
            [(Side::Sender, deposit.sender, rules.sender), (Side::Recipient, deposit.recipient, rules.recipient)];
        for (side, party, bucket) in sides {
            let Limit::Amount(capacity) = bucket.capacity else { continue };
            let filled = self.bucket_filled(&deposit.asset, side, party, now);
            let reason = Reason::Velocity { side, capacity, filled: clip(filled), amount: asked };
            if asked > capacity {
                return Decision::Hold { reason };
            }
            let excess = (filled + U512::from(asked)).saturating_sub(U512::from(capacity));
            if !excess.is_zero() {
                let wait = (excess * U512::from(bucket.refill_seconds.max(1))).div_ceil(U512::from(capacity));
                let until = latest.saturating_add(wait.saturating_to::<u64>());
                return Decision::Delay { until, reason };
            }
        }
        if let (Limit::Amount(times), Some(p99)) = (rules.most_of_p99, self.p99(&deposit.asset)) {
            let most = clip(U512::from(times) * U512::from(p99)).max(rules.usual);
            if asked > most {
                return Decision::Hold { reason: Reason::Unusual { most, amount: asked } };
            }
        }
        Decision::Allow
    }
}

/// What a price says at `now`.
fn believed(rule: &PriceRule, price: Price, now: u64) -> Option<U256> {
    let age = now.checked_sub(price.published_at)?;
    let is_wide = U512::from(price.confidence) * U512::from(10_000) > U512::from(price.value) * U512::from(rule.widest);
    if price.value.is_zero() || is_wide || age >= rule.stale_after {
        return None;
    }
    Some(if age < rule.fresh_for { price.value } else { price.value.saturating_add(price.confidence) })
}

//! The risk state as a list of events, read from the beginning for every question: slow, and plainly right.

use std::collections::BTreeSet;

use alloy_primitives::{B256, U256, U512};
use spandrel_risk::{
    Charge, Corridor, Decision, Lane, Limit, Price, PriceRule, Reason, RiskEvent, RiskPolicy, Scope, Side, Tank, Terms,
    WINDOW_SECONDS,
};
use spandrel_verifiers::{AssetId, Deposit, DepositId, LanePreference};

#[derive(Clone, Default)]
pub struct Model {
    pub log: Vec<(RiskEvent, u64)>,
}

/// What is known of one deposit after reading the whole log.
#[derive(Clone, Default)]
pub struct Known {
    pub locked: Option<(Corridor, U256)>,
    pub payout: Option<(Corridor, U256)>,
    pub is_short: bool,
    pub is_settled: bool,
    /// Nothing is said of it any more.
    pub is_closed: bool,
    /// Clearances that took effect: corridor, amount, time.
    pub charges: Vec<(Corridor, U256, u64)>,
    /// The last of them.
    pub last: Option<(Corridor, U256, u64)>,
    /// Whether what that one is charged over corridors came.
    is_charged: bool,
    /// By value.
    pub notionals: Vec<(Tank, U256, u64)>,
    /// Its first charge: place in the log, corridor, amount, charge, time.
    pub first: Option<(usize, Corridor, U256, Charge, u64)>,
}

impl Model {
    pub fn apply(&mut self, event: RiskEvent, at: u64) {
        let last = self.log.last().map_or(0, |(_, at)| *at);
        self.log.push((event, at.max(last)));
    }

    fn ids(&self) -> Vec<DepositId> {
        let mut ids: Vec<DepositId> = self.log.iter().filter_map(|(event, _)| event.deposit()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    pub fn known(&self, of: DepositId) -> Known {
        let mut known = Known::default();
        let log = self.log.iter().enumerate();
        for (place, (event, at)) in log.filter(|(_, (event, _))| event.deposit() == Some(of)) {
            if known.is_closed {
                continue;
            }
            match event {
                RiskEvent::Closed { .. } => {
                    let is_known = known.locked.is_some() || !known.charges.is_empty();
                    let is_exposed = known.is_fast() && !known.is_settled;
                    known.is_closed = is_known && !is_exposed;
                    if known.is_closed && known.payout.is_none() {
                        known.locked = None;
                    }
                }
                RiskEvent::Proven { source, asset, amount, .. } if known.locked.is_none() => {
                    let (source, asset) = (source.clone(), asset.clone());
                    let any = Corridor { destination: source.clone(), source, asset, lane: Lane::LightClient };
                    known.locked = Some((any, *amount));
                }
                RiskEvent::Cleared { source, destination, asset, amount, lane, .. } if known.payout.is_none() => {
                    let (source, destination, asset) = (source.clone(), destination.clone(), asset.clone());
                    let corridor = Corridor { source, destination, asset, lane: *lane };
                    known.charges.retain(|(charged, ..)| *charged != corridor);
                    known.charges.push((corridor.clone(), *amount, *at));
                    known.last = Some((corridor.clone(), *amount, *at));
                    known.is_charged = false;
                    known.notionals.retain(|(tank, ..)| !tanks(&corridor).contains(tank));
                    known.payout = Some((corridor, *amount));
                }
                RiskEvent::Charged { charge, .. } if known.payout.is_some() => {
                    let is_open = !known.is_settled && !known.is_short && !known.is_charged;
                    let Some((corridor, amount)) = known.payout.clone().filter(|_| is_open) else { continue };
                    known.is_charged = true;
                    let charged = tanks(&corridor).map(|tank| (tank, charge.notional, *at));
                    known.notionals.extend(charged);
                    if known.first.is_none() {
                        known.first = Some((place, corridor, amount, charge.clone(), *at));
                    }
                }
                RiskEvent::Returned { .. } if !known.is_settled => {
                    known.payout = None;
                    known.is_short = false;
                }
                RiskEvent::Settled { .. } if known.is_fast() => {
                    known.is_settled = true;
                    known.is_short = false;
                }
                RiskEvent::Shortfall { .. } if known.is_fast() && !known.is_settled => known.is_short = true,
                _ => {}
            }
        }
        known
    }

    fn sum(&self, of: impl Fn(&Known) -> Option<U256>) -> U512 {
        self.ids().into_iter().filter_map(|id| of(&self.known(id))).map(U512::from).sum()
    }

    pub fn proven(&self, deposit: &Deposit) -> U512 {
        self.sum(|known| known.locked.as_ref().filter(|(corridor, _)| corridor.is_account_of(deposit)).map(|l| l.1))
    }

    pub fn released(&self, deposit: &Deposit) -> U512 {
        self.sum(|known| {
            let (corridor, amount) = known.payout.as_ref()?;
            let counts = corridor.lane == Lane::LightClient || known.locked.is_some();
            (counts && corridor.is_account_of(deposit)).then_some(*amount)
        })
    }

    pub fn available(&self, deposit: &Deposit) -> U512 {
        self.proven(deposit).saturating_sub(self.released(deposit))
    }

    pub fn exposure(&self, deposit: &Deposit) -> U512 {
        let fast = Corridor::of(deposit, Lane::Fast);
        self.sum(|known| {
            let (corridor, amount) = known.payout.as_ref()?;
            (*corridor == fast && !known.is_settled).then_some(*amount)
        })
    }

    /// The same to any destination.
    pub fn exposure_everywhere(&self, deposit: &Deposit) -> U512 {
        self.sum(|known| {
            let (corridor, amount) = known.payout.as_ref()?;
            let is_exposed = corridor.lane == Lane::Fast && !known.is_settled;
            (is_exposed && corridor.is_account_of(deposit)).then_some(*amount)
        })
    }

    /// What stands locked: what was proven, without what was paid for what came back as any of `returned_as`.
    pub fn locked(&self, deposit: &Deposit, returned_as: &BTreeSet<AssetId>) -> U512 {
        let came_back = self.sum(|known| {
            let (corridor, amount) = known.payout.as_ref()?;
            let counts = corridor.lane == Lane::LightClient || known.locked.is_some();
            (counts && returned_as.contains(&corridor.asset)).then_some(*amount)
        });
        self.proven(deposit).saturating_sub(came_back)
    }

    pub fn window_used(&self, corridor: &Corridor, now: u64) -> U512 {
        let now = now.max(self.log.last().map_or(0, |(_, at)| *at));
        let charges = self.ids().into_iter().flat_map(|id| self.known(id).charges);
        let counted = charges.filter(|(charged, _, at)| charged == corridor && now - at < WINDOW_SECONDS);
        counted.map(|(_, amount, _)| U512::from(amount)).sum()
    }

    fn clock(&self) -> u64 {
        self.log.last().map_or(0, |(_, at)| *at)
    }

    pub fn asset_used(&self, asset: &AssetId, now: u64) -> U512 {
        let now = now.max(self.clock());
        let last = self.ids().into_iter().filter_map(|id| self.known(id).last);
        let counted = last.filter(|(corridor, _, at)| corridor.asset == *asset && now - at < WINDOW_SECONDS);
        counted.map(|(_, amount, _)| U512::from(amount)).sum()
    }

    pub fn notional_used(&self, of: &Tank, now: u64) -> U512 {
        let now = now.max(self.clock());
        let all = self.ids().into_iter().flat_map(|id| self.known(id).notionals);
        let counted = all.filter(|(tank, _, at)| tank == of && now - at < WINDOW_SECONDS);
        counted.map(|(_, notional, _)| U512::from(notional)).sum()
    }

    /// First charges of an asset, in the order of the log.
    fn firsts(&self, asset: &AssetId) -> Vec<(usize, Corridor, U256, Charge, u64)> {
        let firsts = self.ids().into_iter().filter_map(|id| self.known(id).first);
        let mut firsts: Vec<_> = firsts.filter(|(_, corridor, ..)| corridor.asset == *asset).collect();
        firsts.sort_by_key(|(place, ..)| *place);
        firsts
    }

    pub fn bucket_filled(&self, asset: &AssetId, side: Side, party: B256, now: u64) -> U512 {
        let now = now.max(self.clock());
        let drained = |terms: &Terms, seconds: u64| {
            U512::from(terms.capacity) * U512::from(seconds) / U512::from(terms.refill_seconds.max(1))
        };
        let mut bucket: Option<(U512, u64, Terms)> = None;
        for (_, _, amount, charge, at) in self.firsts(asset) {
            for fill in charge.fills.iter().filter(|fill| fill.side == side && fill.party == party) {
                let left = bucket
                    .map_or(U512::ZERO, |(filled, since, terms)| filled.saturating_sub(drained(&terms, at - since)));
                bucket = Some((left + U512::from(amount), at, fill.terms));
            }
        }
        bucket.map_or(U512::ZERO, |(filled, since, terms)| filled.saturating_sub(drained(&terms, now - since)))
    }

    pub fn p99(&self, asset: &AssetId) -> Option<U256> {
        let mut sizes: Vec<U256> = self.firsts(asset).into_iter().map(|(_, _, amount, ..)| amount).collect();
        sizes.drain(..sizes.len().saturating_sub(1_000));
        sizes.sort();
        (sizes.len() >= 100).then(|| sizes[sizes.len() - 1 - sizes.len() / 100])
    }

    pub fn price(&self, asset: &AssetId) -> Option<Price> {
        self.log.iter().fold(None, |known: Option<Price>, (event, at)| match event {
            RiskEvent::Priced { asset: of, price } if of == asset && price.published_at <= *at => {
                Some(known.filter(|known| known.published_at >= price.published_at).unwrap_or(*price))
            }
            _ => known,
        })
    }

    pub fn paused_by(&self, deposit: &Deposit, lane: Lane, now: u64) -> Option<Scope> {
        let mut scopes: Vec<Scope> = Vec::new();
        for (place, (event, _)) in self.log.iter().enumerate() {
            let RiskEvent::Paused { scope, until, .. } = event else { continue };
            let lifted = |later: &(RiskEvent, u64)| matches!(&later.0, RiskEvent::Resumed { scope: s } if s == scope);
            if now < *until && !self.log[place..].iter().any(lifted) && scope.covers(deposit, lane) {
                scopes.push(scope.clone());
            }
        }
        scopes.into_iter().min()
    }

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
            used = used.saturating_sub(self.notional_used(&Tank::Corridor(back), now));
        }
        let to = Tank::Destination { chain: deposit.destination_chain.clone() };
        for (limit, used) in [(own.map(|rules| rules.notional), used), (Some(*by_destination), used_of(to))] {
            let is_full = |limit: U256| used + U512::from(charged) > U512::from(limit);
            let holds = match limit {
                Some(Limit::Unlimited) => false,
                Some(Limit::Amount(limit)) => limit.is_zero() || (believed.is_some() && is_full(limit)),
                None => believed.is_some(),
            };
            if holds {
                let (limit, used) = (limit.map_or(U256::ZERO, |limit| limit.amount()), clip(used));
                return Decision::Hold { reason: Reason::NotionalWindow { limit, used, notional: charged } };
            }
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

fn tanks(corridor: &Corridor) -> [Tank; 3] {
    let (source, destination) = (corridor.source.clone(), corridor.destination.clone());
    [Tank::Corridor(corridor.clone()), Tank::Destination { chain: destination }, Tank::Source { chain: source }]
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

impl Known {
    fn is_fast(&self) -> bool {
        self.payout.as_ref().is_some_and(|(corridor, _)| corridor.lane == Lane::Fast)
    }
}

trait AccountOf {
    fn is_account_of(&self, deposit: &Deposit) -> bool;
}

impl AccountOf for Corridor {
    fn is_account_of(&self, deposit: &Deposit) -> bool {
        self.source == deposit.source_chain && self.asset == deposit.asset
    }
}

//! The decision: may this deposit be paid on this lane now?
//!
//! The checks run in the order of risk.md and stop at the first that bites. Nothing passes by default: what is not
//! listed is rejected, what is not proven waits, what was cleared once is not cleared again.

use std::borrow::Cow;

use alloy_primitives::{U256, U512};
use spandrel_verifiers::{Deposit, DepositId, LanePreference, UnixSeconds};

use crate::parts::Parts;
use crate::record::{Closed, Record, Tally};
use crate::velocity::Room;
use crate::{
    AssetRules, Corridor, CorridorRules, Decision, ExposureRule, Lane, Limit, Limits, Reason, RiskEvent, RiskPolicy,
    RiskState, Scope, Side,
};

/// May `deposit` be paid on `lane` at `now`? `first_asked_at` is when the large-transfer delay began.
///
/// Computes the deposit's id; use [`Position`] when it is known, or when events are not in the state yet.
pub fn assess(
    policy: &RiskPolicy,
    state: &RiskState,
    deposit: &Deposit,
    lane: Lane,
    first_asked_at: UnixSeconds,
    now: UnixSeconds,
) -> Decision {
    Position::new(state, deposit.id(), deposit, lane, now).decide(policy, first_asked_at)
}

/// Whether a pause stops `deposit` on `lane`: asked again right before broadcast.
pub fn is_paused(state: &RiskState, deposit: &Deposit, lane: Lane, now: UnixSeconds) -> bool {
    state.paused_by(deposit, lane, now).is_some()
}

/// What the state says about one deposit on one lane at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    pub(crate) state: &'a RiskState,
    pub(crate) id: DepositId,
    pub(crate) deposit: &'a Deposit,
    pub(crate) corridor: Corridor,
    pub(crate) now: UnixSeconds,
    /// `now`, or the time of the newest event when that is later.
    pub(crate) latest: UnixSeconds,
    pub(crate) confirmations: u64,
    pub(crate) paused: Option<Scope>,
    /// As the state has it, until an event that is not stored yet changes it.
    pub(crate) record: Cow<'a, Record>,
    pub(crate) closed: Option<Closed>,
    pub(crate) sums: Tally,
    pub(crate) window_used: U512,
}

/// What a decision reads over corridors. What no limit asks for is not read, and is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) asset_used: U512,
    /// `None` when the feed is not to be believed.
    pub(crate) notional: Option<U256>,
    /// By the floor where the feed is not to be believed.
    pub(crate) charged: U256,
    pub(crate) corridor_notional: U512,
    pub(crate) destination_notional: U512,
    pub(crate) source_notional: U512,
    pub(crate) filled: [U512; 2],
    pub(crate) p99: Option<U256>,
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
    /// Without them nothing passes by value, where there is one.
    pub(crate) by_value: Option<&'p CorridorRules>,
    pub(crate) asset: &'p AssetRules,
    pub(crate) destination: Limit,
}

const SIDES: [Side; 2] = [Side::Sender, Side::Recipient];

impl<'a> Position<'a> {
    /// Reads the state. `id` must be the id of `deposit`.
    pub fn new(state: &'a RiskState, id: DepositId, deposit: &'a Deposit, lane: Lane, now: UnixSeconds) -> Self {
        let corridor = Corridor::of(deposit, lane);
        let window_used = state.window_used(&corridor, now);
        Self {
            state,
            id,
            deposit,
            corridor,
            now,
            confirmations: 0,
            latest: state.not_before_clock(now),
            paused: state.paused_by(deposit, lane, now).cloned(),
            record: state.known(id).map_or_else(Cow::default, Cow::Borrowed),
            closed: state.closed(id),
            sums: state.tally(deposit),
            window_used,
        }
    }

    /// The position of a deposit that stands under `confirmations` blocks, its own included. Without this, under none.
    #[must_use]
    pub fn with_confirmations(self, confirmations: u64) -> Self {
        Self { confirmations, ..self }
    }

    /// The position once `event` is in the state too: for events decided in the same step and not stored yet. Counts
    /// events about this deposit, except that a clearance is not charged to the window, and pauses.
    #[must_use]
    pub fn after(mut self, event: &RiskEvent) -> Self {
        if let RiskEvent::Paused { scope, until, .. } = event
            && self.paused.is_none()
            && self.now < *until
            && scope.covers(self.deposit, self.corridor.lane)
        {
            self.paused = Some(scope.clone());
        }
        if event.deposit() == Some(self.id) && self.closed.is_none() {
            let before = self.tally();
            self.record.to_mut().apply(event);
            self.sums = self.sums.replacing(before, self.tally());
            if let RiskEvent::Closed { .. } = event {
                self.close();
            }
        }
        self
    }

    fn close(&mut self) {
        let Some(closed) = self.record.closed() else { return };
        if closed.lane.is_none() {
            self.sums = self.sums.replacing(self.tally(), Tally::default());
        }
        self.record = Cow::Owned(Record::default());
        self.closed = Some(closed);
    }

    fn tally(&self) -> Tally {
        self.record.tally(&self.deposit.source_chain, &self.deposit.asset, &self.deposit.destination_chain)
    }

    /// The decision under `policy`.
    pub fn decide(&self, policy: &RiskPolicy, first_asked_at: UnixSeconds) -> Decision {
        match self.check(policy, first_asked_at) {
            Ok(()) => Decision::Allow,
            Err(decision) => decision,
        }
    }

    /// The decision under `policy`, and the event that records it.
    pub fn decided(&self, policy: &RiskPolicy, first_asked_at: UnixSeconds) -> (Decision, RiskEvent) {
        let decision = self.decide(policy, first_asked_at);
        let event = RiskEvent::Decided {
            id: self.id,
            lane: self.corridor.lane,
            first_asked_at,
            asked_at: self.now,
            confirmations: self.confirmations,
            decision: decision.clone(),
            inputs: self.inputs(policy, first_asked_at),
        };
        (decision, event)
    }

    /// Whether guardians may let it pass before its time. Their word stands for the checks that bound how fast money moves
    /// (windows, the delay of large transfers, velocity, unusual size), whichever of them it waits for. What bounds whether
    /// it may move at all (pauses, ledger, caps, confirmations) is asked all the same.
    pub fn may_be_released(&self, policy: &RiskPolicy) -> bool {
        let asked = self.require_movable(policy);
        asked.and_then(|rules| self.require_depth(policy, &self.facts(policy, &rules))).is_ok()
    }

    fn require_movable<'p>(&self, policy: &'p RiskPolicy) -> Result<Rules<'p>, Decision> {
        let rules = self.require_askable(policy)?;
        self.require_no_pause()?;
        self.require_locked()?;
        self.require_under_caps(&rules)?;
        Ok(rules)
    }

    fn check(&self, policy: &RiskPolicy, first_asked_at: UnixSeconds) -> Result<(), Decision> {
        let rules = self.require_movable(policy)?;
        let facts = self.facts(policy, &rules);
        self.require_windows(&rules, &facts)?;
        self.require_patience(rules.corridor, first_asked_at)?;
        self.require_depth(policy, &facts)?;
        self.require_velocity(rules.asset, &facts)
    }

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

    fn parties<'p>(&self, asset: &'p AssetRules) -> [(alloy_primitives::B256, &'p crate::Bucket); 2] {
        [(self.deposit.sender, &asset.sender), (self.deposit.recipient, &asset.recipient)]
    }

    /// What the corridor's window by value holds, less what came the other way where that is configured. The fast lane is
    /// never netted, whatever is configured.
    fn netted(&self, by_value: Option<&CorridorRules>) -> U512 {
        let used = |corridor: &Corridor| self.state.notional_of(Parts::Corridor(corridor), self.latest);
        let with = by_value.and_then(|by_value| by_value.netted_with.as_ref());
        let back = with.filter(|with| self.corridor.lane != Lane::Fast && with.lane != Lane::Fast);
        used(&self.corridor).saturating_sub(back.map_or(U512::ZERO, used))
    }

    fn require_askable<'p>(&self, policy: &'p RiskPolicy) -> Result<Rules<'p>, Decision> {
        let reject = |reason| Err(Decision::Reject { reason });
        if self.latest > self.deposit.expiry {
            return reject(Reason::Expired { expiry: self.deposit.expiry });
        }
        if self.corridor.lane == Lane::Fast && self.deposit.lane == LanePreference::LightClient {
            return reject(Reason::LaneNotAskedFor);
        }
        let Some(rules) = self.rules(policy) else { return reject(Reason::Unknown) };
        let minimum = rules.corridor.dust.max(U256::ONE);
        if self.deposit.amount < minimum {
            return reject(Reason::Dust { minimum, amount: self.deposit.amount });
        }
        if let Some(lane) = self.paid_on() {
            return reject(Reason::AlreadyCleared { lane });
        }
        Ok(rules)
    }

    /// The lane on which it is paid already.
    pub(crate) fn paid_on(&self) -> Option<Lane> {
        self.closed.map_or_else(|| self.record.standing_lane(), |closed| closed.lane)
    }

    fn require_no_pause(&self) -> Result<(), Decision> {
        match &self.paused {
            Some(scope) => Err(Decision::Hold { reason: Reason::Paused { scope: scope.clone() } }),
            None => Ok(()),
        }
    }

    /// The light-client lane releases only what was proven locked: this deposit itself, and the account as a whole.
    fn require_locked(&self) -> Result<(), Decision> {
        if self.corridor.lane == Lane::Fast {
            return Ok(());
        }
        let amount = self.deposit.amount;
        let is_proven = self.record.proven.as_ref().is_some_and(|locked| {
            locked.amount == amount
                && locked.account.source == self.deposit.source_chain
                && locked.account.asset == self.deposit.asset
        });
        let available = if is_proven { self.sums.proven.saturating_sub(self.sums.released) } else { U512::ZERO };
        if U512::from(amount) > available {
            let available = U256::saturating_from(available);
            return Err(Decision::Hold { reason: Reason::Ledger { available, amount } });
        }
        Ok(())
    }

    /// A fast transfer over its own cap takes the other lane; on the light-client lane it waits for a higher cap.
    fn require_under_caps(&self, rules: &Rules<'_>) -> Result<(), Decision> {
        let (limits, amount) = (rules.corridor, self.deposit.amount);
        let is_fast = self.corridor.lane == Lane::Fast;
        if !limits.per_transfer.admits(U512::from(amount)) {
            let reason = Reason::PerTransferCap { cap: limits.per_transfer.amount(), amount };
            return Err(if is_fast { Decision::Reject { reason } } else { Decision::Hold { reason } });
        }
        let exposure = self.sums.exposure;
        let over = |cap: U256, exposure: U512| {
            let exposure = U256::saturating_from(exposure);
            Err(Decision::Hold { reason: Reason::ExposureCap { cap, exposure, amount } })
        };
        if is_fast && !limits.exposure_cap.admits(exposure.saturating_add(U512::from(amount))) {
            return over(limits.exposure_cap.amount(), exposure);
        }
        if is_fast && let Some(rule) = &rules.asset.exposure {
            let Shared { locked, exposure } = self.shared(rule);
            let cap = rule.cap(locked);
            if exposure.saturating_add(U512::from(amount)) > cap {
                return over(U256::saturating_from(cap), exposure);
            }
        }
        Ok(())
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

    fn require_windows(&self, rules: &Rules<'_>, facts: &Facts) -> Result<(), Decision> {
        let amount = self.deposit.amount;
        let fits = |limit: &Limit, used: U512, more: U256| limit.admits(used.saturating_add(U512::from(more)));
        let hold = |reason| Err(Decision::Hold { reason });
        let window = &rules.corridor.window;
        if !fits(window, self.window_used, amount) {
            let (limit, used) = (window.amount(), U256::saturating_from(self.window_used));
            return hold(Reason::Window { limit, used, amount });
        }
        if !fits(&rules.asset.window, facts.asset_used, amount) {
            let (limit, used) = (rules.asset.window.amount(), U256::saturating_from(facts.asset_used));
            return hold(Reason::AssetWindow { limit, used, amount });
        }
        let of_corridor = rules.by_value.map(|by_value| by_value.notional);
        let by_value = [(of_corridor, facts.corridor_notional), (Some(rules.destination), facts.destination_notional)];
        for (limit, used) in by_value {
            // Without a price the limits in amounts stand alone. But what was closed needs no price to be closed.
            let is_closed = limit == Some(Limit::CLOSED);
            let Some(notional) = facts.notional.or(is_closed.then_some(facts.charged)) else { continue };
            let limit = limit.unwrap_or(Limit::CLOSED);
            if is_closed || !fits(&limit, used, notional) {
                let (limit, used) = (limit.amount(), U256::saturating_from(used));
                return hold(Reason::NotionalWindow { limit, used, notional });
            }
        }
        Ok(())
    }

    fn require_patience(&self, limits: &Limits, first_asked_at: UnixSeconds) -> Result<(), Decision> {
        let until = first_asked_at.saturating_add(limits.large_delay);
        let from = limits.large_from.amount();
        let is_large = limits.large_from != crate::Limit::Unlimited && self.deposit.amount >= from;
        if is_large && self.now < until {
            return Err(Decision::Delay { until, reason: Reason::LargeTransfer { from } });
        }
        Ok(())
    }

    /// Under how many blocks it must stand as things are; `None` where blocks cannot be bought, or nothing may pass.
    pub fn confirmations_needed(&self, policy: &RiskPolicy) -> Option<u64> {
        let rules = self.rules(policy)?;
        self.depth_needed(policy, &self.facts(policy, &rules))
    }

    /// All that is cleared from a chain whose blocks can be bought stays below the cost of those over the deposit. What it
    /// is worth must be known: by a price, or at least by a floor.
    fn depth_needed(&self, policy: &RiskPolicy, facts: &Facts) -> Option<u64> {
        let rule = policy.wide.depths.get(&self.corridor.source)?;
        let value = facts.source_notional.saturating_add(U512::from(facts.charged));
        Some(if facts.charged.is_zero() { u64::MAX } else { rule.needed(value) })
    }

    fn require_depth(&self, policy: &RiskPolicy, facts: &Facts) -> Result<(), Decision> {
        match self.depth_needed(policy, facts) {
            Some(needed) if self.confirmations < needed => {
                Err(Decision::Hold { reason: Reason::Confirmations { needed, found: self.confirmations } })
            }
            _ => Ok(()),
        }
    }

    fn require_velocity(&self, asset: &AssetRules, facts: &Facts) -> Result<(), Decision> {
        let amount = self.deposit.amount;
        for ((filled, side), (_, bucket)) in facts.filled.iter().zip(SIDES).zip(self.parties(asset)) {
            let reason = || Reason::Velocity {
                side,
                capacity: bucket.capacity.amount(),
                filled: U256::saturating_from(*filled),
                amount,
            };
            match bucket.room(*filled, amount, self.latest) {
                Room::Now => {}
                Room::From(until) => return Err(Decision::Delay { until, reason: reason() }),
                Room::Never => return Err(Decision::Hold { reason: reason() }),
            }
        }
        if let (Limit::Amount(times), Some(p99)) = (asset.most_of_p99, facts.p99) {
            let most = U256::saturating_from(p99.widening_mul::<256, 4, 512, 8>(times)).max(asset.usual);
            if amount > most {
                return Err(Decision::Hold { reason: Reason::Unusual { most, amount } });
            }
        }
        Ok(())
    }
}

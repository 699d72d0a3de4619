//! The decision: may this deposit be paid on this lane now?
//!
//! The checks run in the order of docs/architecture.md and stop at the first that bites. Nothing passes by default: what is not
//! listed is rejected, what is not proven waits, what was cleared once is not cleared again.

use alloy_primitives::{U256, U512};
use spandrel_verifiers::{Deposit, LanePreference, UnixSeconds};

use crate::facts::{Facts, Rules, SIDES, Shared};
use crate::velocity::Room;
use crate::{AssetRules, Decision, Lane, Limit, Limits, Position, Reason, RiskEvent, RiskPolicy, RiskState};

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

impl Position<'_> {
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
        if self.closed.is_some() {
            return reject(Reason::Over);
        }
        Ok(rules)
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

    fn require_patience(&self, limits: &Limits, first_asked_at: UnixSeconds) -> Result<(), Decision> {
        let until = first_asked_at.saturating_add(limits.large_delay);
        let from = limits.large_from.amount();
        let is_large = limits.large_from != Limit::Unlimited && self.deposit.amount >= from;
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
        Some(if facts.is_valued() { rule.needed(value) } else { u64::MAX })
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

//! The decision: may this deposit be paid on this lane now?
//!
//! The checks run in the order of risk.md and stop at the first that bites. Nothing passes by default: what is not
//! listed is rejected, what is not proven waits, what was cleared once is not cleared again.

use alloy_primitives::{U256, U512};
use spandrel_verifiers::{Deposit, DepositId, LanePreference, UnixSeconds};

use crate::record::{Closed, Record, Tally};
use crate::{Corridor, Decision, Lane, Limits, Reason, RiskEvent, RiskPolicy, RiskState, Scope};

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

/// What the state says about one deposit on one lane at one time: all that a decision reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    id: DepositId,
    deposit: &'a Deposit,
    corridor: Corridor,
    now: UnixSeconds,
    /// `now`, or the time of the newest event when that is later.
    latest: UnixSeconds,
    paused: Option<Scope>,
    record: Record,
    closed: Option<Closed>,
    sums: Tally,
    window_used: U512,
}

impl<'a> Position<'a> {
    /// Reads the state. `id` must be the id of `deposit`.
    pub fn new(state: &RiskState, id: DepositId, deposit: &'a Deposit, lane: Lane, now: UnixSeconds) -> Self {
        let corridor = Corridor::of(deposit, lane);
        let window_used = state.window_used(&corridor, now);
        Self {
            id,
            deposit,
            corridor,
            now,
            latest: state.not_before_clock(now),
            paused: state.paused_by(deposit, lane, now).cloned(),
            record: state.record(id),
            closed: state.closed(id),
            sums: state.tally(deposit),
            window_used,
        }
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
            self.record.apply(event);
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
        self.record = Record::default();
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

    fn check(&self, policy: &RiskPolicy, first_asked_at: UnixSeconds) -> Result<(), Decision> {
        let limits = self.require_askable(policy)?;
        self.require_no_pause()?;
        self.require_locked()?;
        self.require_under_caps(limits)?;
        self.require_window(limits)?;
        self.require_patience(limits, first_asked_at)
    }

    fn require_askable<'p>(&self, policy: &'p RiskPolicy) -> Result<&'p Limits, Decision> {
        let reject = |reason| Err(Decision::Reject { reason });
        if self.latest > self.deposit.expiry {
            return reject(Reason::Expired { expiry: self.deposit.expiry });
        }
        if self.corridor.lane == Lane::Fast && self.deposit.lane == LanePreference::LightClient {
            return reject(Reason::LaneNotAskedFor);
        }
        let Some(limits) = policy.limits(&self.corridor) else { return reject(Reason::Unknown) };
        let minimum = limits.dust.max(U256::ONE);
        if self.deposit.amount < minimum {
            return reject(Reason::Dust { minimum, amount: self.deposit.amount });
        }
        let paid_on = self.closed.map_or_else(|| self.record.standing_lane(), |closed| closed.lane);
        if let Some(lane) = paid_on {
            return reject(Reason::AlreadyCleared { lane });
        }
        Ok(limits)
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
    fn require_under_caps(&self, limits: &Limits) -> Result<(), Decision> {
        let amount = self.deposit.amount;
        let is_fast = self.corridor.lane == Lane::Fast;
        if !limits.per_transfer.admits(U512::from(amount)) {
            let reason = Reason::PerTransferCap { cap: limits.per_transfer.amount(), amount };
            return Err(if is_fast { Decision::Reject { reason } } else { Decision::Hold { reason } });
        }
        let exposure = self.sums.exposure;
        if is_fast && !limits.exposure_cap.admits(exposure.saturating_add(U512::from(amount))) {
            let (cap, exposure) = (limits.exposure_cap.amount(), U256::saturating_from(exposure));
            return Err(Decision::Hold { reason: Reason::ExposureCap { cap, exposure, amount } });
        }
        Ok(())
    }

    fn require_window(&self, limits: &Limits) -> Result<(), Decision> {
        let amount = self.deposit.amount;
        if limits.window.admits(self.window_used.saturating_add(U512::from(amount))) {
            return Ok(());
        }
        let (limit, used) = (limits.window.amount(), U256::saturating_from(self.window_used));
        Err(Decision::Hold { reason: Reason::Window { limit, used, amount } })
    }

    fn require_patience(&self, limits: &Limits, first_asked_at: UnixSeconds) -> Result<(), Decision> {
        let until = first_asked_at.saturating_add(limits.large_delay);
        let from = limits.large_from.amount();
        let is_large = limits.large_from != crate::Limit::Unlimited && self.deposit.amount >= from;
        if is_large && self.now < until {
            return Err(Decision::Delay { until, reason: Reason::LargeTransfer { from }, counted: false });
        }
        Ok(())
    }
}

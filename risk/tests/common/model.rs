//! The risk state as a list of events, read from the beginning for every question: slow, and plainly right.

use alloy_primitives::{U256, U512};
use spandrel_risk::{Corridor, Decision, Lane, Limit, Reason, RiskEvent, RiskPolicy, Scope, WINDOW_SECONDS};
use spandrel_verifiers::{Deposit, DepositId, LanePreference};

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
        for (event, at) in self.log.iter().filter(|(event, _)| event.deposit() == Some(of)) {
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
                    known.payout = Some((corridor, *amount));
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

    pub fn window_used(&self, corridor: &Corridor, now: u64) -> U512 {
        let now = now.max(self.log.last().map_or(0, |(_, at)| *at));
        let charges = self.ids().into_iter().flat_map(|id| self.known(id).charges);
        let counted = charges.filter(|(charged, _, at)| charged == corridor && now - at < WINDOW_SECONDS);
        counted.map(|(_, amount, _)| U512::from(amount)).sum()
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
        let Some(limits) = policy.limits.get(&corridor) else {
            return Decision::Reject { reason: Reason::Unknown };
        };
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
        let used = self.window_used(&corridor, now);
        if !fits(limits.window, used) {
            let (limit, used) = (limits.window.amount(), clip(used));
            return Decision::Hold { reason: Reason::Window { limit, used, amount: asked } };
        }
        if let Limit::Amount(from) = limits.large_from {
            let until = first_asked_at.saturating_add(limits.large_delay);
            if asked >= from && now < until {
                return Decision::Delay { until, reason: Reason::LargeTransfer { from }, counted: false };
            }
        }
        Decision::Allow
    }
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

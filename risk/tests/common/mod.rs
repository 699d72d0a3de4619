//! Deposits and policies for the tests, and the naive model the engine is compared with.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod drawn;
pub mod model;
pub mod wide;

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256};
use spandrel_risk::{Charge, Corridor, Lane, Limit, Limits, RiskEvent, RiskPolicy, RiskState};
use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference};

pub const NOW: u64 = 1_000_000;
pub const NEVER: u64 = u64::MAX;

/// Deposit number `n` of `amount`; even numbers come from chain 1, odd ones from chain 2.
pub fn deposit(n: u8, amount: U256) -> Deposit {
    let source = ChainId::eip155(1 + u64::from(n % 2));
    Deposit {
        version: 1,
        source_bridge: B256::repeat_byte(2),
        source_key: B256::with_last_byte(n),
        asset: AssetId::parse(&format!("{source}/slip44:60")).unwrap(),
        source_chain: source,
        amount,
        destination_chain: ChainId::eip155(9 + u64::from(n % 4 / 2)),
        destination_bridge: B256::repeat_byte(7),
        recipient: B256::repeat_byte(8),
        sender: B256::repeat_byte(9),
        lane: LanePreference::Any,
        expiry: NEVER,
    }
}

pub fn amount(n: u64) -> Limit {
    Limit::Amount(U256::from(n))
}

/// Limits under which everything passes, by decision.
pub fn open() -> Limits {
    Limits {
        per_transfer: Limit::Unlimited,
        exposure_cap: Limit::Unlimited,
        window: Limit::Unlimited,
        large_from: Limit::Unlimited,
        large_delay: 0,
        dust: U256::ZERO,
    }
}

/// The same limits on both lanes of every corridor of [`deposit`].
pub fn everywhere(limits: Limits) -> RiskPolicy {
    let mut all = BTreeMap::new();
    for n in 0..4 {
        for lane in [Lane::Fast, Lane::LightClient] {
            all.insert(Corridor::of(&deposit(n, U256::ZERO), lane), limits);
        }
    }
    RiskPolicy::of_corridors(all)
}

pub fn charged(deposit: &Deposit, charge: Charge) -> RiskEvent {
    RiskEvent::Charged { id: deposit.id(), charge }
}

/// Clears `deposit` and charges it as `policy` says.
pub fn clear(policy: &RiskPolicy, state: &mut RiskState, deposit: &Deposit, lane: Lane, now: u64) {
    state.apply(&cleared(deposit, lane), now);
    let charge = policy.wide.charge(state, deposit, now);
    state.apply(&charged(deposit, charge), now);
}

/// The same, and it is final at once.
pub fn pay(policy: &RiskPolicy, state: &mut RiskState, deposit: &Deposit, lane: Lane, now: u64) {
    clear(policy, state, deposit, lane, now);
    state.apply(&paid(deposit), now);
}

pub fn paid(deposit: &Deposit) -> RiskEvent {
    RiskEvent::Paid { id: deposit.id() }
}

pub fn proven(deposit: &Deposit) -> RiskEvent {
    RiskEvent::Proven {
        id: deposit.id(),
        source: deposit.source_chain.clone(),
        asset: deposit.asset.clone(),
        amount: deposit.amount,
    }
}

pub fn cleared(deposit: &Deposit, lane: Lane) -> RiskEvent {
    RiskEvent::cleared(deposit.id(), deposit, lane)
}

/// A clearance from before payments were told: it counts for a day.
pub fn cleared_of_old(deposit: &Deposit, lane: Lane) -> RiskEvent {
    let mut event = cleared(deposit, lane);
    if let RiskEvent::Cleared { until_paid, .. } = &mut event {
        *until_paid = false;
    }
    event
}

//! What a price changes, and what it never does.

use alloy_primitives::{U256, U512};
use spandrel_risk::{Charge, Corridor, Decision, Lane, Limit, PriceRule, Reason, RiskEvent, RiskState, Tank};

use crate::common::wide::{PRICED, ask, notional, of, priced, valued};
use crate::common::{NOW, amount, charged, cleared, pay};

#[test]
fn a_price_that_is_missing_stale_or_too_wide_opens_no_limit_in_amounts_and_none_by_value() {
    let (mut policy, _) = valued(amount(9), Limit::Unlimited);
    policy.limits.values_mut().for_each(|limits| limits.window = amount(7));
    let with = |events: &[RiskEvent]| {
        let mut state = RiskState::default();
        events.iter().for_each(|event| state.apply(event, NOW));
        state
    };
    let window = |value: u64| Decision::Hold {
        reason: Reason::Window { limit: U256::from(7), used: U256::ZERO, amount: U256::from(value) },
    };
    let (missing, wide) = (with(&[]), with(&[priced(10, 2, NOW)]));
    let stale = with(&[priced(2, 0, NOW - 1_000)]);
    for state in [missing, wide, stale] {
        assert_eq!(ask(&policy, &state, &of(0, 7), NOW), Decision::Allow, "by amount, and by its floor");
        assert_eq!(ask(&policy, &state, &of(0, 8), NOW), window(8), "the limit in amounts still holds");
        let mut wider = policy.clone();
        wider.limits.values_mut().for_each(|limits| limits.window = amount(10));
        assert_eq!(ask(&wider, &state, &of(0, 10), NOW), notional(9, 0, 10), "and so does the one by value");
    }
    let fresh = with(&[priced(2, 0, NOW)]);
    assert_eq!(ask(&policy, &fresh, &of(0, 5), NOW), notional(9, 0, 10));
    let degraded = with(&[priced(20, 2, NOW - 100)]);
    let (mut policy, _) = valued(amount(21), Limit::Unlimited);
    assert_eq!(ask(&policy, &degraded, &of(0, 1), NOW), notional(21, 0, 22), "at its upper end");
    policy.wide.assets.get_mut(&of(0, 0).asset).unwrap().price = Some(PriceRule { floor: U256::from(30), ..PRICED });
    assert_eq!(ask(&policy, &degraded, &of(0, 1), NOW), notional(21, 0, 30), "a fall cannot widen a limit");
}

#[test]
fn what_was_cleared_without_a_price_counts_by_its_floor_once_there_is_one() {
    let (policy, _) = valued(amount(9), Limit::Unlimited);
    let mut state = RiskState::default();
    pay(&policy, &mut state, &of(0, 6), Lane::Fast, NOW);
    state.apply(&priced(2, 0, NOW), NOW);
    assert_eq!(ask(&policy, &state, &of(1, 2), NOW), notional(9, 6, 4));
}

#[test]
fn an_old_price_does_not_replace_a_newer_one_and_one_from_the_future_blocks_none() {
    let (policy, mut state) = valued(amount(9), Limit::Unlimited);
    for late in [priced(1, 0, NOW - 1), priced(1, 0, NOW), priced(1, 0, NOW + 1), priced(1, 0, u64::MAX)] {
        state.apply(&late, NOW);
        assert_eq!(ask(&policy, &state, &of(0, 5), NOW), notional(9, 0, 10));
    }
    state.apply(&priced(1, 0, NOW + 1), NOW + 1);
    assert_eq!(ask(&policy, &state, &of(0, 5), NOW + 1), Decision::Allow);
}

#[test]
fn a_later_price_changes_nothing_of_what_was_charged() {
    let (policy, mut state) = valued(amount(100), Limit::Unlimited);
    pay(&policy, &mut state, &of(0, 10), Lane::Fast, NOW);
    state.apply(&priced(9, 0, NOW + 1), NOW + 1);
    let tank = Tank::Corridor(Corridor::of(&of(0, 0), Lane::Fast));
    assert_eq!(state.notional_used(&tank, NOW + 1), U512::from(20));
}

#[test]
fn a_charge_that_comes_twice_late_or_for_nothing_counts_once_or_not_at_all() {
    let charge = Charge { notional: U256::from(7), fills: vec![] };
    let about = of(0, 5);
    let tank = Tank::Source { chain: about.source_chain.clone() };
    let mut state = RiskState::default();
    state.apply(&charged(&about, charge.clone()), NOW);
    assert_eq!(state.notional_used(&tank, NOW), U512::ZERO, "nothing was cleared");
    state.apply(&cleared(&about, Lane::Fast), NOW);
    for _ in 0..3 {
        state.apply(&charged(&about, charge.clone()), NOW);
        assert_eq!(state.notional_used(&tank, NOW), U512::from(7));
    }
    let another = Charge { notional: U256::from(900), fills: vec![] };
    state.apply(&charged(&about, another.clone()), NOW);
    assert_eq!(state.notional_used(&tank, NOW), U512::from(7), "it was charged already");
    let returned = of(1, 5);
    state.apply(&cleared(&returned, Lane::Fast), NOW);
    state.apply(&RiskEvent::Returned { id: returned.id() }, NOW);
    state.apply(&charged(&returned, another.clone()), NOW);
    assert_eq!(state.notional_used(&tank, NOW), U512::from(7), "it was given back");
    state.apply(&RiskEvent::Settled { id: about.id() }, NOW);
    state.apply(&RiskEvent::Closed { id: about.id(), expiry: about.expiry }, NOW);
    state.apply(&charged(&about, another), NOW);
    assert_eq!(state.notional_used(&tank, NOW), U512::from(7), "it is over");
}

//! What was paid the other way, and when it makes room.

use alloy_primitives::{U256, U512};
use spandrel_risk::{
    Charge, Corridor, Decision, Lane, Limit, RiskEvent, RiskPolicy, RiskState, Tank, WINDOW_SECONDS, assess,
};
use spandrel_verifiers::Deposit;

use crate::common::wide::{ask, notional, of, valued};
use crate::common::{NOW, amount, charged, cleared, proven};

/// The way back of the corridor of [`of`].
fn back(n: u64, value: u64) -> Deposit {
    let to = of(n, value);
    Deposit { source_chain: to.destination_chain, destination_chain: to.source_chain, ..of(n, value) }
}

fn policy_charge(about: &Deposit) -> Charge {
    Charge { notional: about.amount * U256::from(2), fills: vec![] }
}

#[test]
fn nothing_is_netted_unless_configured_never_below_zero_and_never_for_the_fast_lane() {
    let (mut policy, mut state) = valued(amount(20), Limit::Unlimited);
    let paid = |state: &mut RiskState, about: &Deposit, lane| {
        state.apply(&proven(about), NOW);
        state.apply(&cleared(about, lane), NOW);
        state.apply(&charged(about, policy_charge(about)), NOW);
    };
    paid(&mut state, &of(0, 8), Lane::LightClient);
    paid(&mut state, &of(1, 8), Lane::Fast);
    paid(&mut state, &back(2, 50), Lane::LightClient);
    paid(&mut state, &back(3, 50), Lane::Fast);
    let over = |about: &Deposit| RiskEvent::Closed { id: about.id(), expiry: about.expiry };
    state.apply(&over(&back(2, 50)), NOW);
    state.apply(&RiskEvent::Settled { id: back(3, 50).id() }, NOW);
    state.apply(&over(&back(3, 50)), NOW);
    let next = of(4, 11);
    state.apply(&proven(&next), NOW);
    let slow = |policy: &RiskPolicy| assess(policy, &state, &next, Lane::LightClient, NOW, NOW);
    assert_eq!(slow(&policy), notional(20, 16, 22));
    for lane in [Lane::Fast, Lane::LightClient] {
        let with = Corridor::of(&back(0, 0), Lane::LightClient);
        policy.wide.corridors.get_mut(&Corridor::of(&next, lane)).unwrap().netted_with = Some(with);
    }
    assert_eq!(slow(&policy), notional(20, 0, 22), "a hundred came back: not below zero");
    let smaller = Deposit { amount: U256::from(10), ..next.clone() };
    let mut with = state.clone();
    with.apply(&proven(&smaller), NOW);
    assert_eq!(assess(&policy, &with, &smaller, Lane::LightClient, NOW, NOW), Decision::Allow);
    assert_eq!(ask(&policy, &state, &next, NOW), notional(20, 16, 22), "not for the fast lane, though configured");
    let fast = Corridor::of(&back(0, 0), Lane::Fast);
    policy.wide.corridors.get_mut(&Corridor::of(&next, Lane::LightClient)).unwrap().netted_with = Some(fast);
    assert_eq!(slow(&policy), notional(20, 16, 22), "nor with what came back unproven");
    let paid_fast = Tank::Paid(Corridor::of(&back(0, 0), Lane::Fast));
    assert_eq!(state.notional_used(&paid_fast, NOW), U512::ZERO, "which is kept nowhere");
}

/// Else whoever has payouts the other way given back, or only begun, is paid more than the limit this way.
#[test]
fn what_is_not_paid_for_good_makes_no_room_the_other_way() {
    let (mut policy, mut state) = valued(amount(20), Limit::Unlimited);
    let (own, with) = (Corridor::of(&of(0, 0), Lane::LightClient), Corridor::of(&back(0, 0), Lane::LightClient));
    policy.wide.corridors.get_mut(&own).unwrap().netted_with = Some(with);
    let apply = |state: &mut RiskState, event: RiskEvent| state.apply(&event, NOW);
    for about in [of(0, 10), back(1, 50), back(2, 50), of(3, 1)] {
        apply(&mut state, proven(&about));
    }
    for about in [of(0, 10), back(1, 50), back(2, 50)] {
        apply(&mut state, cleared(&about, Lane::LightClient));
        apply(&mut state, charged(&about, policy_charge(&about)));
    }
    let full = notional(20, 20, 2);
    let ask = |state: &RiskState, now| assess(&policy, state, &of(3, 1), Lane::LightClient, now, now);
    assert_eq!(ask(&state, NOW), full, "both are under way");
    let closed = |about: &Deposit| RiskEvent::Closed { id: about.id(), expiry: about.expiry };
    apply(&mut state, RiskEvent::Returned { id: back(1, 50).id() });
    apply(&mut state, closed(&back(1, 50)));
    assert_eq!(ask(&state, NOW), full, "one was given back");
    apply(&mut state, closed(&back(2, 50)));
    apply(&mut state, closed(&back(2, 50)));
    assert_eq!(ask(&state, NOW), Decision::Allow, "one stands");
    assert_eq!(ask(&state, NOW + WINDOW_SECONDS - 1), Decision::Allow);
}

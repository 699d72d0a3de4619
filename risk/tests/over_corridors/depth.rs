//! Chains whose blocks can be bought.

use alloy_primitives::U256;
use spandrel_risk::{Decision, DepthRule, Lane, Limit, Position, Reason, RiskPolicy, RiskState};
use spandrel_verifiers::Deposit;

use crate::common::wide::{ask, elsewhere, of, rules, valued};
use crate::common::{NOW, pay};

fn depth(block_cost: u64, least: u64) -> (RiskPolicy, RiskState) {
    let (mut policy, state) = valued(Limit::Unlimited, Limit::Unlimited);
    policy.wide.depths.insert(of(0, 0).source_chain, DepthRule { block_cost: U256::from(block_cost), least });
    (policy, state)
}

fn under(policy: &RiskPolicy, state: &RiskState, about: &Deposit, confirmations: u64) -> Decision {
    let position = Position::new(state, about.id(), about, Lane::Fast, NOW).with_confirmations(confirmations);
    position.decide(policy, NOW)
}

fn shallow(needed: u64, found: u64) -> Decision {
    Decision::Hold { reason: Reason::Confirmations { needed, found } }
}

#[test]
fn all_that_is_cleared_from_a_chain_stays_below_the_cost_of_faking_its_blocks() {
    let (policy, mut state) = depth(100, 2);
    assert_eq!(under(&policy, &state, &of(0, 99), 1), shallow(2, 1));
    assert_eq!(under(&policy, &state, &of(0, 99), 2), Decision::Allow);
    assert_eq!(under(&policy, &state, &of(0, 100), 2), shallow(3, 2), "as much as they cost is not below it");
    pay(&policy, &mut state, &elsewhere(1, 60), Lane::LightClient, NOW);
    assert_eq!(under(&policy, &state, &of(0, 45), 2), shallow(3, 2), "one faked branch holds many deposits");
    assert_eq!(under(&policy, &state, &of(0, 45), 3), Decision::Allow);
    assert_eq!(ask(&policy, &state, &of(0, 1), NOW), shallow(2, 0), "who does not say how deep is not deep");
}

#[test]
fn what_guardians_release_waits_for_its_depth_all_the_same() {
    let (policy, state) = depth(100, 2);
    let about = of(0, 99);
    let may_be_released = |confirmations| {
        let position = Position::new(&state, about.id(), &about, Lane::Fast, NOW).with_confirmations(confirmations);
        position.may_be_released(&policy)
    };
    assert!(!may_be_released(1) && may_be_released(2));
}

#[test]
fn confirmations_by_value_hold_what_nobody_can_value() {
    let (mut policy, _) = depth(100, 1);
    policy.wide.assets.insert(of(0, 0).asset, rules());
    assert_eq!(under(&policy, &RiskState::default(), &of(0, 1), 1_000), shallow(u64::MAX, 1_000));
    let (policy, _) = depth(100, 1);
    assert_eq!(under(&policy, &RiskState::default(), &of(0, 99), 1), Decision::Allow, "by its floor");
    assert_eq!(under(&policy, &RiskState::default(), &of(0, 100), 1), shallow(2, 1));
}

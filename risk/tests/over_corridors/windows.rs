//! Windows over corridors: per asset and destination, and what is not listed.

use alloy_primitives::U256;
use proptest::prelude::*;
use spandrel_risk::{AssetRules, Decision, Lane, Limit, Reason, RiskPolicy, RiskState, WINDOW_SECONDS, assess};

use crate::common::wide::{PRICED, ask, elsewhere, notional, of, policy, priced, rules, valued};
use crate::common::{NOW, amount, everywhere, open, pay, proven};

#[test]
fn an_asset_or_destination_that_is_not_listed_is_rejected() {
    let mut no_asset = everywhere(open());
    no_asset.wide.assets.clear();
    let mut no_destination = everywhere(open());
    no_destination.wide.destinations.clear();
    for policy in [no_asset, no_destination] {
        let decision = ask(&policy, &RiskState::default(), &of(0, 1), NOW);
        assert_eq!(decision, Decision::Reject { reason: Reason::Unknown });
    }
}

#[test]
fn an_assets_window_is_shared_by_all_its_corridors_and_both_lanes() {
    let policy = policy(AssetRules { window: amount(10), ..rules() });
    let mut state = RiskState::default();
    pay(&policy, &mut state, &of(0, 4), Lane::Fast, NOW);
    pay(&policy, &mut state, &elsewhere(1, 4), Lane::LightClient, NOW);
    let held = |used: u64, amount: u64| Decision::Hold {
        reason: Reason::AssetWindow { limit: U256::from(10), used: U256::from(used), amount: U256::from(amount) },
    };
    assert_eq!(ask(&policy, &state, &of(2, 3), NOW), held(8, 3));
    assert_eq!(ask(&policy, &state, &elsewhere(3, 2), NOW), Decision::Allow);
    assert_eq!(ask(&policy, &state, &of(2, 3), NOW + WINDOW_SECONDS - 1), held(8, 3));
    assert_eq!(ask(&policy, &state, &of(2, 3), NOW + WINDOW_SECONDS), Decision::Allow);
}

#[test]
fn a_destinations_window_is_by_value_over_all_assets() {
    let (policy, mut state) = valued(Limit::Unlimited, amount(20));
    pay(&policy, &mut state, &of(0, 8), Lane::Fast, NOW);
    assert_eq!(ask(&policy, &state, &of(1, 3), NOW), notional(20, 16, 6));
    assert_eq!(ask(&policy, &state, &elsewhere(1, 3), NOW), Decision::Allow);
    assert_eq!(ask(&policy, &state, &of(1, 2), NOW), Decision::Allow);
}

#[test]
fn a_corridor_without_a_limit_by_value_is_closed_to_what_has_a_value() {
    let (mut policy, state) = valued(Limit::Unlimited, Limit::Unlimited);
    policy.wide.corridors.clear();
    assert_eq!(ask(&policy, &state, &of(0, 1), NOW), notional(0, 0, 2));
    assert_eq!(ask(&policy, &RiskState::default(), &of(0, 1), NOW), notional(0, 0, 1), "by its floor");
}

#[test]
fn a_limit_by_value_of_zero_is_closed_whether_or_not_there_is_a_price() {
    let amounts = |policy: &mut RiskPolicy| policy.wide.assets.values_mut().for_each(|rules| rules.price = None);
    for (corridor, destination) in [(Limit::CLOSED, Limit::Unlimited), (Limit::Unlimited, Limit::CLOSED)] {
        let (mut policy, priced_state) = valued(corridor, destination);
        let mut stale = RiskState::default();
        stale.apply(&priced(2, 0, NOW - 1_000), NOW);
        let mut too_wide = RiskState::default();
        too_wide.apply(&priced(10, 2, NOW), NOW);
        for state in [&RiskState::default(), &stale, &too_wide, &priced_state] {
            let decision = ask(&policy, state, &of(0, 1), NOW);
            assert!(matches!(decision, Decision::Hold { reason: Reason::NotionalWindow { .. } }), "{decision:?}");
        }
        amounts(&mut policy);
        let decision = ask(&policy, &RiskState::default(), &of(0, 1), NOW);
        assert!(matches!(decision, Decision::Hold { reason: Reason::NotionalWindow { .. } }), "no rule: {decision:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Parts of a transfer, over two destinations, both lanes and any parties, pass no further than the whole would.
    #[test]
    fn splitting_over_corridors_lanes_and_parties_gains_nothing(
        parts in prop::collection::vec((1u64..30, any::<bool>(), any::<bool>()), 1..15), limit in 1u64..120, by_value: bool
    ) {
        let asset = AssetRules { window: if by_value { Limit::Unlimited } else { amount(limit) }, ..rules() };
        let asset = AssetRules { price: by_value.then_some(PRICED), ..asset };
        let mut policy = policy(asset);
        let mut state = RiskState::default();
        if by_value {
            policy = valued(Limit::Unlimited, amount(limit)).0;
            state.apply(&priced(2, 0, NOW), NOW);
        }
        let mut passed = 0;
        for (n, (value, is_fast, is_elsewhere)) in parts.iter().enumerate() {
            let about = if *is_elsewhere && !by_value { elsewhere(n as u64, *value) } else { of(n as u64, *value) };
            let lane = if *is_fast { Lane::Fast } else { Lane::LightClient };
            state.apply(&proven(&about), NOW);
            if assess(&policy, &state, &about, lane, NOW, NOW) == Decision::Allow {
                pay(&policy, &mut state, &about, lane, NOW);
                passed += value * if by_value { 2 } else { 1 };
            }
        }
        prop_assert!(passed <= limit, "{passed} over {limit}");
    }
}

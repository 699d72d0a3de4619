//! How much of what stands locked may be paid before its proof.

use alloy_primitives::U256;
use spandrel_risk::{
    AssetRules, Corridor, Decision, ExposureRule, Lane, Reason, RiskEvent, RiskPolicy, RiskState, assess,
};
use spandrel_verifiers::AssetId;

use crate::common::wide::{ask, elsewhere, of, policy, rules};
use crate::common::{NOW, amount, deposit, pay, proven};

fn shared(share: u32, returned_as: &[AssetId]) -> RiskPolicy {
    let rule = ExposureRule { share, returned_as: returned_as.iter().cloned().collect() };
    policy(AssetRules { exposure: Some(rule), ..rules() })
}

fn over(cap: u64, exposure: u64, amount: u64) -> Decision {
    let [cap, exposure, amount] = [cap, exposure, amount].map(U256::from);
    Decision::Hold { reason: Reason::ExposureCap { cap, exposure, amount } }
}

#[test]
fn the_fast_lane_pays_no_more_unproven_than_a_share_of_what_stands_locked_whatever_the_destination() {
    let policy = shared(100, &[]);
    let mut state = RiskState::default();
    assert_eq!(ask(&policy, &state, &of(0, 1), NOW), over(0, 0, 1), "nothing is locked yet");
    let locked = of(900, 1_099);
    state.apply(&proven(&locked), NOW);
    assert_eq!(ask(&policy, &state, &of(1, 11), NOW), over(10, 0, 11), "a hundredth, rounded down");
    assert_eq!(ask(&policy, &state, &of(1, 10), NOW), Decision::Allow);
    pay(&policy, &mut state, &elsewhere(2, 4), Lane::Fast, NOW);
    assert_eq!(ask(&policy, &state, &of(3, 7), NOW), over(10, 4, 7));
    let corridor = Corridor::of(&of(3, 7), Lane::Fast);
    assert_eq!(policy.exposure_cap(&state, &corridor), amount(6), "what the other destination leaves");
    pay(&policy, &mut state, &of(3, 6), Lane::Fast, NOW);
    assert_eq!(ask(&policy, &state, &of(4, 1), NOW), over(10, 10, 1));
    state.apply(&RiskEvent::Settled { id: of(3, 6).id() }, NOW);
    assert_eq!(ask(&policy, &state, &of(4, 6), NOW), Decision::Allow, "proven, it is exposed no more");
    assert_eq!(ask(&policy, &state, &of(900, 1_099), NOW), over(10, 4, 1_099));
    let slow = assess(&policy, &state, &locked, Lane::LightClient, NOW, NOW);
    assert_eq!(slow, Decision::Allow, "what is proven is no exposure");
}

#[test]
fn what_was_paid_for_what_came_back_is_locked_no_more() {
    let back = deposit(1, U256::from(600));
    let policy = shared(1_000, std::slice::from_ref(&back.asset));
    let mut state = RiskState::default();
    state.apply(&proven(&of(900, 1_000)), NOW);
    assert_eq!(ask(&policy, &state, &of(0, 100), NOW), Decision::Allow);
    state.apply(&proven(&back), NOW);
    pay(&policy, &mut state, &back, Lane::LightClient, NOW);
    assert_eq!(ask(&policy, &state, &of(0, 41), NOW), over(40, 0, 41));
    assert_eq!(ask(&policy, &state, &of(0, 40), NOW), Decision::Allow);
    assert_eq!(
        ask(&shared(1_000, &[]), &state, &of(0, 100), NOW),
        Decision::Allow,
        "where nothing is said to come back"
    );
}

//! The order of all checks.

use alloy_primitives::U256;
use spandrel_risk::{
    AssetRules, Bucket, Charge, Corridor, CorridorRules, Decision, DepthRule, Lane, Limit, Limits, Position, RiskEvent,
    RiskPolicy, RiskState, Scope, WINDOW_SECONDS,
};

use crate::common::wide::{PRICED, of, policy, priced};
use crate::common::{NOW, amount, charged, open, pay, proven};

/// Everything bites at once; what is relieved one by one shows the order of the checks (risk.md, 1).
#[test]
fn the_checks_run_in_their_order_and_stop_at_the_first_that_bites() {
    let closed = Bucket { capacity: amount(1), refill_seconds: 10 };
    let asset = AssetRules {
        window: amount(1),
        notional: Some(amount(1)),
        price: Some(PRICED),
        sender: closed,
        recipient: closed,
        most_of_p99: Limit::CLOSED,
        usual: U256::ZERO,
        exposure: None,
    };
    let mut policy = policy(asset);
    let about = of(900, 5);
    let corridor = Corridor::of(&about, Lane::LightClient);
    let limits =
        Limits { per_transfer: amount(1), window: amount(1), large_from: Limit::CLOSED, large_delay: 9, ..open() };
    policy.limits.insert(corridor.clone(), limits);
    policy.wide.destinations.insert(about.destination_chain.clone(), amount(1));
    policy.wide.depths.insert(about.source_chain.clone(), DepthRule { block_cost: U256::from(1), least: 3 });
    let mut state = RiskState::default();
    for n in 0..100 {
        pay(&RiskPolicy::default(), &mut state, &of(n, 1), Lane::Fast, NOW - WINDOW_SECONDS);
        state.apply(&charged(&of(n, 1), Charge::default()), NOW - WINDOW_SECONDS);
    }
    state.apply(&priced(2, 0, NOW), NOW);
    state.apply(&RiskEvent::Paused { scope: Scope::Global, until: NOW + 1, reason: String::new() }, NOW);
    let bites = |policy: &RiskPolicy, state: &RiskState, confirmations| {
        let position =
            Position::new(state, about.id(), &about, Lane::LightClient, NOW).with_confirmations(confirmations);
        match position.decide(policy, NOW) {
            Decision::Hold { reason } | Decision::Delay { reason, .. } | Decision::Reject { reason } => {
                serde_json::to_value(reason).unwrap()["reason"].as_str().unwrap().to_owned()
            }
            Decision::Allow => "none".to_owned(),
        }
    };
    let mut found = vec![bites(&policy, &state, 0)];
    state.apply(&RiskEvent::Resumed { scope: Scope::Global }, NOW);
    found.push(bites(&policy, &state, 0));
    state.apply(&proven(&about), NOW);
    found.push(bites(&policy, &state, 0));
    let mut relieve = |policy: &RiskPolicy, confirmations| found.push(bites(policy, &state, confirmations));
    policy.limits.get_mut(&corridor).unwrap().per_transfer = Limit::Unlimited;
    relieve(&policy, 0);
    policy.limits.get_mut(&corridor).unwrap().window = Limit::Unlimited;
    relieve(&policy, 0);
    policy.wide.assets.get_mut(&about.asset).unwrap().window = Limit::Unlimited;
    relieve(&policy, 0);
    policy.wide.corridors.insert(corridor.clone(), CorridorRules { notional: Limit::Unlimited, netted_with: None });
    relieve(&policy, 0);
    policy.wide.assets.get_mut(&about.asset).unwrap().notional = Some(Limit::Unlimited);
    relieve(&policy, 0);
    policy.wide.destinations.insert(about.destination_chain.clone(), Limit::Unlimited);
    relieve(&policy, 0);
    policy.limits.get_mut(&corridor).unwrap().large_from = Limit::Unlimited;
    relieve(&policy, 0);
    relieve(&policy, 1_000);
    policy.wide.assets.get_mut(&about.asset).unwrap().sender = Bucket::UNLIMITED;
    relieve(&policy, 1_000);
    policy.wide.assets.get_mut(&about.asset).unwrap().recipient = Bucket::UNLIMITED;
    relieve(&policy, 1_000);
    policy.wide.assets.get_mut(&about.asset).unwrap().most_of_p99 = Limit::Unlimited;
    relieve(&policy, 1_000);
    let order = [
        "paused",
        "ledger",
        "per_transfer_cap",
        "window",
        "asset_window",
        "notional_window",
        "notional_window",
        "notional_window",
        "large_transfer",
        "confirmations",
        "velocity",
        "velocity",
        "unusual",
        "none",
    ];
    assert_eq!(found, order);
}

//! Limits over corridors, by value, by party and by depth, as sentences: each is an attack that its rule stops.

mod common;

use alloy_primitives::{B256, U256, U512};
use common::{NOW, amount, charged, cleared, deposit, everywhere, open, pay, proven};
use proptest::prelude::*;
use spandrel_risk::{
    AssetRules, Bucket, Charge, Corridor, CorridorRules, Decision, DepthRule, ExposureRule, Lane, Limit, Limits,
    Position, Price, PriceRule, Reason, RiskEvent, RiskPolicy, RiskState, Scope, Side, Tank, WINDOW_SECONDS, assess,
};
use spandrel_verifiers::{AssetId, Deposit};

/// Deposit number `n` from chain 1, from and to parties of its own.
fn of(n: u64, value: u64) -> Deposit {
    let party = |first: u8| B256::from(U256::from(n) + (U256::from(first) << 200));
    let source_key = U256::from(n).into();
    Deposit { source_key, sender: party(1), recipient: party(2), ..deposit(0, U256::from(value)) }
}

/// The same to chain 10 instead of chain 9.
fn elsewhere(n: u64, value: u64) -> Deposit {
    Deposit { destination_chain: deposit(2, U256::ZERO).destination_chain, ..of(n, value) }
}

fn rules() -> AssetRules {
    AssetRules::UNLIMITED
}

fn policy(rules: AssetRules) -> RiskPolicy {
    let mut policy = everywhere(open());
    policy.wide.assets.insert(of(0, 0).asset, rules);
    policy
}

const PRICED: PriceRule =
    PriceRule { unit: U256::ONE, floor: U256::ONE, fresh_for: 100, stale_after: 1_000, widest: 1_000 };

/// Every base unit is worth two, and corridors and destinations take so much by value.
fn valued(corridor: Limit, destination: Limit) -> (RiskPolicy, RiskState) {
    let mut policy = policy(AssetRules { price: Some(PRICED), ..rules() });
    let corridors: Vec<Corridor> = policy.limits.keys().cloned().collect();
    for key in corridors {
        policy.wide.corridors.insert(key, CorridorRules { notional: corridor, netted_with: None });
    }
    policy.wide.destinations.values_mut().for_each(|limit| *limit = destination);
    let mut state = RiskState::default();
    state.apply(&priced(2, 0, NOW), NOW);
    (policy, state)
}

fn priced(value: u64, confidence: u64, published_at: u64) -> RiskEvent {
    let price = Price { value: U256::from(value), confidence: U256::from(confidence), published_at };
    RiskEvent::Priced { asset: of(0, 0).asset, price }
}

fn ask(policy: &RiskPolicy, state: &RiskState, about: &Deposit, now: u64) -> Decision {
    assess(policy, state, about, Lane::Fast, now, now)
}

fn notional(limit: u64, used: u64, notional: u64) -> Decision {
    let [limit, used, notional] = [limit, used, notional].map(U256::from);
    Decision::Hold { reason: Reason::NotionalWindow { limit, used, notional } }
}

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
fn a_corridor_without_a_limit_by_value_is_closed_where_a_price_is_known() {
    let (mut policy, state) = valued(Limit::Unlimited, Limit::Unlimited);
    policy.wide.corridors.clear();
    assert_eq!(ask(&policy, &state, &of(0, 1), NOW), notional(0, 0, 2));
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

#[test]
fn a_price_that_is_missing_stale_or_too_wide_leaves_the_limits_in_amounts_alone() {
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
        assert_eq!(ask(&policy, &state, &of(0, 7), NOW), Decision::Allow, "by amount it passes");
        assert_eq!(ask(&policy, &state, &of(0, 8), NOW), window(8), "and the limit in amounts still holds");
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
    state.apply(&RiskEvent::Settled { id: about.id() }, NOW);
    state.apply(&RiskEvent::Closed { id: about.id(), expiry: about.expiry }, NOW);
    state.apply(&charged(&about, Charge { notional: U256::from(900), fills: vec![] }), NOW);
    assert_eq!(state.notional_used(&tank, NOW), U512::from(7), "it is over");
}

/// The way back of the corridor of [`of`].
fn back(n: u64, value: u64) -> Deposit {
    let to = of(n, value);
    Deposit { source_chain: to.destination_chain, destination_chain: to.source_chain, ..of(n, value) }
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
}

fn policy_charge(about: &Deposit) -> Charge {
    Charge { notional: about.amount * U256::from(2), fills: vec![] }
}

fn velocity(side: Side, filled: u64, value: u64) -> Reason {
    let [capacity, filled, amount] = [10, filled, value].map(U256::from);
    Reason::Velocity { side, capacity, filled, amount }
}

#[test]
fn one_sender_and_one_recipient_move_no_faster_than_their_buckets_drain() {
    let bucket = Bucket { capacity: amount(10), refill_seconds: 100 };
    let senders = policy(AssetRules { sender: bucket, ..rules() });
    let recipients = policy(AssetRules { recipient: bucket, ..rules() });
    let same = |n: u64, value: u64| Deposit { sender: of(0, 0).sender, recipient: of(0, 0).recipient, ..of(n, value) };
    for (policy, side) in [(senders, Side::Sender), (recipients, Side::Recipient)] {
        let mut state = RiskState::default();
        for n in 0..4 {
            assert_eq!(ask(&policy, &state, &same(n, 2), NOW), Decision::Allow);
            pay(&policy, &mut state, &same(n, 2), Lane::Fast, NOW);
        }
        let reason = velocity(side, 8, 5);
        let delay = Decision::Delay { until: NOW + 30, reason };
        assert_eq!(ask(&policy, &state, &same(9, 5), NOW), delay, "small parts fill it as one whole would");
        assert_eq!(ask(&policy, &state, &same(9, 5), NOW + 30), Decision::Allow);
        assert_eq!(ask(&policy, &state, &of(9, 5), NOW), Decision::Allow, "others are not held");
        let reason = velocity(side, 8, 11);
        assert_eq!(ask(&policy, &state, &same(9, 11), NOW), Decision::Hold { reason }, "it never fits");
    }
}

#[test]
fn a_payout_that_is_given_back_and_cleared_again_fills_its_buckets_once() {
    let bucket = Bucket { capacity: amount(10), refill_seconds: 100 };
    let policy = policy(AssetRules { sender: bucket, recipient: bucket, ..rules() });
    let (mut state, about) = (RiskState::default(), of(0, 6));
    for lane in [Lane::Fast, Lane::LightClient] {
        pay(&policy, &mut state, &about, lane, NOW);
        assert_eq!(state.bucket_filled(&about.asset, Side::Sender, about.sender, NOW), U512::from(6));
        state.apply(&RiskEvent::Returned { id: about.id() }, NOW);
    }
    assert_eq!(state.asset_used(&about.asset, NOW), U512::from(6));
}

#[test]
fn wider_terms_do_not_empty_a_bucket_that_was_filled_before() {
    let narrow = policy(AssetRules { sender: Bucket { capacity: amount(10), refill_seconds: 1_000 }, ..rules() });
    let wide = policy(AssetRules { sender: Bucket { capacity: amount(12), refill_seconds: 1 }, ..rules() });
    let mut state = RiskState::default();
    pay(&narrow, &mut state, &of(0, 10), Lane::Fast, NOW);
    let next = Deposit { sender: of(0, 0).sender, ..of(1, 5) };
    assert!(matches!(ask(&wide, &state, &next, NOW + 100), Decision::Delay { .. }), "it drains as it was filled");
}

#[test]
fn a_transfer_far_over_what_is_usual_is_held_and_many_small_ones_do_not_hide_it() {
    let policy = policy(AssetRules { most_of_p99: amount(3), ..rules() });
    let mut state = RiskState::default();
    let unusual = |most: u64, value: u64| Decision::Hold {
        reason: Reason::Unusual { most: U256::from(most), amount: U256::from(value) },
    };
    for n in 0..99 {
        pay(&policy, &mut state, &of(n, 10), Lane::Fast, NOW);
    }
    assert_eq!(ask(&policy, &state, &of(900, 1_000), NOW), Decision::Allow, "too few to say what is usual");
    pay(&policy, &mut state, &of(99, 10), Lane::Fast, NOW);
    assert_eq!(ask(&policy, &state, &of(900, 31), NOW), unusual(30, 31));
    assert_eq!(ask(&policy, &state, &of(900, 30), NOW), Decision::Allow);
    pay(&policy, &mut state, &of(100, 5_000), Lane::Fast, NOW);
    assert_eq!(
        ask(&policy, &state, &of(900, 31), NOW),
        unusual(30, 31),
        "one large one makes large ones no more usual"
    );
}

#[test]
fn dust_does_not_make_an_ordinary_transfer_unusual() {
    let dusty = |usual: u64| {
        let policy = policy(AssetRules { most_of_p99: amount(3), usual: U256::from(usual), ..rules() });
        let mut state = RiskState::default();
        for n in 0..1_000 {
            pay(&policy, &mut state, &of(n, 1), Lane::Fast, NOW);
        }
        move |value| ask(&policy, &state, &of(2_000, value), NOW)
    };
    let held = |most: u64, value: u64| Decision::Hold {
        reason: Reason::Unusual { most: U256::from(most), amount: U256::from(value) },
    };
    assert_eq!(dusty(0)(100), held(3, 100), "the attack");
    let floor = dusty(100);
    assert_eq!((floor(100), floor(101)), (Decision::Allow, held(100, 101)));
}

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
fn confirmations_by_value_hold_what_nobody_can_value() {
    let (mut policy, _) = depth(100, 1);
    policy.wide.assets.insert(of(0, 0).asset, rules());
    assert_eq!(under(&policy, &RiskState::default(), &of(0, 1), 1_000), shallow(u64::MAX, 1_000));
    let (policy, _) = depth(100, 1);
    assert_eq!(under(&policy, &RiskState::default(), &of(0, 99), 1), Decision::Allow, "by its floor");
    assert_eq!(under(&policy, &RiskState::default(), &of(0, 100), 1), shallow(2, 1));
}

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

/// Everything bites at once; what is relieved one by one shows the order of the checks (risk.md, 1).
#[test]
fn the_checks_run_in_their_order_and_stop_at_the_first_that_bites() {
    let closed = Bucket { capacity: amount(1), refill_seconds: 10 };
    let asset = AssetRules {
        window: amount(1),
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
        "large_transfer",
        "confirmations",
        "velocity",
        "velocity",
        "unusual",
        "none",
    ];
    assert_eq!(found, order);
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

    /// Between any two times no more is cleared for one sender than a bucket and what it drains in between.
    #[test]
    fn a_bucket_bounds_every_stretch_of_time(
        demand in prop::collection::vec((1u64..40, 0u64..50), 1..60), capacity in 1u64..100, refill_seconds in 1u64..200
    ) {
        let bucket = Bucket { capacity: amount(capacity), refill_seconds };
        let policy = policy(AssetRules { sender: bucket, ..rules() });
        let (mut state, mut now, mut paid) = (RiskState::default(), NOW, Vec::new());
        for (n, (value, later)) in demand.into_iter().enumerate() {
            now += later;
            let about = Deposit { sender: B256::ZERO, ..of(n as u64, value) };
            match ask(&policy, &state, &about, now) {
                Decision::Allow => {
                    pay(&policy, &mut state, &about, Lane::Fast, now);
                    paid.push((now, value));
                }
                Decision::Delay { until, .. } => {
                    prop_assert!(until > now && ask(&policy, &state, &about, until) == Decision::Allow);
                }
                other => {
                    let is_held = matches!(other, Decision::Hold { .. });
                    prop_assert!(is_held && value > capacity);
                }
            }
        }
        for (first, (from, _)) in paid.iter().enumerate() {
            let mut sum = 0;
            for (until, value) in &paid[first..] {
                sum += value;
                // Every payout may round what drained down by less than one.
                prop_assert!(sum * refill_seconds <= capacity * refill_seconds + capacity * (until - from));
            }
        }
    }
}

#[test]
fn what_is_kept_of_parties_and_sizes_is_bounded() {
    let bucket = Bucket { capacity: amount(100), refill_seconds: 600 };
    let policy = policy(AssetRules { sender: bucket, recipient: bucket, ..rules() });
    let mut state = RiskState::default();
    let mut size_after = |n: std::ops::Range<u64>| {
        for n in n {
            let now = NOW + n * 1_000;
            let about = Deposit { expiry: now + 10, ..of(n, 50) };
            pay(&policy, &mut state, &about, Lane::Fast, now);
            state.apply(&RiskEvent::Settled { id: about.id() }, now + 1);
            state.apply(&RiskEvent::Closed { id: about.id(), expiry: about.expiry }, now + 1);
        }
        serde_json::to_string(&state).unwrap().len()
    };
    let (early, late) = (size_after(0..1_500), size_after(1_500..4_000));
    assert!(late < early * 11 / 10, "{early} bytes, then {late}");
}

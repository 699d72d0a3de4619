//! Windows by value, whatever becomes of the price: each is a way to be paid more than they say, and does not work.

use alloy_primitives::{U256, U512};
use proptest::prelude::*;
use spandrel_risk::{
    AssetRules, Corridor, Decision, Lane, Limit, Position, Price, PriceRule, Reason, RiskEvent, RiskPolicy, RiskState,
    Tank, WINDOW_SECONDS, assess,
};
use spandrel_verifiers::{AssetId, ChainId, Deposit};

use crate::common::drawn::{LANES, deposits, draws, events, policies};
use crate::common::wide::{PRICED, ask, elsewhere, notional, of, priced, rules, valued};
use crate::common::{NOW, amount, deposit, pay, proven};

/// Every base unit of the asset is worth two, and the asset takes so much by value.
fn worth(limit: u64) -> (RiskPolicy, RiskState) {
    let (mut policy, state) = valued(Limit::Unlimited, Limit::Unlimited);
    policy.wide.assets.get_mut(&of(0, 0).asset).unwrap().notional = Some(amount(limit));
    (policy, state)
}

/// Deposit number `n` of the asset of chain 2, which no feed prices, to the destination of [`of`].
fn other(n: u64, value: u64) -> Deposit {
    let from = deposit(1, U256::ZERO);
    Deposit { source_chain: from.source_chain, asset: from.asset, ..of(n, value) }
}

#[test]
fn an_assets_window_by_value_is_shared_by_all_its_corridors_and_both_lanes_to_the_second() {
    let (policy, mut state) = worth(20);
    pay(&policy, &mut state, &of(0, 4), Lane::Fast, NOW);
    pay(&policy, &mut state, &elsewhere(1, 4), Lane::LightClient, NOW + 10);
    for about in [of(2, 3), elsewhere(2, 3)] {
        assert_eq!(ask(&policy, &state, &about, NOW + 10), notional(20, 16, 6));
    }
    assert_eq!(ask(&policy, &state, &elsewhere(3, 2), NOW + 10), Decision::Allow);
    state.apply(&priced(2, 0, NOW + WINDOW_SECONDS - 1), NOW + WINDOW_SECONDS - 1);
    assert_eq!(ask(&policy, &state, &of(2, 3), NOW + WINDOW_SECONDS - 1), notional(20, 16, 6));
    assert_eq!(ask(&policy, &state, &of(2, 3), NOW + WINDOW_SECONDS), Decision::Allow);
    assert_eq!(ask(&policy, &state, &of(2, 7), NOW + WINDOW_SECONDS), notional(20, 8, 14));
    assert_eq!(ask(&policy, &state, &of(2, 7), NOW + WINDOW_SECONDS + 10), Decision::Allow);
}

#[test]
fn an_asset_that_is_closed_by_value_is_closed_without_a_price_and_without_a_rule_for_one() {
    let (mut policy, state) = worth(0);
    let about = of(0, 1);
    let left = |policy: &RiskPolicy, state: &RiskState| {
        Position::new(state, about.id(), &about, Lane::Fast, NOW).window_left(policy)
    };
    for (state, value) in [(state, 2), (RiskState::default(), 1)] {
        assert_eq!(ask(&policy, &state, &about, NOW), notional(0, 0, value));
        assert_eq!(left(&policy, &state), Limit::CLOSED);
    }
    policy.wide.assets.get_mut(&about.asset).unwrap().price = None;
    assert_eq!(ask(&policy, &RiskState::default(), &about, NOW), notional(0, 0, 0));
    assert_eq!(left(&policy, &RiskState::default()), Limit::CLOSED, "and is shown so");
}

#[test]
fn while_no_price_is_believed_every_limit_by_value_holds_by_the_floor() {
    let set: [fn(&mut RiskPolicy, Limit); 3] = [
        |policy, limit| policy.wide.corridors.values_mut().for_each(|rules| rules.notional = limit),
        |policy, limit| policy.wide.assets.values_mut().for_each(|rules| rules.notional = Some(limit)),
        |policy, limit| policy.wide.destinations.values_mut().for_each(|standing| *standing = limit),
    ];
    for set in set {
        let (mut policy, _) = valued(Limit::Unlimited, Limit::Unlimited);
        set(&mut policy, amount(9));
        let with = |event: Option<RiskEvent>| {
            let mut state = RiskState::default();
            event.iter().for_each(|event| state.apply(event, NOW));
            state
        };
        let (stale, wide) = (priced(2, 0, NOW - 1_000), priced(10, 2, NOW));
        for mut state in [with(None), with(Some(stale)), with(Some(wide))] {
            assert_eq!(ask(&policy, &state, &of(0, 9), NOW), Decision::Allow);
            assert_eq!(ask(&policy, &state, &of(0, 10), NOW), notional(9, 0, 10));
            pay(&policy, &mut state, &of(1, 6), Lane::Fast, NOW);
            assert_eq!(ask(&policy, &state, &of(0, 4), NOW), notional(9, 6, 4));
            assert_eq!(ask(&policy, &state, &of(0, 3), NOW), Decision::Allow);
        }
    }
}

#[test]
fn a_feed_that_falls_silent_makes_no_room_in_what_was_full_by_value() {
    let (policy, mut state) = worth(20);
    pay(&policy, &mut state, &of(0, 10), Lane::Fast, NOW);
    assert_eq!(ask(&policy, &state, &of(1, 1), NOW), notional(20, 20, 2));
    assert_eq!(ask(&policy, &state, &of(1, 1), NOW + 1_000), notional(20, 20, 1), "stale");
}

#[test]
fn a_destination_sums_its_assets_by_price_and_floor_whichever_each_has() {
    let (mut policy, mut state) = valued(Limit::Unlimited, amount(30));
    let price = PriceRule { floor: U256::from(3), ..PRICED };
    policy.wide.assets.insert(other(0, 0).asset, AssetRules { price: Some(price), ..rules() });
    pay(&policy, &mut state, &of(0, 6), Lane::Fast, NOW);
    assert_eq!(ask(&policy, &state, &other(1, 7), NOW), notional(30, 12, 21), "by its floor, three each");
    pay(&policy, &mut state, &other(1, 5), Lane::Fast, NOW);
    assert_eq!(ask(&policy, &state, &of(2, 2), NOW), notional(30, 27, 4));
    assert_eq!(ask(&policy, &state, &other(2, 1), NOW), Decision::Allow);
    assert_eq!(ask(&policy, &state, &of(2, 4), NOW + 1_000), notional(30, 27, 4), "both by their floors");
}

#[test]
fn what_nobody_can_value_does_not_go_where_value_is_limited_and_elsewhere_goes_by_amount() {
    let unvalued = Decision::Hold { reason: Reason::Unvalued { limit: U256::from(30) } };
    let floorless = Some(PriceRule { floor: U256::ZERO, ..PRICED });
    for price in [None, floorless] {
        let (mut policy, _) = valued(amount(5), amount(30));
        let own = AssetRules { price, notional: Some(amount(5)), window: amount(9), ..rules() };
        policy.wide.assets.insert(of(0, 0).asset, own);
        let state = RiskState::default();
        assert_eq!(ask(&policy, &state, &of(0, 1), NOW), unvalued);
        policy.wide.destinations.values_mut().for_each(|limit| *limit = Limit::Unlimited);
        assert_eq!(ask(&policy, &state, &of(0, 9), NOW), Decision::Allow);
        assert!(matches!(ask(&policy, &state, &of(0, 10), NOW), Decision::Hold { reason: Reason::AssetWindow { .. } }));
    }
    let (mut policy, state) = valued(Limit::Unlimited, amount(30));
    policy.wide.assets.get_mut(&of(0, 0).asset).unwrap().price = floorless;
    assert_eq!(ask(&policy, &state, &of(0, 1), NOW + 999), Decision::Allow);
    assert_eq!(ask(&policy, &state, &of(0, 1), NOW + 1_000), unvalued, "from the second on at which it is stale");
}

#[test]
fn a_policy_of_before_there_was_a_window_by_value_reads_and_decides_as_it_did() {
    let (mut policy, state) = worth(1);
    policy.wide.assets.values_mut().for_each(|rules| rules.notional = None);
    let text = serde_json::to_string(&policy.wide.assets.values().next()).unwrap();
    assert!(!text.contains("notional"), "{text}");
    assert_eq!(ask(&policy, &state, &of(0, 1_000), NOW), Decision::Allow);
}

/// Which asset, to which destination, by which lane, from whom, how much, how much later, and what its feed says then.
type Part = (bool, bool, bool, u64, u64, u64, Option<(u64, u64)>);

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let later = prop_oneof![6 => 0u64..3_000, 1 => Just(WINDOW_SECONDS), 1 => Just(WINDOW_SECONDS - 1)];
    let price = prop::option::weighted(0.3, (0u64..6, 0u64..2));
    prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>(), 0u64..3, 1u64..30, later, price), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// However a demand is split over assets, destinations, lanes, senders and time, and whatever the feeds say or do not
    /// say meanwhile: in no 24 hours is more charged than the limit of an asset, a destination or a corridor, and what is
    /// charged is never below the floor.
    #[test]
    fn splitting_over_corridors_assets_senders_and_time_gains_nothing_whatever_the_price(
        parts in parts(), limits in prop::array::uniform3(1u64..120), floors in prop::array::uniform2(0u64..4)
    ) {
        let [of_corridor, of_asset, of_destination] = limits;
        let (mut policy, _) = valued(amount(of_corridor), amount(of_destination));
        for (n, floor) in floors.into_iter().enumerate() {
            let price = Some(PriceRule { floor: U256::from(floor), ..PRICED });
            let asset = deposit(n as u8, U256::ZERO).asset;
            policy.wide.assets.insert(asset, AssetRules { price, notional: Some(amount(of_asset)), ..rules() });
        }
        let (mut state, mut now, mut paid) = (RiskState::default(), NOW, Vec::new());
        for (n, (is_second, is_elsewhere, is_fast, sender, value, later, price)) in parts.into_iter().enumerate() {
            now += later;
            let place = deposit(u8::from(is_second) + 2 * u8::from(is_elsewhere), U256::from(value));
            let source_key = U256::from(n).into();
            let about = Deposit { source_key, sender: U256::from(sender).into(), ..place };
            if let Some((value, confidence)) = price {
                let price = Price { value: U256::from(value), confidence: U256::from(confidence), published_at: now };
                state.apply(&RiskEvent::Priced { asset: about.asset.clone(), price }, now);
            }
            let lane = LANES[usize::from(!is_fast)];
            state.apply(&proven(&about), now);
            if assess(&policy, &state, &about, lane, now, now) == Decision::Allow {
                let charge = policy.wide.charge(&state, &about, now).notional;
                let floor = U256::from(floors[usize::from(is_second)]) * about.amount;
                prop_assert!(charge >= floor.max(U256::ONE), "{charge} for {value}");
                pay(&policy, &mut state, &about, lane, now);
                paid.push((Corridor::of(&about, lane), charge, now));
            }
        }
        for (end, (last, _, until)) in paid.iter().enumerate() {
            let day = || paid[..=end].iter().filter(|(_, _, at)| until - at < WINDOW_SECONDS);
            let sum = |is_in: &dyn Fn(&Corridor) -> bool| -> U256 {
                day().filter(|(corridor, ..)| is_in(corridor)).map(|(_, charge, _)| *charge).sum()
            };
            prop_assert!(sum(&|corridor| corridor == last) <= U256::from(of_corridor));
            prop_assert!(sum(&|corridor| corridor.asset == last.asset) <= U256::from(of_asset));
            prop_assert!(sum(&|corridor| corridor.destination == last.destination) <= U256::from(of_destination));
        }
    }

    /// What is left of the windows is the most that they let pass, to the unit.
    #[test]
    fn what_is_left_of_the_windows_is_the_most_that_they_let_pass(
        policy in policies(), window in crate::common::drawn::limit(), draws in draws(), ahead in 0u64..5_000
    ) {
        let mut policy = policy;
        policy.limits.values_mut().for_each(|limits| limits.window = window);
        // Exposure is asked before the windows.
        policy.wide.assets.values_mut().for_each(|rules| rules.exposure = None);
        let (deposits, mut state, mut now) = (deposits(), RiskState::default(), NOW);
        for draw in &draws {
            now = now.saturating_add_signed(draw.3);
            for event in events(draw, &policy, &state, &deposits, now) {
                state.apply(&event, now);
            }
        }
        let now = now + ahead;
        for (n, lane) in (0..4).flat_map(|n| LANES.map(|lane| (n, lane))) {
            let about = |value: U256| Deposit { source_key: U256::from(900).into(), ..deposit(n, value) };
            let probe = about(U256::ONE);
            let left = Position::new(&state, probe.id(), &probe, lane, now).window_left(&policy);
            let is_windowed = |value: U256| {
                let about = about(value);
                let mut state = state.clone();
                // What stands locked is asked before the windows, and draws clear what was not proven.
                let ample = Deposit { source_key: U256::from(901).into(), amount: U256::MAX, ..about.clone() };
                state.apply(&proven(&ample), now);
                state.apply(&proven(&about), now);
                let position = Position::new(&state, about.id(), &about, lane, now);
                matches!(
                    position.decide(&policy, now),
                    Decision::Hold {
                        reason: Reason::Window { .. }
                            | Reason::AssetWindow { .. }
                            | Reason::NotionalWindow { .. }
                            | Reason::Unvalued { .. }
                    }
                )
            };
            match left {
                Limit::Unlimited => prop_assert!(!is_windowed(U256::from(1_000_000))),
                Limit::Amount(left) => {
                    prop_assert!(left.is_zero() || !is_windowed(left), "{left}");
                    prop_assert!(is_windowed(left + U256::ONE), "{left}");
                }
            }
        }
    }
}

/// Several processes share a ledger. One whose clock lags does not know the newest price from its own time; it is asked for
/// that value, and must charge it too, or each of its payouts would be charged the floor alone.
#[test]
fn a_process_whose_clock_lags_charges_what_it_asked_for() {
    let (policy, mut state) = worth(20);
    state.apply(&priced(2, 0, NOW + 5), NOW + 5);
    assert_eq!(ask(&policy, &state, &of(0, 11), NOW), notional(20, 0, 22));
    for n in 0..2 {
        assert_eq!(ask(&policy, &state, &of(n, 5), NOW), Decision::Allow);
        pay(&policy, &mut state, &of(n, 5), Lane::Fast, NOW);
    }
    assert_eq!(ask(&policy, &state, &of(2, 1), NOW), notional(20, 20, 2));
}

#[test]
fn a_charge_is_kept_for_its_asset_and_no_other() {
    let (policy, mut state) = worth(20);
    pay(&policy, &mut state, &of(0, 4), Lane::Fast, NOW);
    let of_asset = |asset: AssetId| Tank::Asset { asset };
    assert_eq!(state.notional_used(&of_asset(of(0, 0).asset), NOW), U512::from(8));
    assert_eq!(state.notional_used(&of_asset(AssetId::slip44(&ChainId::eip155(2), 60)), NOW), U512::ZERO);
}

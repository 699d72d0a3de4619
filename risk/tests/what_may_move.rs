//! What is promised of what may move, as sentences, and as properties over random demand.

mod common;

use alloy_primitives::{U256, U512};
use common::{NOW, amount, cleared, deposit, everywhere, open, paid, pay, proven};
use proptest::prelude::*;
use spandrel_risk::{
    Corridor, Decision, Direction, Lane, Limit, Limits, Reason, RiskEvent, RiskPolicy, RiskState, Scope,
    WINDOW_SECONDS, assess, is_paused,
};
use spandrel_verifiers::{ChainId, Deposit, LanePreference};

fn ask(limits: Limits, state: &RiskState, deposit: &Deposit, lane: Lane, now: u64) -> Decision {
    assess(&everywhere(limits), state, deposit, lane, now, now)
}

fn state_of(events: &[RiskEvent]) -> RiskState {
    let mut state = RiskState::default();
    for event in events {
        state.apply(event, NOW);
    }
    state
}

fn is_held(decision: Decision) -> Reason {
    match decision {
        Decision::Hold { reason } => reason,
        other => panic!("expected a hold, found {other:?}"),
    }
}

fn is_rejected(decision: Decision) -> Reason {
    match decision {
        Decision::Reject { reason } => reason,
        other => panic!("expected a rejection, found {other:?}"),
    }
}

#[test]
fn what_is_not_listed_is_rejected() {
    let about = deposit(0, U256::from(5));
    let state = state_of(&[proven(&about)]);
    for lane in [Lane::Fast, Lane::LightClient] {
        let decision = assess(&RiskPolicy::default(), &state, &about, lane, NOW, NOW);
        assert_eq!(is_rejected(decision), Reason::Unknown);
    }
}

#[test]
fn a_limit_of_zero_is_closed() {
    let about = deposit(0, U256::from(1));
    let state = state_of(&[proven(&about)]);
    let closed = [
        Limits { per_transfer: Limit::CLOSED, ..open() },
        Limits { exposure_cap: Limit::CLOSED, ..open() },
        Limits { window: Limit::CLOSED, ..open() },
        Limits { large_from: Limit::CLOSED, large_delay: 1, ..open() },
        Limits::CLOSED,
    ];
    for limits in closed {
        assert_ne!(ask(limits, &state, &about, Lane::Fast, NOW), Decision::Allow, "{limits:?}");
    }
    assert_ne!(
        ask(Limits { window: Limit::CLOSED, ..open() }, &state, &about, Lane::LightClient, NOW),
        Decision::Allow
    );
    assert_eq!(ask(open(), &state, &about, Lane::Fast, NOW), Decision::Allow);
}

#[test]
fn the_light_client_lane_pays_only_what_was_proven() {
    let about = deposit(0, U256::from(5));
    let reason = is_held(ask(open(), &RiskState::default(), &about, Lane::LightClient, NOW));
    assert_eq!(reason, Reason::Ledger { available: U256::ZERO, amount: U256::from(5) });
    assert_eq!(ask(open(), &state_of(&[proven(&about)]), &about, Lane::LightClient, NOW), Decision::Allow);
}

#[test]
fn another_deposits_proof_pays_nothing() {
    let (about, other) = (deposit(0, U256::from(5)), deposit(4, U256::from(500)));
    let reason = is_held(ask(open(), &state_of(&[proven(&other)]), &about, Lane::LightClient, NOW));
    assert_eq!(reason, Reason::Ledger { available: U256::ZERO, amount: U256::from(5) });
}

#[test]
fn a_proof_of_another_amount_pays_nothing() {
    let about = deposit(0, U256::from(5));
    let mut smaller = proven(&about);
    if let RiskEvent::Proven { amount, .. } = &mut smaller {
        *amount = U256::from(6);
    }
    is_held(ask(open(), &state_of(&[smaller]), &about, Lane::LightClient, NOW));
}

/// What others have locked would pay it.
#[test]
fn a_proof_of_another_chain_or_asset_pays_nothing() {
    let (about, other, elsewhere) = (deposit(0, U256::from(5)), deposit(4, U256::from(500)), deposit(1, U256::ZERO));
    let on_another = Deposit { source_chain: elsewhere.source_chain, ..about.clone() };
    let of_another = Deposit { asset: elsewhere.asset, ..about.clone() };
    for wrong in [on_another, of_another] {
        let mut wrong = proven(&wrong);
        if let RiskEvent::Proven { id, .. } = &mut wrong {
            *id = about.id();
        }
        is_held(ask(open(), &state_of(&[proven(&other), wrong]), &about, Lane::LightClient, NOW));
    }
}

#[test]
fn nothing_is_cleared_twice_on_either_lane() {
    let about = deposit(0, U256::from(5));
    for first in [Lane::Fast, Lane::LightClient] {
        let state = state_of(&[proven(&about), cleared(&about, first)]);
        for second in [Lane::Fast, Lane::LightClient] {
            let reason = is_rejected(ask(open(), &state, &about, second, NOW));
            assert_eq!(reason, Reason::AlreadyCleared { lane: first });
        }
    }
}

#[test]
fn a_returned_payout_may_be_cleared_again_and_counts_once_in_the_window() {
    let about = deposit(0, U256::from(5));
    let events = [proven(&about), cleared(&about, Lane::Fast), RiskEvent::Returned { id: about.id() }];
    let mut state = state_of(&events);
    let corridor = Corridor::of(&about, Lane::Fast);
    assert_eq!(state.window_used(&corridor, NOW), U512::from(5), "the window is not given back");
    assert_eq!(ask(open(), &state, &about, Lane::Fast, NOW), Decision::Allow);
    state.apply(&cleared(&about, Lane::Fast), NOW + 100);
    assert_eq!(state.window_used(&corridor, NOW + 100), U512::from(5));
    state.apply(&paid(&about), NOW + 100);
    assert_eq!(state.window_used(&corridor, NOW + WINDOW_SECONDS), U512::from(5), "it counts from the later clearance");
    assert_eq!(state.window_used(&corridor, NOW + 100 + WINDOW_SECONDS), U512::ZERO);
}

#[test]
fn exposure_is_repaid_by_settlement_and_not_by_a_shortfall() {
    let about = deposit(0, U256::from(5));
    let (source, asset, destination) = (&about.source_chain, &about.asset, &about.destination_chain);
    let mut state = state_of(&[cleared(&about, Lane::Fast)]);
    state.apply(&RiskEvent::Shortfall { id: about.id() }, NOW);
    assert_eq!(state.exposure(source, asset, destination), U512::from(5));
    assert_eq!(state.shortfalls().count(), 1);
    state.apply(&RiskEvent::Settled { id: about.id() }, NOW);
    assert_eq!(state.exposure(source, asset, destination), U512::ZERO);
    assert_eq!(state.shortfalls().count(), 0);
}

#[test]
fn a_fast_payout_uses_up_its_deposits_proof() {
    let (fast, other) = (deposit(0, U256::from(5)), deposit(4, U256::from(5)));
    let state =
        state_of(&[cleared(&fast, Lane::Fast), proven(&fast), proven(&other), cleared(&other, Lane::LightClient)]);
    assert_eq!(state.available(&fast.source_chain, &fast.asset), U512::ZERO);
}

#[test]
fn a_fast_transfer_over_its_cap_takes_the_other_lane_and_a_proven_one_waits() {
    let about = deposit(0, U256::from(11));
    let limits = Limits { per_transfer: amount(10), ..open() };
    let state = state_of(&[proven(&about)]);
    let over = Reason::PerTransferCap { cap: U256::from(10), amount: U256::from(11) };
    assert_eq!(is_rejected(ask(limits, &state, &about, Lane::Fast, NOW)), over);
    assert_eq!(is_held(ask(limits, &state, &about, Lane::LightClient, NOW)), over);
}

#[test]
fn a_large_transfer_waits_from_the_moment_it_was_first_asked_for() {
    let about = deposit(0, U256::from(10));
    let policy = everywhere(Limits { large_from: amount(10), large_delay: 3_600, ..open() });
    let state = state_of(&[proven(&about)]);
    let at = |now| assess(&policy, &state, &about, Lane::LightClient, NOW, now);
    let reason = Reason::LargeTransfer { from: U256::from(10) };
    assert_eq!(at(NOW + 3_599), Decision::Delay { until: NOW + 3_600, reason });
    assert_eq!(at(NOW + 3_600), Decision::Allow);
}

/// Else what waits would close the window to others for as long as its sender likes, and be out of it when it is paid.
#[test]
fn a_large_transfer_takes_no_window_while_it_waits_and_asks_for_it_when_its_time_has_come() {
    let (large, small) = (deposit(0, U256::from(8)), deposit(4, U256::from(5)));
    let policy = everywhere(Limits { window: amount(10), large_from: amount(8), large_delay: 3_600, ..open() });
    let mut state = state_of(&[proven(&large), proven(&small)]);
    let ask = |state: &RiskState, about: &Deposit, now| assess(&policy, state, about, Lane::LightClient, NOW, now);
    assert!(matches!(ask(&state, &large, NOW), Decision::Delay { until, .. } if until == NOW + 3_600));
    assert_eq!(ask(&state, &small, NOW), Decision::Allow, "what waits is not in its way");
    pay(&policy, &mut state, &small, Lane::LightClient, NOW);
    let reason = Reason::Window { limit: U256::from(10), used: U256::from(5), amount: U256::from(8) };
    assert_eq!(ask(&state, &large, NOW + 3_600), Decision::Hold { reason });
    assert_eq!(ask(&state, &large, NOW + 86_400), Decision::Allow);
}

#[test]
fn expiry_and_the_wrong_lane_are_rejected_before_anything_else() {
    let late = Deposit { expiry: NOW - 1, ..deposit(0, U256::from(5)) };
    let paused = state_of(&[RiskEvent::Paused { scope: Scope::Global, until: NOW + 9, reason: String::new() }]);
    let reason = is_rejected(ask(open(), &paused, &late, Lane::LightClient, NOW));
    assert_eq!(reason, Reason::Expired { expiry: NOW - 1 });
    let last_second = Deposit { expiry: NOW, ..late };
    is_held(ask(open(), &paused, &last_second, Lane::LightClient, NOW));
    let slow = Deposit { lane: LanePreference::LightClient, ..deposit(0, U256::from(5)) };
    assert_eq!(is_rejected(ask(open(), &paused, &slow, Lane::Fast, NOW)), Reason::LaneNotAskedFor);
}

#[test]
fn dust_and_nothing_are_refused_and_never_dropped() {
    let limits = Limits { dust: U256::from(3), ..open() };
    let state = RiskState::default();
    let reason = is_rejected(ask(limits, &state, &deposit(0, U256::from(2)), Lane::Fast, NOW));
    assert_eq!(reason, Reason::Dust { minimum: U256::from(3), amount: U256::from(2) });
    is_rejected(ask(open(), &state, &deposit(0, U256::ZERO), Lane::Fast, NOW));
    assert_eq!(ask(limits, &state, &deposit(0, U256::from(3)), Lane::Fast, NOW), Decision::Allow);
}

#[test]
fn every_scope_stops_what_it_covers_until_it_expires_and_nothing_else() {
    let about = deposit(0, U256::from(5));
    let (source, destination) = (about.source_chain.clone(), about.destination_chain.clone());
    let fast_only = |source| Scope::Lane { lane: Lane::Fast, source };
    let covering = [
        Scope::Global,
        Scope::Chain { chain: source.clone() },
        Scope::Chain { chain: destination.clone() },
        Scope::Asset { asset: about.asset.clone() },
        Scope::Route { source: source.clone(), destination: destination.clone() },
        fast_only(None),
        fast_only(Some(source.clone())),
        Scope::Direction { chain: source.clone(), direction: Direction::Deposits },
        Scope::Direction { chain: destination.clone(), direction: Direction::Payouts },
    ];
    for scope in covering {
        let state = state_of(&[RiskEvent::Paused { scope: scope.clone(), until: NOW + 60, reason: "test".into() }]);
        let reason = is_held(ask(open(), &state, &about, Lane::Fast, NOW + 59));
        assert_eq!(reason, Reason::Paused { scope: scope.clone() });
        assert!(scope.stops(&Corridor::of(&about, Lane::Fast)), "{scope}");
        assert!(is_paused(&state, &about, Lane::Fast, NOW + 59));
        assert!(!is_paused(&state, &about, Lane::Fast, NOW + 60), "{scope} expires by itself");
    }
    let elsewhere = [
        // The other direction on either chain.
        Scope::Direction { chain: source.clone(), direction: Direction::Payouts },
        Scope::Direction { chain: destination.clone(), direction: Direction::Deposits },
        Scope::Direction { chain: ChainId::eip155(77), direction: Direction::Deposits },
        Scope::Chain { chain: ChainId::eip155(77) },
        Scope::Route { source: destination, destination: source },
        Scope::Lane { lane: Lane::LightClient, source: None },
        fast_only(Some(ChainId::eip155(77))),
    ];
    for scope in elsewhere {
        let corridor = Corridor::of(&about, Lane::Fast);
        assert!(!scope.stops(&corridor) && !scope.covers(&about, Lane::Fast), "{scope}");
        let state = state_of(&[RiskEvent::Paused { scope, until: NOW + 60, reason: "test".into() }]);
        assert_eq!(ask(open(), &state, &about, Lane::Fast, NOW), Decision::Allow);
    }
}

/// Of the pauses that stop a deposit, the widest kind is named.
#[test]
fn the_pause_that_is_named_is_of_the_first_kind_in_the_written_order() {
    let about = deposit(0, U256::from(5));
    let (source, destination) = (about.source_chain.clone(), about.destination_chain.clone());
    let order = [
        Scope::Global,
        Scope::Chain { chain: source.clone() },
        Scope::Asset { asset: about.asset.clone() },
        Scope::Route { source: source.clone(), destination },
        Scope::Lane { lane: Lane::Fast, source: None },
        Scope::Direction { chain: source, direction: Direction::Deposits },
    ];
    let pause = |scope: &Scope| RiskEvent::Paused { scope: scope.clone(), until: NOW + 60, reason: "test".into() };
    for first in 0..order.len() {
        let events: Vec<RiskEvent> = order[first..].iter().rev().map(pause).collect();
        let state = state_of(&events);
        assert_eq!(state.paused_by(&about, Lane::Fast, NOW), Some(&order[first]));
    }
}

#[test]
fn a_shorter_pause_never_shortens_a_longer_one() {
    let pause = |until| RiskEvent::Paused { scope: Scope::Global, until, reason: "test".into() };
    let about = deposit(0, U256::from(5));
    let mut state = state_of(&[pause(NOW + 100), pause(NOW + 10)]);
    assert!(is_paused(&state, &about, Lane::Fast, NOW + 50));
    state.apply(&RiskEvent::Resumed { scope: Scope::Global }, NOW + 51);
    assert!(!is_paused(&state, &about, Lane::Fast, NOW + 51));
}

#[test]
fn the_largest_amounts_neither_overflow_nor_slip_under_a_cap() {
    let (first, second) = (deposit(0, U256::MAX), deposit(4, U256::MAX));
    let limits = Limits { window: Limit::Amount(U256::MAX), ..open() };
    let state = state_of(&[cleared(&first, Lane::Fast)]);
    let used = U256::MAX;
    let reason = is_held(ask(limits, &state, &second, Lane::Fast, NOW));
    assert_eq!(reason, Reason::Window { limit: U256::MAX, used, amount: U256::MAX });
    let capped = Limits { exposure_cap: Limit::Amount(U256::MAX), ..open() };
    is_held(ask(capped, &state, &second, Lane::Fast, NOW));
    assert_eq!(ask(open(), &state, &second, Lane::Fast, NOW), Decision::Allow, "unlimited is unlimited");
}

#[test]
fn reconfiguring_forgets_nothing_that_was_used() {
    let (first, second) = (deposit(0, U256::from(8)), deposit(4, U256::from(3)));
    let state = state_of(&[cleared(&first, Lane::Fast)]);
    let window = |n| Limits { window: amount(n), ..open() };
    is_held(ask(window(10), &state, &second, Lane::Fast, NOW));
    is_held(ask(window(0), &state, &second, Lane::Fast, NOW));
    is_held(ask(window(10), &state, &second, Lane::Fast, NOW));
    assert_eq!(ask(window(11), &state, &second, Lane::Fast, NOW), Decision::Allow);
}

/// One draw of demand: which deposit asks, on which lane, how much later, and what else happens to it.
type Demand = Vec<(u8, u64, bool, u64, u8)>;

fn demand() -> impl Strategy<Value = Demand> {
    let later = prop_oneof![4 => 0u64..9_000, 1 => Just(WINDOW_SECONDS), 1 => Just(WINDOW_SECONDS - 1)];
    prop::collection::vec((any::<u8>(), 1u64..40, any::<bool>(), later, 0u8..8), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whoever obeys the engine never exceeds a cap, whatever is asked, proven, returned, settled or lost.
    #[test]
    fn caps_hold_whatever_is_asked(demand in demand(), cap in 0u64..100, window in 0u64..150, reconfigured in 0u64..150) {
        let mut limits = Limits { exposure_cap: amount(cap), window: amount(window), ..open() };
        let mut state = RiskState::default();
        let mut passed: Vec<(Corridor, U256, u64, u64)> = Vec::new();
        let mut now = NOW;
        for (place, (n, value, is_fast, later, fate)) in demand.iter().enumerate() {
            now += later;
            let in_force = if place % 3 == 2 { reconfigured } else { window };
            limits.window = amount(in_force);
            let about = deposit(*n, U256::from(*value));
            let lane = if *is_fast { Lane::Fast } else { Lane::LightClient };
            if fate % 2 == 0 {
                state.apply(&proven(&about), now);
            }
            if ask(limits, &state, &about, lane, now) == Decision::Allow {
                state.apply(&cleared(&about, lane), now);
                passed.push((Corridor::of(&about, lane), about.amount, now, in_force));
                let exposure = state.exposure(&about.source_chain, &about.asset, &about.destination_chain);
                prop_assert!(lane == Lane::LightClient || exposure <= U512::from(cap));
            }
            let id = about.id();
            match fate {
                1 => state.apply(&RiskEvent::Settled { id }, now),
                2 => state.apply(&RiskEvent::Shortfall { id }, now),
                3 => {}
                _ => state.apply(&paid(&about), now),
            }
        }
        // Every 24 hours that end at a payout: no window limit that was in force then was exceeded.
        for (corridor, _, end, in_force) in &passed {
            let within = passed.iter().filter(|(c, _, at, _)| c == corridor && at <= end && end - at < WINDOW_SECONDS);
            let last = passed.iter().filter(|(c, _, at, _)| c == corridor && at == end).map(|(.., limit)| limit).max();
            let sum: U256 = within.map(|(_, amount, ..)| *amount).sum();
            prop_assert!(sum <= U256::from(*last.unwrap_or(in_force)), "{sum} in the day up to {end}");
        }
    }

    /// Parts pass exactly as far as the whole would: nothing is gained by splitting.
    #[test]
    fn splitting_gains_nothing(parts in prop::collection::vec(1u64..30, 1..12), limit in 1u64..120, fast: bool) {
        let lane = if fast { Lane::Fast } else { Lane::LightClient };
        let limits = Limits { window: amount(limit), exposure_cap: amount(limit), ..open() };
        let mut state = RiskState::default();
        let mut passed = 0;
        for (n, part) in parts.iter().enumerate() {
            let about = deposit(4 * n as u8, U256::from(*part));
            state.apply(&proven(&about), NOW);
            if ask(limits, &state, &about, lane, NOW) == Decision::Allow {
                state.apply(&cleared(&about, lane), NOW);
                passed += part;
            }
        }
        prop_assert!(passed <= limit);
        let whole = deposit(0, U256::from(parts.iter().sum::<u64>()));
        let passes = ask(limits, &state_of(&[proven(&whole)]), &whole, lane, NOW) == Decision::Allow;
        prop_assert_eq!(passes, passed == parts.iter().sum::<u64>());
    }

    /// The ledger is never negative under decisions that were obeyed: what is released was proven.
    #[test]
    fn nothing_is_released_that_was_not_proven(demand in demand()) {
        let mut state = RiskState::default();
        let mut model = common::model::Model::default();
        let mut now = NOW;
        for (n, value, is_fast, later, fate) in &demand {
            now += later;
            let about = deposit(*n % 16, U256::from(*value % 3 + 1));
            let lane = if *is_fast { Lane::Fast } else { Lane::LightClient };
            let mut events = Vec::new();
            if *fate < 3 {
                events.push(proven(&about));
            }
            if ask(open(), &state, &about, lane, now) == Decision::Allow {
                events.push(cleared(&about, lane));
            }
            if *fate == 4 {
                events.push(RiskEvent::Returned { id: about.id() });
            }
            for event in events {
                state.apply(&event, now);
                model.apply(event, now);
            }
            prop_assert!(model.released(&about) <= model.proven(&about));
        }
    }
}

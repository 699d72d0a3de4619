//! What is cleared and not paid yet: it counts in every window until it is, however late its destination takes it.

mod common;

use alloy_primitives::{U256, U512, keccak256};
use common::drawn::LANES;
use common::wide::{of, policy, priced, rules, valued};
use common::{NOW, amount, charged, clear, cleared, cleared_of_old, everywhere, open, paid, proven};
use proptest::prelude::*;
use spandrel_risk::{
    AssetRules, Charge, Corridor, Decision, Lane, Limit, Position, Reason, RiskEvent, RiskPolicy, RiskState,
    SecondEngine, Tank, WINDOW_SECONDS, assess,
};
use spandrel_verifiers::Deposit;

/// Under each of them ten base units may move in a day, by another of the windows.
fn policies() -> [RiskPolicy; 5] {
    let mut by_corridor = everywhere(open());
    by_corridor.limits.values_mut().for_each(|limits| limits.window = amount(10));
    let by_asset = policy(AssetRules { window: amount(10), ..rules() });
    let mut by_value = valued(Limit::Unlimited, Limit::Unlimited).0;
    by_value.wide.assets.values_mut().for_each(|rules| rules.notional = Some(amount(20)));
    let by_corridors_value = valued(amount(20), Limit::Unlimited).0;
    let by_destination = valued(Limit::Unlimited, amount(20)).0;
    [by_corridor, by_asset, by_value, by_corridors_value, by_destination]
}

/// A base unit is worth two.
fn priced_state() -> RiskState {
    valued(Limit::Unlimited, Limit::Unlimited).1
}

fn is_full(decision: &Decision) -> bool {
    let Decision::Hold { reason } = decision else { return false };
    matches!(reason, Reason::Window { .. } | Reason::AssetWindow { .. } | Reason::NotionalWindow { .. })
}

/// An outage of its nodes for three days: else each of the days clears as much as a day may, and all of it is paid at once.
#[test]
fn what_a_destination_takes_days_late_is_not_paid_beside_what_those_days_cleared() {
    for (policy, lane) in policies().into_iter().flat_map(|policy| LANES.map(|lane| (policy.clone(), lane))) {
        let mut state = priced_state();
        let (late, next) = (of(0, 10), of(1, 1));
        [&late, &next].into_iter().for_each(|about| state.apply(&proven(about), NOW));
        let ask = |state: &RiskState, now| assess(&policy, state, &next, lane, now, now);
        assert_eq!(ask(&state, NOW), Decision::Allow);
        clear(&policy, &mut state, &late, lane, NOW);
        let back = NOW + 3 * WINDOW_SECONDS;
        for now in [NOW, NOW + WINDOW_SECONDS - 1, NOW + WINDOW_SECONDS, back] {
            assert!(is_full(&ask(&state, now)), "{lane}: {:?}", ask(&state, now));
            let position = Position::new(&state, next.id(), &next, lane, now);
            assert_eq!(position.window_left(&policy), Limit::CLOSED, "{lane}");
        }
        state.apply(&paid(&late), back);
        assert!(is_full(&ask(&state, back + WINDOW_SECONDS - 1)), "{lane}");
        assert_eq!(ask(&state, back + WINDOW_SECONDS), Decision::Allow, "{lane}");
    }
}

/// What each window of the corridor of `about` holds at `now`, as a share of what one clearance of it is.
fn used(state: &RiskState, about: &Deposit, lane: Lane, now: u64) -> Vec<U512> {
    let corridor = Corridor::of(about, lane);
    let tanks = [
        Tank::Corridor(corridor.clone()),
        Tank::Destination { chain: about.destination_chain.clone() },
        Tank::Source { chain: about.source_chain.clone() },
        Tank::Asset { asset: about.asset.clone() },
    ];
    let by_value = tanks.iter().map(|tank| state.notional_used(tank, now) / U512::from(2));
    [state.window_used(&corridor, now), state.asset_used(&about.asset, now)].into_iter().chain(by_value).collect()
}

/// Each end is let go of: none holds a window closed for longer than a day.
#[test]
fn whatever_its_end_a_clearance_leaves_every_window_a_day_later() {
    let (policy, about) = (valued(Limit::Unlimited, Limit::Unlimited).0, of(0, 5));
    let id = about.id();
    let closed = RiskEvent::Closed { id, expiry: about.expiry };
    let (returned, settled, short) =
        (RiskEvent::Returned { id }, RiskEvent::Settled { id }, RiskEvent::Shortfall { id });
    let of_either = [vec![paid(&about)], vec![returned.clone()], vec![returned.clone(), closed.clone()]];
    let of_fast = [
        vec![settled.clone()],
        vec![settled, closed.clone()],
        vec![short.clone(), paid(&about)],
        vec![paid(&about), short.clone()],
        vec![short.clone(), returned],
    ];
    let of_proven = [vec![closed.clone()], vec![paid(&about), closed]];
    let ends = of_either.iter().flat_map(|end| LANES.map(|lane| (lane, end.clone())));
    let ends = ends.chain(of_fast.map(|end| (Lane::Fast, end))).chain(of_proven.map(|end| (Lane::LightClient, end)));
    for (lane, end) in ends {
        let mut state = priced_state();
        state.apply(&proven(&about), NOW);
        clear(&policy, &mut state, &about, lane, NOW);
        let ended = NOW + 5 * WINDOW_SECONDS;
        assert_eq!(used(&state, &about, lane, ended), [U512::from(5); 6], "before {end:?}");
        end.iter().for_each(|event| state.apply(event, ended));
        assert_eq!(used(&state, &about, lane, ended + WINDOW_SECONDS - 1), [U512::from(5); 6], "{end:?}");
        assert_eq!(used(&state, &about, lane, ended + WINDOW_SECONDS), [U512::ZERO; 6], "{end:?}");
    }
    let mut state = priced_state();
    clear(&policy, &mut state, &about, Lane::Fast, NOW);
    state.apply(&short, NOW);
    let late = NOW + 9 * WINDOW_SECONDS;
    assert_eq!(used(&state, &about, Lane::Fast, late), [U512::from(5); 6], "a loss may be paid yet");
}

/// Else a payout that is given back every day, and paid in the end, counts for as many.
#[test]
fn what_is_given_back_and_cleared_again_counts_once() {
    let (policy, about) = (valued(Limit::Unlimited, Limit::Unlimited).0, of(0, 5));
    let mut state = priced_state();
    for now in (NOW..).step_by(3_600).take(30) {
        state.apply(&priced(2, 0, now), now);
        clear(&policy, &mut state, &about, Lane::Fast, now);
        assert_eq!(used(&state, &about, Lane::Fast, now), [U512::from(5); 6]);
        state.apply(&RiskEvent::Returned { id: about.id() }, now + 1_800);
        assert_eq!(used(&state, &about, Lane::Fast, now + 1_800), [U512::from(5); 6]);
    }
}

#[test]
fn what_is_not_paid_costs_a_window_no_memory() {
    let windows_of = |count: u64| {
        let mut state = RiskState::default();
        (0..count).for_each(|n| state.apply(&cleared(&of(n, 1), Lane::LightClient), NOW));
        serde_json::to_value(&state).unwrap()["windows"].to_string().len()
    };
    assert!(windows_of(1_000) < windows_of(1) + 10);
}

/// A ledger from before payments were told: clearances without a mark, and none of the payments.
const OF_OLD: &str = include_str!("unpaid/of_old.json");

/// What its events came to when they were written.
const FOLDED_OF_OLD: &str = "0xc9be5d6632fa2076701e9cc1611acd70116193e0ce67193cf949c62265ca0d20";

#[test]
fn a_ledger_of_old_folds_to_what_it_did() {
    let log: Vec<(u64, RiskEvent)> = serde_json::from_str(OF_OLD).unwrap();
    let mut state = RiskState::default();
    log.iter().for_each(|(at, event)| state.apply(event, NOW + at));
    assert_eq!(serde_json::to_value(&log).unwrap(), serde_json::from_str::<serde_json::Value>(OF_OLD).unwrap());
    assert_eq!(keccak256(serde_json::to_string(&state).unwrap()).to_string(), FOLDED_OF_OLD);
}

#[test]
fn what_was_cleared_before_payments_were_told_counts_for_a_day_though_it_is_never_said_to_be_paid() {
    let about = of(0, 5);
    let charge = Charge { notional: U256::from(10), fills: vec![] };
    let mut state = RiskState::default();
    state.apply(&cleared_of_old(&about, Lane::Fast), NOW);
    state.apply(&charged(&about, charge), NOW);
    let before = state.clone();
    assert_eq!(used(&state, &about, Lane::Fast, NOW + WINDOW_SECONDS - 1), [U512::from(5); 6]);
    assert_eq!(used(&state, &about, Lane::Fast, NOW + WINDOW_SECONDS), [U512::ZERO; 6]);
    state.apply(&paid(&about), NOW);
    assert_eq!(state, before, "its payment is no news");
}

/// Else whoever writes the ledger has what he clears forgotten after a day, and every decision comes out as recorded.
#[test]
fn a_second_engine_finds_a_clearance_out_that_counts_shorter_than_those_before_it() {
    let (first, second) = (of(0, 5), of(1, 5));
    let found = |log: &[(RiskEvent, &Deposit)]| {
        let mut engine = SecondEngine::default();
        log.iter().try_for_each(|(event, about)| engine.take(event, NOW, Some(about))).map_err(|found| found.field)
    };
    let old = |about| cleared_of_old(about, Lane::Fast);
    let new = |about| cleared(about, Lane::Fast);
    assert_eq!(found(&[(old(&first), &first), (old(&second), &second)]), Ok(()));
    assert_eq!(found(&[(old(&first), &first), (new(&second), &second)]), Ok(()));
    assert_eq!(found(&[(new(&first), &first), (old(&second), &second)]), Err("clearance"));
}

/// What happens next: how much later, what, to which of those that it may happen to, and how much is asked for.
type Draw = (u64, u8, prop::sample::Index, u64);

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let later = prop_oneof![6 => 0u64..20_000, 1 => Just(WINDOW_SECONDS), 1 => Just(WINDOW_SECONDS - 1)];
    prop::collection::vec((later, 0u8..10, any::<prop::sample::Index>(), 1u64..40), 1..150)
}

/// No day has more of these than the limit.
fn fits(all: &[(u64, u64)], limit: u64) -> bool {
    let of_day = |end: u64| all.iter().filter(move |(at, _)| *at <= end && end - at < WINDOW_SECONDS);
    all.iter().all(|(end, _)| of_day(*end).map(|(_, value)| value).sum::<u64>() <= limit)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// However late a destination pays, and however late that is known here.
    #[test]
    fn no_day_pays_or_clears_more_than_its_limit(draws in draws(), limit in 1u64..120) {
        let policy = policy(AssetRules { window: amount(limit), ..rules() });
        let (mut state, mut now) = (RiskState::default(), NOW);
        // Cleared and on its way; in a block, and not known here to be final. Both with what it pays.
        let (mut on_its_way, mut in_a_block): (Vec<Deposit>, Vec<Deposit>) = Default::default();
        let (mut clearances, mut payments) = (Vec::new(), Vec::new());
        for (n, (later, act, which, value)) in draws.into_iter().enumerate() {
            now += later;
            match act {
                0..=4 => {
                    let about = of(n as u64, value);
                    let lane = LANES[usize::from(act % 2 == 0)];
                    state.apply(&proven(&about), now);
                    if assess(&policy, &state, &about, lane, now, now) == Decision::Allow {
                        clear(&policy, &mut state, &about, lane, now);
                        clearances.push((now, value));
                        on_its_way.push(about);
                    }
                }
                5 | 6 if !on_its_way.is_empty() => {
                    let about = on_its_way.swap_remove(which.index(on_its_way.len()));
                    payments.push((now, about.amount.to::<u64>()));
                    in_a_block.push(about);
                }
                7 | 8 if !in_a_block.is_empty() => {
                    let about = in_a_block.swap_remove(which.index(in_a_block.len()));
                    state.apply(&paid(&about), now);
                }
                9 if !on_its_way.is_empty() => {
                    let about = on_its_way.swap_remove(which.index(on_its_way.len()));
                    state.apply(&RiskEvent::Returned { id: about.id() }, now);
                }
                _ => {}
            }
        }
        prop_assert!(fits(&clearances, limit), "cleared {clearances:?}");
        prop_assert!(fits(&payments, limit), "paid {payments:?}");
    }
}

//! What is over is forgotten, and nothing is decided otherwise for it.

mod common;

use alloy_primitives::{U256, U512};
use common::model::Model;
use common::wide::{of, valued};
use common::{NOW, amount, clear, cleared, deposit, everywhere, open, pay, proven};
use proptest::prelude::*;
use spandrel_risk::{
    Bucket, Corridor, Decision, Lane, Limit, Position, Reason, RiskEvent, RiskState, Side, Tank, assess,
};
use spandrel_verifiers::Deposit;

fn closed(deposit: &Deposit) -> RiskEvent {
    RiskEvent::Closed { id: deposit.id(), expiry: deposit.expiry }
}

fn state_of(events: &[RiskEvent]) -> RiskState {
    let mut state = RiskState::default();
    events.iter().for_each(|event| state.apply(event, NOW));
    state
}

fn ask(state: &RiskState, deposit: &Deposit, lane: Lane, now: u64) -> Decision {
    assess(&everywhere(open()), state, deposit, lane, now, now)
}

fn available(state: &RiskState, deposit: &Deposit) -> U512 {
    state.available(&deposit.source_chain, &deposit.asset)
}

#[test]
fn a_closed_payout_is_never_cleared_again_on_any_lane_whatever_comes_after_it() {
    let about = Deposit { expiry: NOW + 100, ..deposit(0, U256::from(5)) };
    for lane in [Lane::Fast, Lane::LightClient] {
        let settled = RiskEvent::Settled { id: about.id() };
        let mut state = state_of(&[proven(&about), cleared(&about, lane), settled, closed(&about)]);
        let late = [RiskEvent::Returned { id: about.id() }, proven(&about), cleared(&about, lane), closed(&about)];
        for event in late {
            state.apply(&event, NOW + 1);
            for asked in [Lane::Fast, Lane::LightClient] {
                let reason = Reason::AlreadyCleared { lane };
                assert_eq!(ask(&state, &about, asked, NOW + 1), Decision::Reject { reason });
            }
            assert_eq!(available(&state, &about), U512::ZERO);
        }
        assert_eq!(state.cleared_on(about.id()), Some(lane));
        state.apply(&proven(&deposit(1, U256::from(1))), NOW + 100);
        let reason = Reason::AlreadyCleared { lane };
        let last = ask(&state, &about, Lane::LightClient, NOW + 100);
        assert_eq!(last, Decision::Reject { reason }, "it is remembered for as long as it could be paid");
        let expired = Decision::Reject { reason: Reason::Expired { expiry: NOW + 100 } };
        assert_eq!(ask(&state, &about, Lane::LightClient, NOW + 101), expired);
        // The clock of the state has passed the expiry, and the asker's has not: time does not run backwards.
        state.apply(&proven(&deposit(1, U256::from(1))), NOW + 200);
        assert_eq!(ask(&state, &about, Lane::LightClient, NOW), expired);
    }
}

#[test]
fn what_was_proven_and_never_paid_is_not_available_to_others_once_it_is_closed() {
    let (refunded, other) = (deposit(0, U256::from(5)), deposit(4, U256::from(3)));
    let mut state = state_of(&[proven(&refunded), proven(&other)]);
    assert_eq!(available(&state, &refunded), U512::from(8));
    state.apply(&closed(&refunded), NOW);
    assert_eq!(available(&state, &refunded), U512::from(3));
    state.apply(&proven(&refunded), NOW);
    for lane in [Lane::Fast, Lane::LightClient] {
        let over = Decision::Reject { reason: Reason::Over };
        assert_eq!(ask(&state, &refunded, lane, NOW), over, "a payout of it would count nowhere");
    }
    assert_eq!(ask(&state, &other, Lane::LightClient, NOW), Decision::Allow);
}

/// Dropped by guardians, or refused at sight, and brought to the destination by someone else: every sum is as if it had
/// been cleared and never dropped, and counts once.
#[test]
fn what_was_closed_unpaid_and_is_paid_all_the_same_counts_like_any_other_payout() {
    let (mut policy, priced) = valued(Limit::Unlimited, Limit::Unlimited);
    let about = of(7, 5);
    let bucket = Bucket { capacity: amount(100), refill_seconds: 1_000 };
    policy.wide.assets.get_mut(&about.asset).unwrap().sender = bucket;
    for (lane, was_cleared) in [(Lane::Fast, false), (Lane::LightClient, false), (Lane::LightClient, true)] {
        let mut dropped = priced.clone();
        dropped.apply(&proven(&about), NOW);
        if was_cleared {
            clear(&policy, &mut dropped, &about, lane, NOW);
            dropped.apply(&RiskEvent::Returned { id: about.id() }, NOW);
        }
        let mut kept = dropped.clone();
        dropped.apply(&closed(&about), NOW);
        let unpaid = dropped.clone();
        dropped.apply(&proven(&about), NOW);
        pay(&policy, &mut dropped, &about, lane, NOW);
        assert_eq!(dropped, unpaid, "what is over is not heard of");
        dropped.apply(&RiskEvent::Reopened { id: about.id() }, NOW);
        dropped.apply(&proven(&about), NOW);
        pay(&policy, &mut dropped, &about, lane, NOW);
        pay(&policy, &mut kept, &about, lane, NOW);
        let used = |state: &RiskState, at: u64| {
            let corridor = Corridor::of(&about, lane);
            let tanks = [
                Tank::Asset { asset: about.asset.clone() },
                Tank::Destination { chain: about.destination_chain.clone() },
                Tank::Source { chain: about.source_chain.clone() },
                Tank::Corridor(corridor.clone()),
            ];
            let by_value = tanks.map(|tank| state.notional_used(&tank, at));
            let exposure = state.exposure(&about.source_chain, &about.asset, &about.destination_chain);
            let filled = state.bucket_filled(&about.asset, Side::Sender, about.sender, at);
            (state.window_used(&corridor, at), state.asset_used(&about.asset, at), by_value, exposure, filled)
        };
        assert_eq!(used(&dropped, NOW), used(&kept, NOW), "{lane} {was_cleared}");
        assert_eq!((used(&dropped, NOW).0, available(&dropped, &about)), (U512::from(5), U512::ZERO));
        assert_eq!(used(&dropped, NOW).2, [U512::from(10); 4], "once by value, however often it was cleared");
        let paid = dropped.clone();
        dropped.apply(&RiskEvent::Reopened { id: about.id() }, NOW);
        assert_eq!(dropped, paid, "once");
        for asked in [Lane::Fast, Lane::LightClient] {
            let reason = Reason::AlreadyCleared { lane };
            assert_eq!(ask(&dropped, &about, asked, NOW), Decision::Reject { reason });
        }
        dropped.apply(&RiskEvent::Settled { id: about.id() }, NOW);
        dropped.apply(&closed(&about), NOW);
        let over = dropped.clone();
        dropped.apply(&RiskEvent::Reopened { id: about.id() }, NOW);
        assert_eq!(dropped, over, "what was closed as paid stays so");
    }
}

/// In one step, before anything of it is stored; nothing of the account is left for it.
#[test]
fn what_is_closed_and_reopened_in_one_step_is_locked_once() {
    let (about, other) = (deposit(0, U256::from(5)), deposit(4, U256::from(5)));
    let reopened = RiskEvent::Reopened { id: about.id() };
    let stored = state_of(&[cleared(&other, Lane::LightClient), proven(&about)]);
    let mut is_closed = stored.clone();
    is_closed.apply(&closed(&about), NOW);
    for (mut state, first) in [(stored, closed(&about)), (is_closed, proven(&about))] {
        let before = state.clone();
        let mut position = Position::new(&before, about.id(), &about, Lane::LightClient, NOW);
        for event in [first, reopened.clone(), proven(&about)] {
            position = position.after(&event);
            state.apply(&event, NOW);
        }
        let reason = Reason::Ledger { available: U256::ZERO, amount: U256::from(5) };
        assert_eq!(ask(&state, &about, Lane::LightClient, NOW), Decision::Hold { reason: reason.clone() });
        assert_eq!(position.decide(&everywhere(open()), NOW), Decision::Hold { reason });
    }
}

#[test]
fn an_open_exposure_is_not_closed_and_a_shortfall_stays_one() {
    let about = deposit(0, U256::from(5));
    let mut state = state_of(&[cleared(&about, Lane::Fast), closed(&about)]);
    let exposure = |state: &RiskState| state.exposure(&about.source_chain, &about.asset, &about.destination_chain);
    assert_eq!(exposure(&state), U512::from(5));
    state.apply(&RiskEvent::Shortfall { id: about.id() }, NOW);
    state.apply(&closed(&about), NOW);
    assert_eq!((exposure(&state), state.shortfalls().count()), (U512::from(5), 1));
    state.apply(&RiskEvent::Settled { id: about.id() }, NOW);
    state.apply(&closed(&about), NOW);
    assert_eq!((exposure(&state), state.shortfalls().count()), (U512::ZERO, 0));
}

#[test]
fn the_window_remembers_what_closed_deposits_used() {
    let about = deposit(0, U256::from(5));
    let state = state_of(&[proven(&about), cleared(&about, Lane::LightClient), closed(&about)]);
    let corridor = Corridor::of(&about, Lane::LightClient);
    assert_eq!(state.window_used(&corridor, NOW), U512::from(5));
}

/// Deposit number `n` of a long history: proven, paid and closed within an hour, expired after two.
fn lived(state: &mut RiskState, n: u64) {
    let at = NOW + n * 1_000;
    let source_key = U256::from(n).into();
    let about = Deposit { source_key, expiry: at + 7_200, ..deposit(0, U256::from(1)) };
    state.apply(&proven(&about), at);
    state.apply(&cleared(&about, Lane::LightClient), at + 60);
    state.apply(&closed(&about), at + 3_600);
}

#[test]
fn memory_is_bounded_by_open_work_a_days_charges_and_unexpired_ids() {
    let size = |state: &RiskState| serde_json::to_string(state).unwrap().len();
    let mut state = RiskState::default();
    (0..200).for_each(|n| lived(&mut state, n));
    let after_some_days = size(&state);
    (200..3_000).for_each(|n| lived(&mut state, n));
    let after_a_month = size(&state);
    assert!(after_a_month < after_some_days * 11 / 10, "{after_some_days} bytes, then {after_a_month}");
}

/// A copy shares what it was copied from: copying this state entry by entry would take minutes.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is asked")]
fn a_copy_costs_nothing_and_neither_changes_with_the_other() {
    let mut state = RiskState::default();
    let held = |n: u64| Deposit { source_key: U256::from(n).into(), ..deposit(0, U256::from(1)) };
    for n in 0..20_000 {
        state.apply(&proven(&held(n)), NOW);
    }
    let started = std::time::Instant::now();
    let mut copies: Vec<RiskState> = (0..10_000).map(|_| state.clone()).collect();
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    let copy = copies.last_mut().unwrap();
    copy.apply(&cleared(&held(0), Lane::LightClient), NOW);
    assert_eq!((available(copy, &held(0)), available(&state, &held(0))), (U512::from(19_999), U512::from(20_000)));
    assert_eq!((copy.cleared_on(held(0).id()), state.cleared_on(held(0).id())), (Some(Lane::LightClient), None));
}

/// One draw of an honest log: which deposit, what happens to it next, how much later.
type Draw = (usize, u8, u64);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Nothing is said of a deposit after it was closed, as the transfer machine promises; then nothing is decided
    /// otherwise by what was forgotten, at any time, asked by any clock.
    #[test]
    fn decisions_equal_those_of_a_model_that_forgets_nothing(
        lifetimes in prop::collection::vec(0u64..200_000, 8),
        draws in prop::collection::vec((0usize..8, 0u8..8, 0u64..30_000), 0..60),
        asked in -200_000i64..200_000,
    ) {
        let deposits: Vec<Deposit> = lifetimes
            .iter()
            .enumerate()
            .map(|(n, life)| Deposit { expiry: NOW + life, ..deposit(n as u8, U256::from(n + 1)) })
            .collect();
        let (mut state, mut model, mut now) = (RiskState::default(), Model::default(), NOW);
        let draws: Vec<Draw> = draws;
        for (which, kind, later) in draws {
            now += later;
            let about = &deposits[which];
            let id = about.id();
            if model.known(id).is_closed {
                continue;
            }
            let event = match kind {
                0 | 1 => proven(about),
                2 => cleared(about, Lane::Fast),
                3 => cleared(about, Lane::LightClient),
                4 => RiskEvent::Returned { id },
                5 => RiskEvent::Settled { id },
                _ => closed(about),
            };
            state.apply(&event, now);
            model.apply(event, now);
            let policy = everywhere(open());
            for about in &deposits {
                prop_assert_eq!(available(&state, about), model.available(about));
                for lane in [Lane::Fast, Lane::LightClient] {
                    let at = now.saturating_add_signed(asked);
                    let expected = model.assess(&policy, about, lane, at, at);
                    prop_assert_eq!(assess(&policy, &state, about, lane, at, at), expected);
                }
            }
        }
    }
}

//! The safe direction: one person, at once, and no further.

use alloy_primitives::{B256, U256};
use spandrel_risk::control::{Act, Before, ControlEvent, Outcome};
use spandrel_risk::{Corridor, Lane, Limit, Limits, Scope};

use crate::world::{DAY, NOW, QUARTER, World, chain, code, corridor, limits, pause, raise, resume, transfer};

#[test]
fn one_guardian_pauses_at_once_and_the_pause_ends_by_itself() {
    let mut world = World::new();
    world.say(0, pause(60)).unwrap();
    assert!(world.is_paused(&Scope::Global));
    world.now += 59;
    assert!(world.is_paused(&Scope::Global));
    world.now += 1;
    assert!(!world.is_paused(&Scope::Global));
}

#[test]
fn a_pause_by_one_lasts_five_days_at_most() {
    let mut world = World::new();
    for seconds in [0, 5 * DAY + 1, u64::MAX] {
        assert_eq!(code(world.say(0, pause(seconds))), "TTL_OUT_OF_RANGE");
    }
    world.say(0, pause(5 * DAY)).unwrap();
}

#[test]
fn a_shorter_pause_does_not_shorten_a_longer_one() {
    let mut world = World::new();
    world.say(0, pause(600)).unwrap();
    world.say(2, pause(1)).unwrap();
    world.now += 599;
    assert!(world.is_paused(&Scope::Global));
}

#[test]
fn one_guardian_lowers_and_no_field_may_rise() {
    let mut world = World::new();
    let lower = |limits| Act::LowerLimits { corridor: corridor(), limits };
    let now = limits(100);
    let more = Limit::Amount(U256::from(101));
    let rises = [
        Limits { per_transfer: more, ..now },
        Limits { exposure_cap: more, ..now },
        Limits { window: Limit::Unlimited, ..now },
        Limits { large_from: more, ..now },
        Limits { large_delay: 59, ..now },
        Limits { dust: U256::ZERO, ..now },
    ];
    for limits in rises {
        assert_eq!(code(world.say(0, lower(limits))), "NOT_A_LOWERING");
    }
    world.say(0, lower(Limits { large_delay: 61, ..limits(0) })).unwrap();
    let lowered = *world.state.limited(&world.limits).limits(&corridor()).unwrap();
    assert_eq!(lowered.per_transfer, Limit::CLOSED);
    // What was lowered is what counts next time.
    assert_eq!(code(world.say(0, lower(limits(1)))), "NOT_A_LOWERING");
}

/// The log by itself tells what changed: whoever reads it needs no state.
#[test]
fn what_an_act_replaces_is_told_beside_what_it_sets() {
    let mut world = World::new();
    let before = |events: Result<Vec<ControlEvent>, _>| match events.unwrap().pop() {
        Some(ControlEvent::Done { before, .. }) => before,
        other => panic!("{other:?}"),
    };
    let stood = |n| Some(Before::Limits { limits: Box::new(limits(n)) });
    let lower = |n| Act::LowerLimits { corridor: corridor(), limits: limits(n) };
    assert_eq!(before(world.say(0, pause(60))), Some(Before::Pause { until: None }));
    assert_eq!(before(world.say(2, pause(600))), Some(Before::Pause { until: Some(NOW + 60) }));
    assert_eq!(before(world.say(0, lower(50))), stood(100));
    assert_eq!(before(world.say(2, lower(7))), stood(50));
    let proposal = world.propose(0, raise(9));
    world.approve(2, proposal).unwrap();
    world.now += DAY;
    assert!(matches!(world.execute(proposal, None), Ok(ControlEvent::Done { before, .. }) if before == stood(7)));
    let until = world.now + 2 * QUARTER;
    world.say(0, pause(2 * QUARTER)).unwrap();
    let proposal = world.propose(0, resume());
    world.approve(2, proposal).unwrap();
    world.now += QUARTER;
    let paused = Some(Before::Pause { until: Some(until) });
    assert!(matches!(world.execute(proposal, None), Ok(ControlEvent::Done { before, .. }) if before == paused));
    world.is_held = true;
    assert_eq!(before(world.say(0, Act::DropHeld { transfer: transfer() })), None, "it replaces no value");
}

#[test]
fn a_corridor_that_is_not_configured_gets_no_limits() {
    let mut world = World::new();
    let other = Corridor { lane: Lane::LightClient, ..corridor() };
    assert_eq!(code(world.say(0, Act::LowerLimits { corridor: other.clone(), limits: limits(1) })), "UNKNOWN_CORRIDOR");
    assert_eq!(code(world.say(0, Act::RaiseLimits { corridor: other, limits: limits(1) })), "UNKNOWN_CORRIDOR");
}

#[test]
fn lowering_ends_a_raise_that_waits() {
    let mut world = World::new();
    let proposal = world.propose(0, raise(200));
    world.approve(2, proposal).unwrap();
    world.say(3, Act::LowerLimits { corridor: corridor(), limits: limits(50) }).unwrap();
    assert_eq!(world.state.proposal(&proposal), None);
}

#[test]
fn one_guardian_drops_or_extends_what_is_held_and_only_that() {
    let mut world = World::new();
    let extend = |until| Act::ExtendHold { transfer: transfer(), until };
    assert_eq!(code(world.say(0, Act::DropHeld { transfer: transfer() })), "NOT_HELD");
    assert_eq!(code(world.say(0, extend(NOW + 60))), "NOT_HELD");
    world.is_held = true;
    assert_eq!(code(world.say(0, extend(NOW))), "HOLD_OUT_OF_RANGE");
    assert_eq!(code(world.say(0, extend(NOW + 30 * DAY + 1))), "HOLD_OUT_OF_RANGE");
    world.say(0, extend(NOW + 60)).unwrap();
    let events = world.say(0, Act::DropHeld { transfer: transfer() }).unwrap();
    let dropped = Outcome::Dropped { transfer: transfer() };
    assert!(matches!(events.last(), Some(ControlEvent::Done { outcome, .. }) if *outcome == dropped));
}

#[test]
fn a_hold_is_only_made_longer_and_an_order_that_does_not_ends_nothing() {
    let mut world = World::new();
    (world.is_held, world.held_until) = (true, Some(NOW + 100));
    let release = world.propose(0, Act::ReleaseHeld { transfer: transfer() });
    let extend = |until| Act::ExtendHold { transfer: transfer(), until };
    for until in [NOW + 1, NOW + 99, NOW + 100] {
        let refused = world.say(2, extend(until)).unwrap_err();
        assert_eq!(refused.code(), "HOLD_OUT_OF_RANGE", "{until}");
        assert!(refused.to_string().contains(&(NOW + 101).to_string()), "{refused}");
    }
    assert!(world.state.proposal(&release).is_some(), "the release waits on");
    world.say(2, extend(NOW + 101)).unwrap();
    assert_eq!(world.state.proposal(&release), None);
    // Its time is over, and nothing has looked since.
    world.held_until = Some(NOW - 100);
    assert_eq!(code(world.say(2, extend(NOW))), "HOLD_OUT_OF_RANGE");
    world.say(2, extend(NOW + 1)).unwrap();
}

#[test]
fn what_is_quarantined_is_requeued_or_dropped_and_only_that() {
    let mut world = World::new();
    let acts = [Act::RequeueQuarantined { transfer: transfer() }, Act::DropQuarantined { transfer: transfer() }];
    for act in &acts {
        assert_eq!(code(world.say(0, act.clone())), "NOT_QUARANTINED");
    }
    world.is_quarantined = true;
    for act in acts {
        world.say(0, act).unwrap();
    }
}

#[test]
fn one_guardian_acknowledges_a_halt_that_is_there() {
    let mut world = World::new();
    let acknowledge = |halt: &str| Act::AcknowledgeHalt { chain: chain(1), halt: halt.to_owned() };
    assert_eq!(code(world.say(0, acknowledge("finality moved back"))), "NOT_HALTED");
    world.halt = Some("finality moved back");
    let events = world.say(0, acknowledge("finality moved back")).unwrap();
    let done = Outcome::HaltAcknowledged { chain: chain(1) };
    assert!(matches!(events.last(), Some(ControlEvent::Done { outcome, .. }) if *outcome == done));
}

#[test]
fn an_acknowledgement_of_one_halt_lifts_no_other() {
    let mut world = World::new();
    world.halt = None;
    let signed = world
        .sign(0, world.statement(0, Act::AcknowledgeHalt { chain: chain(1), halt: "block 7 was replaced".to_owned() }));
    assert_eq!(code(world.judge(&signed)), "NOT_HALTED");
    // Its nonce is not used: who saw it hands it in again while it has not expired.
    world.halt = Some("block 9 was replaced");
    let refused = world.judge(&signed).unwrap_err();
    assert_eq!(refused.code(), "ANOTHER_HALT");
    assert!(refused.to_string().contains("block 9 was replaced"), "{refused}");
}

#[test]
fn one_guardian_has_a_bounded_range_of_a_source_chain_read_again() {
    let mut world = World::new();
    let reobserve = |number, from, to| Act::Reobserve { chain: chain(number), from, to };
    assert_eq!(code(world.say(0, reobserve(77, 1, 2))), "NO_SOURCE");
    for (from, to) in [(0, 5), (6, 5), (1, 10_001), (1, u64::MAX)] {
        assert_eq!(code(world.say(0, reobserve(1, from, to))), "RANGE_OUT_OF_RANGE", "{from} to {to}");
    }
    for (from, to) in [(5, 5), (1, 10_000), (u64::MAX, u64::MAX)] {
        let events = world.say(0, reobserve(1, from, to)).unwrap();
        let done = Outcome::Reobserved { chain: chain(1), from, to };
        assert!(matches!(events.last(), Some(ControlEvent::Done { outcome, .. }) if *outcome == done));
    }
}

#[test]
fn what_was_not_read_stands_until_it_is_ordered_again() {
    let mut world = World::new();
    let unread = |from, to| {
        let (order, reason) = (B256::repeat_byte(1), "no block was read".to_owned());
        ControlEvent::Unread { order, chain: chain(1), from, to, reason }
    };
    for (from, to) in [(5, 9), (20, 29)] {
        world.state.apply(&unread(from, to), world.now);
    }
    let mut after = |number, from, to| {
        world.say(0, Act::Reobserve { chain: chain(number), from, to }).unwrap();
        world.state.unread().iter().map(|left| (left.from, left.to)).collect::<Vec<_>>()
    };
    assert_eq!(after(1, 6, 9), [(5, 9), (20, 29)], "not all of it");
    assert_eq!(after(1, 20, 28), [(5, 9), (20, 29)]);
    assert_eq!(after(1, 1, 9), [(20, 29)]);
    assert_eq!(after(1, 20, 29), []);
}

#[test]
fn what_is_being_paid_is_neither_dropped_nor_released() {
    let mut world = World::new();
    (world.is_held, world.is_quarantined, world.is_idle) = (true, true, false);
    let (drop, release) = (Act::DropHeld { transfer: transfer() }, Act::ReleaseHeld { transfer: transfer() });
    for act in [drop, release, Act::DropQuarantined { transfer: transfer() }] {
        assert_eq!(code(world.say(0, act)), "PAYOUT_UNDER_WAY");
    }
    world.say(0, Act::RequeueQuarantined { transfer: transfer() }).unwrap();
}

#[test]
fn a_pause_of_one_scope_is_not_one_of_another() {
    let mut world = World::new();
    let scope = Scope::Chain { chain: crate::world::chain(1) };
    world.say(0, Act::Pause { scope: scope.clone(), seconds: 60 }).unwrap();
    assert!(world.is_paused(&scope) && !world.is_paused(&Scope::Global));
    assert_eq!(code(world.say(0, resume())), "NOT_PAUSED");
}

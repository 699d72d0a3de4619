//! A freeze: five days by one person whatever stands, and without end by two who each signed one.

use spandrel_risk::Scope;
use spandrel_risk::control::{Act, ControlEvent, ControlState, Outcome, ProposalEnd};

use crate::world::{DAY, QUARTER, World, code, freeze, key, pause, raise, resume};

/// Until when all is paused.
fn until(world: &World) -> Option<u64> {
    let mut pauses = world.risk.pauses_at(world.now).filter(|(scope, _)| **scope == Scope::Global);
    pauses.next().map(|(_, pause)| pause.until)
}

/// Two resume what is paused.
fn lift(world: &mut World) {
    let proposal = world.propose(2, resume());
    world.approve(3, proposal).unwrap();
    world.now += QUARTER;
    world.execute(proposal, None).unwrap();
    assert_eq!(until(world), None);
}

#[test]
fn two_freeze_without_end_and_the_first_alone_pauses() {
    let mut world = World::new();
    let proposal = world.propose(0, freeze());
    assert_eq!(until(&world), Some(world.now + 5 * DAY));
    world.say(1, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY), "the same person's other key");
    assert_eq!(world.state.proposal(&proposal), None, "it asked anew");
    world.name(3, "ADA");
    world.say(3, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY), "the same person by another spelling");
    let events = world.say(2, freeze()).unwrap();
    assert!(matches!(events[0], ControlEvent::Taken { .. }));
    assert!(matches!(&events[1], ControlEvent::Approved { person, .. } if person == "bo"), "{events:?}");
    world.now += 1000 * DAY;
    assert_eq!(until(&world), Some(u64::MAX));
    assert_eq!(world.state.proposals().count(), 0);
}

/// The chains take signed freezes, and no approval: what is endless here must be so there.
#[test]
fn a_freeze_is_approved_by_another_persons_freeze_alone() {
    let mut world = World::new();
    let proposal = world.propose(0, freeze());
    assert_eq!(code(world.approve(1, proposal)), "SELF_APPROVAL");
    assert_eq!(code(world.approve(2, proposal)), "NEEDS_OWN_FREEZE");
    assert!(world.state.proposal(&proposal).is_some());
    world.say(2, freeze()).unwrap();
    assert_eq!(until(&world), Some(u64::MAX));
}

#[test]
fn a_freeze_of_one_scope_is_no_word_for_another() {
    let mut world = World::new();
    let scope = Scope::Chain { chain: crate::world::chain(1) };
    world.say(2, Act::Freeze { scope }).unwrap();
    world.say(0, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY));
}

#[test]
fn one_guardians_freeze_ends_by_itself_and_so_does_its_word() {
    let mut world = World::new();
    let proposal = world.propose(0, freeze());
    world.now += 5 * DAY;
    assert_eq!(until(&world), None);
    world.say(2, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY), "nobody else's word stands");
    assert_eq!(world.state.proposal(&proposal), None);
    world.say(0, freeze()).unwrap();
    assert_eq!(until(&world), Some(u64::MAX));
}

#[test]
fn one_guardian_freezes_again_whatever_became_of_the_first_freeze() {
    let mut world = World::new();
    world.say(0, freeze()).unwrap();
    world.now += DAY;
    world.say(0, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY), "while it stands");
    lift(&mut world);
    world.say(0, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY), "after two resumed");
    world.now += 6 * DAY;
    assert_eq!(until(&world), None);
    world.say(0, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY), "after it ended by itself");
}

#[test]
fn what_two_resume_ends_the_first_word_for_a_freeze_of_it() {
    let mut world = World::new();
    let (proposal, scope) = (world.propose(0, freeze()), Scope::Chain { chain: crate::world::chain(1) });
    let other = world.propose(0, Act::Freeze { scope });
    lift(&mut world);
    assert!(world.state.proposal(&proposal).is_none() && world.state.proposal(&other).is_some());
    let end = ProposalEnd::Overtaken { by: "a resumption".to_owned() };
    assert_eq!(world.log.last(), Some(&ControlEvent::Ended { proposal, end }));
    world.say(2, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY), "one person's word");
}

/// Ledgers of before kept the word of a freeze for seven days, and when it was resumed.
#[test]
fn a_word_that_an_old_ledger_kept_does_not_make_anothers_freeze_endless() {
    let mut world = World::new();
    world.say(0, freeze()).unwrap();
    let mut old = ControlState::default();
    for event in &world.log {
        let mut event = event.clone();
        if let ControlEvent::Proposed { lapses_at, .. } = &mut event {
            *lapses_at = world.now + 7 * DAY;
        }
        old.apply(&event, world.now);
    }
    world.state = old;
    world.now += 5 * DAY + 1;
    assert_eq!(world.state.proposals().filter(|(_, proposal)| proposal.lapses_at > world.now).count(), 1);
    let events = world.say(2, freeze()).unwrap();
    let five_days = Outcome::Paused { scope: Scope::Global, until: world.now + 5 * DAY };
    assert!(matches!(events.last(), Some(ControlEvent::Done { outcome, .. }) if *outcome == five_days), "{events:?}");
    assert_eq!(world.state.proposals().count(), 1);
}

#[test]
fn a_full_list_of_proposals_keeps_nobody_from_freezing_or_pausing() {
    let mut world = World::new();
    for n in 0..32 {
        world.propose(0, raise(1_000 + n));
    }
    assert_eq!(code(world.say(0, raise(2_000))), "TOO_MANY_PROPOSALS");
    world.say(0, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY));
    world.say(0, pause(60)).unwrap();
    world.say(2, freeze()).unwrap();
    assert_eq!(until(&world), Some(u64::MAX));

    let mut world = World::new();
    for n in 0..32 {
        world.say(0, Act::Freeze { scope: Scope::Chain { chain: crate::world::chain(n) } }).unwrap();
    }
    world.say(0, raise(2_000)).unwrap();
}

#[test]
fn the_word_of_a_guardian_who_was_removed_freezes_nothing() {
    let mut world = World::new();
    world.say(0, freeze()).unwrap();
    world.policy.guardians.remove(&key(0).address());
    world.say(2, freeze()).unwrap();
    assert_eq!(until(&world), Some(world.now + 5 * DAY));
}

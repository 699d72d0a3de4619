//! The dangerous direction: two people, and later.

use spandrel_risk::control::{Act, ControlEvent, Outcome, ProposalEnd, SignerRole, Wait};
use spandrel_risk::{Lane, RiskEvent, Scope};

use crate::world::{DAY, QUARTER, World, code, corridor, freeze, key, limits, pause, raise, resume, set, transfer};

fn frozen() -> World {
    let mut world = World::new();
    world.say(3, pause(4 * DAY)).unwrap();
    world
}

#[test]
fn one_guardian_cannot_resume_whatever_keys_that_person_has() {
    let mut world = frozen();
    let proposal = world.propose(0, resume());
    assert_eq!(world.execute(proposal, None), Err(Wait::Unapproved));
    assert_eq!(code(world.approve(0, proposal)), "SELF_APPROVAL");
    assert_eq!(code(world.approve(1, proposal)), "SELF_APPROVAL", "the same person's other key");
    assert_eq!(code(world.say(0, resume())), "NEEDS_SECOND_APPROVER");
    assert_eq!(code(world.say(1, resume())), "NEEDS_SECOND_APPROVER");
    world.now += DAY;
    assert_eq!(world.execute(proposal, None), Err(Wait::Unapproved));
    assert!(world.is_paused(&Scope::Global));
}

/// Names are labels that a file gives: who somebody is, is asked when it matters, by the keys that spoke.
#[test]
fn another_name_makes_nobody_another_person() {
    let mut world = frozen();
    let proposal = world.propose(0, resume());
    for key in [0, 1] {
        world.name(key, "ada lovelace");
    }
    assert_eq!(code(world.approve(0, proposal)), "SELF_APPROVAL", "the same key");
    assert_eq!(code(world.approve(1, proposal)), "SELF_APPROVAL", "the same person's other key");
    world.approve(2, proposal).unwrap();
}

#[test]
fn what_a_key_proposed_that_is_no_guardians_any_more_is_not_approved() {
    let mut world = World::new();
    let proposal = world.propose(0, freeze());
    world.policy.guardians.remove(&key(0).address());
    assert_eq!(code(world.approve(2, proposal)), "UNKNOWN_GUARDIAN");
}

/// A policy that was agreed on before such names were refused.
#[test]
fn another_spelling_makes_nobody_another_person() {
    for (first, second) in [("Ada", "ada"), ("ada b", "Ada  B")] {
        let mut world = frozen();
        world.name(0, first);
        world.name(2, second);
        let proposal = world.propose(0, resume());
        assert_eq!(code(world.approve(2, proposal)), "SELF_APPROVAL", "{first} and {second}");
        world.approve(3, proposal).unwrap();
        world.name(3, second);
        world.now += QUARTER;
        let ended = world.execute(proposal, None).unwrap();
        assert!(matches!(&ended, ControlEvent::Ended { end: ProposalEnd::Overtaken { .. }, .. }), "{ended:?}");
    }
}

#[test]
fn what_two_keys_agreed_on_is_void_when_they_are_found_to_be_one_persons() {
    let mut world = frozen();
    let proposal = world.propose(0, resume());
    world.approve(2, proposal).unwrap();
    world.name(2, "ada ");
    world.now += QUARTER;
    let ended = world.execute(proposal, None).unwrap();
    assert!(matches!(&ended, ControlEvent::Ended { end: ProposalEnd::Overtaken { .. }, .. }), "{ended:?}");
    assert!(world.is_paused(&Scope::Global));
}

#[test]
fn two_resume_after_the_delay_and_with_green_health() {
    let mut world = frozen();
    let proposal = world.propose(0, resume());
    world.approve(2, proposal).unwrap();
    assert_eq!(world.execute(proposal, None), Err(Wait::NotYet(world.now + QUARTER)));
    world.now += QUARTER - 1;
    assert_eq!(world.execute(proposal, None), Err(Wait::NotYet(world.now + 1)));
    world.now += 1;
    assert_eq!(world.state.due(world.now), [(proposal, None)]);
    assert_eq!(world.execute(proposal, Some("a halted chain")), Err(Wait::Health("a halted chain".to_owned())));
    assert!(world.is_paused(&Scope::Global));
    world.execute(proposal, None).unwrap();
    assert!(!world.is_paused(&Scope::Global));
    assert_eq!(world.execute(proposal, None), Err(Wait::Unknown), "once");
}

#[test]
fn the_one_who_paused_may_be_one_of_two_but_not_both() {
    let mut world = World::new();
    world.say(0, pause(DAY)).unwrap();
    let proposal = world.propose(0, resume());
    assert_eq!(code(world.approve(1, proposal)), "SELF_APPROVAL");
    world.approve(2, proposal).unwrap();
}

#[test]
fn a_resumption_never_lifts_a_pause_that_came_after_it_was_proposed() {
    let mut world = frozen();
    let proposal = world.propose(0, resume());
    world.approve(2, proposal).unwrap();
    world.say(3, pause(60)).unwrap();
    world.now += QUARTER;
    assert_eq!(world.execute(proposal, None), Err(Wait::Unknown), "overtaken by a guardian's pause");
    let proposal = world.propose(0, resume());
    world.approve(2, proposal).unwrap();
    // The relayer paused itself meanwhile.
    let until = world.now + 5 * DAY;
    let alarm = spandrel_risk::RiskEvent::Paused { scope: Scope::Global, until, reason: "a shortfall".to_owned() };
    world.risk.apply(&alarm, world.now);
    world.now += QUARTER;
    let event = world.execute(proposal, None).unwrap();
    assert!(matches!(event, ControlEvent::Ended { end: ProposalEnd::Overtaken { .. }, .. }));
    assert!(world.is_paused(&Scope::Global));
}

/// It is as endless as what stood, so the end of the pause tells nothing.
#[test]
fn a_resumption_never_lifts_a_freeze_that_was_approved_after_it() {
    let mut world = World::new();
    for n in [0, 2, 3] {
        world.say(n, freeze()).unwrap();
    }
    let proposal = world.propose(0, resume());
    world.approve(2, proposal).unwrap();
    world.say(0, freeze()).unwrap();
    world.now += QUARTER;
    assert_eq!(world.execute(proposal, None), Err(Wait::Unknown));
    assert!(world.is_paused(&Scope::Global));
}

#[test]
fn one_guardians_word_for_a_freeze_ends_a_resumption_of_what_is_frozen_already() {
    let mut world = frozen();
    let proposal = world.propose(0, resume());
    world.approve(2, proposal).unwrap();
    world.say(3, freeze()).unwrap();
    world.now += QUARTER;
    assert_eq!(world.execute(proposal, None), Err(Wait::Unknown));
    assert!(world.is_paused(&Scope::Global));
}

#[test]
fn a_pause_by_the_bridge_itself_ends_what_was_proposed_for_its_scope_alone() {
    let mut world = frozen();
    let proposal = world.propose(0, resume());
    let pause = |scope| RiskEvent::Paused { scope, until: world.now + 60, reason: "a finding".to_owned() };
    let other = pause(Scope::Lane { lane: Lane::Fast, source: None });
    assert!(world.state.overtaken_by(std::slice::from_ref(&other)).is_empty());
    let ended = world.state.overtaken_by(&[other, pause(Scope::Global), pause(Scope::Global)]);
    let is_ended = |event: &ControlEvent| matches!(event, ControlEvent::Ended { proposal: id, .. } if *id == proposal);
    assert!(ended.len() == 1 && is_ended(&ended[0]), "{ended:?}");
}

#[test]
fn limits_rise_by_two_after_the_timelock_and_anyone_may_cancel() {
    let mut world = World::new();
    let proposal = world.propose(0, raise(200));
    world.approve(2, proposal).unwrap();
    world.now += DAY - 1;
    assert!(matches!(world.execute(proposal, None), Err(Wait::NotYet(_))));
    let what = world.state.proposal(&proposal).unwrap().act.to_string();
    world.say(3, Act::Cancel { proposal, what }).unwrap();
    world.now += 1;
    assert_eq!(world.execute(proposal, None), Err(Wait::Unknown));
    let proposal = world.propose(0, raise(200));
    world.approve(2, proposal).unwrap();
    world.now += DAY;
    world.execute(proposal, Some("health does not matter here")).unwrap();
    assert_eq!(world.state.limited(&world.limits).limits(&corridor()), Some(&limits(200)));
    // It would stand again should the corridor be configured later.
    let proposal = world.propose(0, raise(300));
    world.approve(2, proposal).unwrap();
    world.limits.limits.clear();
    world.now += DAY;
    let event = world.execute(proposal, None).unwrap();
    assert!(
        matches!(event, ControlEvent::Ended { end: ProposalEnd::Overtaken { .. }, .. }),
        "it is configured no more"
    );
}

#[test]
fn two_accept_a_loss_after_the_timelock_while_it_stands() {
    let accept = || Act::AcceptLoss { transfer: transfer() };
    let mut world = World::new();
    assert_eq!(code(world.say(0, accept())), "NOT_SHORT");
    world.lose(transfer());
    let proposal = world.propose(0, accept());
    assert_eq!(code(world.approve(1, proposal)), "SELF_APPROVAL");
    world.now += DAY;
    assert_eq!(world.execute(proposal, None), Err(Wait::Unapproved));
    world.approve(2, proposal).unwrap();
    world.now += DAY - 1;
    assert!(matches!(world.execute(proposal, None), Err(Wait::NotYet(_))));
    assert!(!world.state.has_accepted(&transfer()));
    world.now += 1;
    world.execute(proposal, Some("the loss itself is what is wrong")).unwrap();
    assert!(world.state.has_accepted(&transfer()));
    assert_eq!(code(world.say(0, accept())), "NOT_SHORT");
    assert!(world.risk.is_short(transfer()), "it counts as exposure on");

    let mut world = World::new();
    world.lose(transfer());
    let proposal = world.propose(0, accept());
    world.approve(2, proposal).unwrap();
    world.risk.apply(&RiskEvent::Settled { id: transfer() }, world.now);
    world.now += DAY;
    let event = world.execute(proposal, None).unwrap();
    assert!(matches!(event, ControlEvent::Ended { end: ProposalEnd::Overtaken { .. }, .. }), "it came back");
}

#[test]
fn an_approval_is_of_the_words_that_were_read() {
    let mut world = World::new();
    let proposal = world.propose(0, raise(200));
    let what = raise(20).to_string();
    assert_eq!(code(world.say(2, Act::Approve { proposal, what: what.clone() })), "OTHER_PROPOSAL");
    assert_eq!(code(world.say(2, Act::Cancel { proposal, what })), "OTHER_PROPOSAL");
    world.approve(2, proposal).unwrap();
    assert_eq!(code(world.approve(3, proposal)), "ALREADY_APPROVED");
}

#[test]
fn a_proposal_lapses_after_a_week() {
    let mut world = World::new();
    let proposal = world.propose(0, raise(200));
    world.now += 7 * DAY;
    assert_eq!(code(world.approve(2, proposal)), "NO_SUCH_PROPOSAL");
    let event = world.execute(proposal, None).unwrap();
    assert_eq!(event, ControlEvent::Ended { proposal, end: ProposalEnd::Lapsed });
    world.propose(0, raise(200));
}

#[test]
fn a_guardian_who_was_removed_carries_nothing() {
    for gone in [0, 2] {
        let mut world = World::new();
        let proposal = world.propose(0, raise(200));
        world.approve(2, proposal).unwrap();
        world.policy.guardians.remove(&key(gone).address());
        world.now += DAY;
        let event = world.execute(proposal, None).unwrap();
        assert!(matches!(event, ControlEvent::Ended { end: ProposalEnd::Overtaken { .. }, .. }));
    }
}

#[test]
fn an_early_release_needs_two_and_a_drop_ends_it() {
    let mut world = World::new();
    world.is_held = true;
    let release = Act::ReleaseHeld { transfer: transfer() };
    let proposal = world.propose(0, release.clone());
    world.approve(2, proposal).unwrap();
    world.say(3, Act::DropHeld { transfer: transfer() }).unwrap();
    assert_eq!(world.state.proposal(&proposal), None);
    let proposal = world.propose(0, release.clone());
    world.approve(2, proposal).unwrap();
    world.say(3, Act::ExtendHold { transfer: transfer(), until: world.now + DAY }).unwrap();
    assert_eq!(world.state.proposal(&proposal), None, "nor does it pass a longer hold");
    let proposal = world.propose(0, release.clone());
    world.approve(2, proposal).unwrap();
    world.now += QUARTER;
    assert!(matches!(world.execute(proposal, Some("red")), Err(Wait::Health(_))));
    let released = Outcome::Released { transfer: transfer() };
    assert!(matches!(world.execute(proposal, None), Ok(ControlEvent::Done { outcome, .. }) if outcome == released));
    for (is_held, is_idle) in [(false, true), (true, false)] {
        (world.is_held, world.is_idle) = (true, true);
        let proposal = world.propose(0, release.clone());
        world.approve(2, proposal).unwrap();
        world.now += QUARTER;
        (world.is_held, world.is_idle) = (is_held, is_idle);
        let event = world.execute(proposal, None).unwrap();
        assert!(matches!(event, ControlEvent::Ended { .. }), "it is not held any more, or is being paid");
    }
}

#[test]
fn a_set_of_signers_changes_by_two_after_the_timelock_and_only_forward() {
    let mut world = World::new();
    let change = |set| Act::ChangeSigners { role: SignerRole::FastLane, set };
    assert_eq!(code(world.say(0, change(set(1)))), "EPOCH_NOT_LATER");
    let mut weak = set(2);
    weak.threshold = 1;
    assert_eq!(code(world.say(0, change(weak))), "BAD_SIGNER_SET");
    let proposal = world.propose(0, change(set(2)));
    assert!(world.state.require_agreed(SignerRole::FastLane, &set(1)).is_ok());
    world.approve(2, proposal).unwrap();
    world.now += DAY;
    world.execute(proposal, None).unwrap();
    assert!(world.state.require_agreed(SignerRole::FastLane, &set(2)).is_ok());
    assert_eq!(world.state.require_agreed(SignerRole::FastLane, &set(3)).unwrap_err().field, "fast_lane");
    assert!(world.state.require_agreed(SignerRole::Verifiers, &set(1)).is_ok());
    // Of two that were agreed on, the later one came in force first.
    let mut world = World::new();
    let proposal = world.propose(0, change(set(2)));
    world.approve(2, proposal).unwrap();
    world.signers.insert(SignerRole::FastLane, set(3));
    world.now += DAY;
    let event = world.execute(proposal, None).unwrap();
    assert!(matches!(event, ControlEvent::Ended { end: ProposalEnd::Overtaken { .. }, .. }));
}

#[test]
fn one_person_does_not_fill_the_list_of_proposals() {
    let mut world = World::new();
    for n in 0..32 {
        world.propose(0, raise(1_000 + n));
    }
    assert_eq!(code(world.say(1, raise(2_000))), "TOO_MANY_PROPOSALS");
    world.propose(2, raise(2_000));
}

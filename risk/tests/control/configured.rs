//! What one person does by another file, and what that takes two for.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use spandrel_risk::control::{Act, ConfigureRefusal, NotYet, SignerRole, said_changes};
use spandrel_risk::{Agreement, Limit, looser};
use spandrel_verifiers::attestation::SignerSet;

use crate::files::{file, slow, standing_window, started, window, with};
use crate::world::{DAY, World, chain, code, corridor, key, limits, raise, set};

/// The proposal of `file`, in the words that are true of it.
fn change(world: &World, file: &Agreement) -> Act {
    let (filed, agreed) = (world.state.filed().unwrap(), world.state.agreed().unwrap());
    let changes = said_changes(&looser(&file.over(filed, &agreed), &agreed));
    Act::ChangePolicy { policy: Box::new(file.clone()), changes }
}

fn proposal_of(refusal: ConfigureRefusal) -> Option<NotYet> {
    match refusal {
        ConfigureRefusal::Looser { proposal, .. } => proposal,
        other => panic!("{other}"),
    }
}

#[test]
fn a_swapped_verifier_and_a_lower_quorum_are_refused() {
    let other: BTreeSet<Address> = [1, 2, 9].map(Address::repeat_byte).into();
    let swapped = with(|file| file.verifiers = SignerSet::new(1, 2, other).unwrap());
    let refused = started().start(&swapped).unwrap_err().to_string();
    assert!(refused.contains("verifier_set.members") && refused.contains("spandrel signers change"), "{refused}");
    let three: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let strict = SignerSet::new(1, 3, three).unwrap();
    let mut world = World::new();
    world.start(&with(|file| file.signers = strict.clone())).unwrap();
    let refused = world.start(&file()).unwrap_err().to_string();
    assert!(refused.contains("signer_set.threshold: agreed 3, found 2"), "{refused}");
}

#[test]
fn a_set_comes_into_the_file_only_as_guardians_changed_it() {
    let mut world = started();
    let next = with(|file| file.verifiers = set(2));
    let members: BTreeSet<Address> = [1, 2, 4].map(Address::repeat_byte).into();
    let agreed_set = SignerSet::new(2, 2, members).unwrap();
    let agreed = with(|file| file.verifiers = agreed_set.clone());
    assert_eq!(code(world.say(0, change(&world, &agreed))), "SET_IN_POLICY");
    let proposal = world.propose(0, Act::ChangeSigners { role: SignerRole::Verifiers, set: agreed_set });
    world.approve(2, proposal).unwrap();
    world.now += DAY;
    world.execute(proposal, None).unwrap();
    assert!(world.start(&next).is_err() && world.start(&file()).is_err(), "no other set, the one of before included");
    world.start(&agreed).unwrap();
    world.start(&agreed).unwrap();
}

#[test]
fn no_stricter_set_than_the_one_that_guardians_changed_to_comes_in_by_a_file() {
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let stricter = SignerSet::new(3, 3, members).unwrap();
    for role in [SignerRole::Verifiers, SignerRole::FastLane] {
        let mut world = started();
        let proposal = world.propose(0, Act::ChangeSigners { role, set: set(2) });
        world.approve(2, proposal).unwrap();
        world.now += DAY;
        world.execute(proposal, None).unwrap();
        let next = with(|file| {
            (file.verifiers, file.signers) = match role {
                SignerRole::Verifiers => (stricter.clone(), set(1)),
                SignerRole::FastLane => (set(1), stricter.clone()),
            }
        });
        let refused = world.start(&next).unwrap_err();
        assert!(matches!(refused, ConfigureRefusal::AnotherSet(_)), "{refused}");
    }
}

#[test]
fn the_first_file_is_taken_and_the_same_file_always() {
    let mut world = World::new();
    assert_eq!(world.start(&file()).unwrap().len(), 1);
    for _ in 0..3 {
        assert_eq!(world.start(&file()).unwrap(), []);
    }
}

#[test]
fn a_ledger_of_before_takes_the_file_and_keeps_what_guardians_set() {
    let mut world = World::new();
    let proposal = world.propose(0, raise(200));
    world.approve(2, proposal).unwrap();
    world.now += DAY;
    world.execute(proposal, None).unwrap();
    world.start(&file()).unwrap();
    assert_eq!(standing_window(&world), Limit::Amount(U256::from(200)));
    assert_eq!(world.start(&file()).unwrap(), []);
}

/// Processes over one ledger: those without an API name no vaults.
#[test]
fn who_tells_no_users_where_to_pay_leaves_the_vaults_that_are_agreed_on() {
    let mut world = started();
    let silent = |n: u64| Agreement { vaults: None, ..window(n) };
    let (before, vaults) = (file(), file().vaults);
    world.start(&Agreement { vaults: None, ..before.clone() }).unwrap();
    assert_eq!(world.state.filed(), Some(&before), "it says nothing else");
    world.start(&silent(7)).unwrap();
    assert_eq!(world.state.agreed().unwrap().vaults, vaults);
    assert!(silent(7).differs_only_in_limits(world.state.filed().unwrap()), "it goes on");
    let elsewhere = Some([(chain(1), Address::repeat_byte(4))].into());
    let other = Agreement { vaults: elsewhere, ..window(7) };
    assert!(!other.differs_only_in_limits(world.state.filed().unwrap()));
    let refused = world.start(&other).unwrap_err().to_string();
    assert!(refused.contains("api.vaults eip155:1"), "{refused}");
}

/// What a program of before has agreed on has no word on pauses of sources: the first are written down, others need two.
#[test]
fn the_first_contracts_that_pause_a_source_are_taken_and_no_others_after_them() {
    let mut world = World::new();
    let before = with(|file| file.sources.get_mut(&chain(1)).unwrap().pauses = None);
    assert!(!serde_json::to_string(&before.sources).unwrap().contains("pauses"), "it is encoded as it was");
    world.start(&before).unwrap();
    world.start(&file()).unwrap();
    assert_eq!(world.state.filed(), Some(&file()));
    let refused = world.start(&before).unwrap_err().to_string();
    assert!(refused.contains("source eip155:1.pauses: agreed contracts, found none"), "{refused}");
}

/// What a program of before has agreed on has no word on vaults: the first one is written down, the next needs two.
#[test]
fn the_first_vaults_are_taken_on_a_ledger_of_before_and_no_others_after_them() {
    let mut world = World::new();
    let before = with(|file| file.vaults = None);
    assert!(!serde_json::to_string(&before).unwrap().contains("vaults"), "it is encoded as it was");
    world.start(&before).unwrap();
    world.start(&file()).unwrap();
    assert_eq!(world.state.filed(), Some(&file()));
    let refused = world.start(&with(|file| file.vaults.as_mut().unwrap().clear()));
    assert!(refused.is_ok(), "fewer are told of at once");
    assert!(world.start(&file()).is_err(), "and not again by one person");
}

#[test]
fn a_stricter_file_is_taken_at_once_and_the_way_back_needs_two() {
    let mut world = started();
    world.start(&window(40)).unwrap();
    assert_eq!(standing_window(&world), Limit::Amount(U256::from(40)));
    let refused = world.start(&file()).unwrap_err().to_string();
    assert!(refused.contains(".window: agreed 40, found 100"), "{refused}");
    let closed = with(|file| {
        file.risk.limits.remove(&corridor());
    });
    world.start(&closed).unwrap();
    assert!(
        world.start(&window(40)).unwrap_err().to_string().contains("agreed none"),
        "a lane that was closed is added anew"
    );
}

#[test]
fn a_stricter_file_bites_below_what_guardians_set_and_an_unchanged_one_leaves_it() {
    let mut world = started();
    let proposal = world.propose(0, raise(200));
    world.approve(2, proposal).unwrap();
    world.now += DAY;
    world.execute(proposal, None).unwrap();
    world.start(&with(|file| file.pause_seconds = 900)).unwrap();
    assert_eq!(standing_window(&world), Limit::Amount(U256::from(200)), "the row is as it was");
    let stricter = |n| {
        with(|file| {
            file.pause_seconds = 900;
            file.risk.limits.get_mut(&corridor()).unwrap().window = Limit::Amount(U256::from(n));
        })
    };
    world.start(&stricter(150)).unwrap();
    assert_eq!(standing_window(&world), Limit::Amount(U256::from(150)));
    let kept = world.state.agreed().unwrap().risk.limits(&corridor()).unwrap().per_transfer;
    assert_eq!(kept, Limit::Amount(U256::from(200)), "only what the file changed");
    assert!(world.start(&stricter(151)).is_err());
}

#[test]
fn what_a_guardian_lowered_stands_over_the_file_that_it_was_lowered_from() {
    let mut world = started();
    world.say(0, Act::LowerLimits { corridor: corridor(), limits: limits(30) }).unwrap();
    assert_eq!(world.start(&file()).unwrap(), []);
    assert_eq!(standing_window(&world), Limit::Amount(U256::from(30)));
    assert!(world.start(&window(31)).is_err(), "lower than the file of before, and higher than what stands");
    world.start(&window(30)).unwrap();
}

#[test]
fn two_people_and_the_timelock_let_a_looser_file_start() {
    let mut world = started();
    let wider = window(500);
    let act = change(&world, &wider);
    assert!(act.to_string().ends_with(".window: agreed 100, found 500"), "{act}");
    let proposal = world.propose(0, act);
    assert_eq!(proposal_of(world.start(&wider).unwrap_err()), Some(NotYet::Unapproved(proposal)));
    assert_eq!(code(world.approve(1, proposal)), "SELF_APPROVAL", "another key of the same person");
    world.approve(2, proposal).unwrap();
    world.now += DAY - 1;
    assert_eq!(proposal_of(world.start(&wider).unwrap_err()), Some(NotYet::Timelock(proposal, world.now + 1)));
    world.now += 1;
    assert!(world.execute(proposal, None).is_err(), "it waits for a start");
    assert_eq!(world.start(&file()).unwrap(), [], "the file of before may go on");
    let more = window(501);
    assert!(world.start(&more).is_err(), "only what was agreed on");
    world.start(&wider).unwrap();
    assert_eq!(standing_window(&world), Limit::Amount(U256::from(500)));
    world.start(&file()).unwrap();
    assert!(world.start(&wider).is_err(), "an agreement is used once");
}

#[test]
fn what_was_cancelled_or_lapsed_lets_nothing_start() {
    let mut world = started();
    let wider = window(500);
    let proposal = world.propose(0, change(&world, &wider));
    world.approve(2, proposal).unwrap();
    let what = world.state.proposal(&proposal).unwrap().act.to_string();
    world.say(3, Act::Cancel { proposal, what }).unwrap();
    world.now += DAY;
    assert_eq!(proposal_of(world.start(&wider).unwrap_err()), None);
    let proposal = world.propose(0, change(&world, &wider));
    world.approve(2, proposal).unwrap();
    world.now += 8 * DAY;
    assert_eq!(proposal_of(world.start(&wider).unwrap_err()), None);
}

#[test]
fn the_safe_direction_overtakes_a_proposed_policy() {
    let wider = window(500);
    let agreed_on = |world: &mut World| {
        let proposal = world.propose(0, change(world, &wider));
        world.approve(2, proposal).unwrap();
        world.now += DAY;
    };
    let mut world = started();
    agreed_on(&mut world);
    world.say(3, Act::LowerLimits { corridor: corridor(), limits: limits(30) }).unwrap();
    assert!(world.start(&wider).is_err(), "a guardian lowered what it raises");
    let mut world = started();
    agreed_on(&mut world);
    world.say(3, Act::LowerLimits { corridor: slow(), limits: limits(30) }).unwrap();
    world.start(&wider).unwrap();
    let other = world.state.agreed().unwrap().risk.limits(&slow()).unwrap().window;
    assert_eq!(other, Limit::Amount(U256::from(30)), "what it does not change stays as guardians set it");
    let mut world = started();
    agreed_on(&mut world);
    world.start(&window(40)).unwrap();
    assert!(world.start(&wider).is_err(), "a stricter file was taken meanwhile");
    let mut world = started();
    let raised = world.propose(0, raise(200));
    world.start(&window(40)).unwrap();
    assert_eq!(code(world.approve(2, raised)), "NO_SUCH_PROPOSAL");
}

#[test]
fn guardians_are_changed_by_the_word_of_those_of_before() {
    let mut world = started();
    let next = with(|file| {
        let people = &mut file.guardians.as_mut().unwrap().people;
        people.remove(&key(0).address());
        people.insert(key(9).address(), "di".to_owned());
    });
    let proposal = world.propose(0, change(&world, &next));
    world.approve(2, proposal).unwrap();
    world.now += DAY;
    world.start(&next).unwrap();
    assert!(world.start(&file()).is_err(), "nor back");
}

/// Whatever the process that took their orders calls them.
#[test]
fn a_policy_needs_two_people_by_the_names_that_are_agreed_on() {
    let mut world = started();
    world.name(1, "dan");
    let proposal = world.propose(0, change(&world, &window(200)));
    world.approve(1, proposal).unwrap();
    world.now += DAY;
    let refused = proposal_of(world.start(&window(200)).unwrap_err());
    assert_eq!(refused, Some(NotYet::OtherGuardians(proposal)));
}

#[test]
fn nobody_signs_for_changes_that_are_not_those_of_the_policy() {
    let mut world = started();
    let policy = Box::new(window(500));
    for changes in ["", "a little more", "limit x.window: agreed 100, found 101"] {
        let act = Act::ChangePolicy { policy: policy.clone(), changes: changes.to_owned() };
        assert_eq!(code(world.say(0, act)), "OTHER_CHANGES");
    }
    assert_eq!(code(world.say(0, change(&started(), &window(40)))), "NOT_LOOSER");
    let before = World::new();
    let act = Act::ChangePolicy { policy, changes: String::new() };
    let signed = before.sign(0, before.statement(0, act));
    assert_eq!(code(before.judge(&signed)), "NOTHING_AGREED");
}

#[test]
fn without_guardians_nobody_loosens_anything_and_the_first_ones_may_be_named() {
    let unguarded = |n: u64| Agreement { guardians: None, ..window(n) };
    let mut world = World::new();
    world.start(&unguarded(100)).unwrap();
    let refused = world.start(&unguarded(101)).unwrap_err().to_string();
    assert!(refused.contains("no guardians are agreed on"), "{refused}");
    world.start(&file()).unwrap();
    assert!(world.start(&unguarded(100)).is_err());
}

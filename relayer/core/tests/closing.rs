//! What closes the fast lane on the destination: a payout that stays unproven, or one whose place is another deposit's.

mod common;

use common::*;
use spandrel_core::submission::Progress;
use spandrel_core::{Blocked, Effect, Input};
use spandrel_risk::{Lane, Scope};
use spandrel_verifiers::{Deposit, LanePreference};

/// Paid by the fast lane, in a block; the effect that looks after its deadline.
fn paid() -> (House, Effect) {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    let out = house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    assert_eq!(steps(&out), ["close_overdue"]);
    let effect = out.effects[0].effect.clone();
    (house, effect)
}

#[test]
fn a_fast_payout_is_looked_after_from_its_first_block_until_it_is_settled() {
    let (mut house, effect) = paid();
    assert!(house.progress(Lane::Fast, Progress::Included { tx: tx(1) }).effects.is_empty(), "once");
    assert!(house.may(&effect).is_ok());
    house.progress(Lane::Fast, Progress::Reorged);
    assert!(matches!(house.may(&effect), Err(Blocked::Later(_))), "nothing is owed while it is in no block");
    house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    house.prove();
    house.settle(Progress::Finalized { tx: tx(2) });
    assert!(matches!(house.may(&effect), Err(Blocked::Obsolete(_))));
}

#[test]
fn one_that_another_had_paid_is_looked_after_too_and_a_proven_payout_is_not() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    let out = house.progress(Lane::Fast, Progress::PaidElsewhere { lane: Lane::Fast });
    assert_eq!(steps(&out), ["close_overdue"]);
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    assert!(steps(&house.progress(Lane::LightClient, Progress::Included { tx: tx(1) })).is_empty());
}

#[test]
fn no_pause_and_no_quarantine_keeps_a_fast_lane_open() {
    let (mut house, effect) = paid();
    house.pause(Scope::Global);
    assert!(house.may(&effect).is_ok());
    house.tell(Input::Broken("what".into()));
    assert!(house.may(&effect).is_ok());
    house.reorg(10, 0);
    let out = house.tell(Input::Contradicted(contradiction(&house.deposit)));
    let contradict = out.effects.iter().find(|asked| asked.effect.step() == "contradict").unwrap();
    assert!(house.may(&contradict.effect).is_ok());
}

#[test]
fn a_payout_whose_place_is_anothers_is_a_shortfall_and_the_destination_is_shown() {
    let (mut house, _) = paid();
    let by = contradiction(&house.deposit);
    assert!(house.tell(Input::Contradicted(by.clone())).is_empty(), "it still stands");
    house.reorg(10, 0);
    let out = house.tell(Input::Contradicted(by.clone()));
    assert_eq!((names(&out), steps(&out)), (vec!["shortfall"], vec!["pause", "contradict"]));
    assert_eq!(out.effects[1].id, by.effect_id(&house.deposit));
    let again = house.tell(Input::Contradicted(by));
    assert_eq!((names(&again), again.effects[0].id), (vec![], out.effects[1].id), "one effect");
    assert!(house.finalize(10).is_empty(), "booked once");
}

#[test]
fn what_stands_elsewhere_or_is_the_deposit_itself_contradicts_nothing() {
    let (mut house, _) = paid();
    house.reorg(10, 0);
    let by = contradiction(&house.deposit);
    let elsewhere = Deposit { source_key: alloy_primitives::B256::repeat_byte(1), ..by.deposit.clone() };
    let bridge = Deposit { source_bridge: alloy_primitives::B256::repeat_byte(9), ..by.deposit.clone() };
    for deposit in [elsewhere, bridge, house.deposit.clone()] {
        let other = spandrel_core::Contradiction { deposit, ..by.clone() };
        assert!(house.tell(Input::Contradicted(other)).is_empty());
    }
    let mut unpaid = House::new(Deposit { lane: LanePreference::Any, ..deposit() });
    unpaid.see(10, 0);
    unpaid.reorg(10, 0);
    assert!(unpaid.tell(Input::Contradicted(by)).is_empty(), "nothing was paid");
}

//! What ended unpaid, or was never cleared, and is paid all the same by whoever brings its proof or attestation: it counts.

mod common;

use alloy_primitives::{U256, U512};
use common::*;
use spandrel_core::submission::Progress;
use spandrel_core::{Blocked, Effect, Event, Input, Status, Transfer, may_execute};
use spandrel_risk::{Lane, Limit, Limits, Reason};
use spandrel_verifiers::Deposit;

const LANES: [Lane; 2] = [Lane::Fast, Lane::LightClient];

/// Held by a window that takes nothing, proven or not yet.
fn held(deposit: Deposit) -> House {
    let closed = Limits { window: Limit::CLOSED, ..open() };
    let mut house = House::under(policy(closed, closed), deposit);
    house.see(10, 0);
    house.prove();
    assert!(matches!(house.status(), Status::Held { reason: Reason::Window { .. }, .. }));
    house
}

fn dropped() -> House {
    let mut house = held(deposit());
    house.tell(Input::Drop("ada: odd".into()));
    assert!(matches!(house.status(), Status::Rejected { reason: Reason::Dropped { .. } }));
    house
}

/// Too small to be paid, by this bridge's word; the destination has no such limit.
fn refused_at_sight() -> House {
    let dusty = Limits { dust: U256::from(6), ..open() };
    let mut house = House::under(policy(dusty, dusty), deposit());
    house.see(10, 0);
    assert!(matches!(house.status(), Status::Rejected { reason: Reason::Dust { .. } }));
    house
}

fn elsewhere(lane: Lane) -> Progress {
    Progress::PaidElsewhere { lane }
}

fn confirm_paid(house: &House) -> Effect {
    Effect::ConfirmPaid { deposit: house.deposit.clone() }
}

/// What was stored reads back to the same transfer.
fn must_fold(house: &House) {
    let stored = house.log.iter().map(|(event, at)| (serde_json::to_string(event).unwrap(), *at));
    let read = stored.map(|(text, at)| (serde_json::from_str::<Event>(&text).unwrap(), at));
    let folded = read
        .fold(None, |transfer, (event, at)| Some(Transfer::fold(transfer, house.deposit.id(), &event, at).unwrap()));
    assert_eq!(folded, house.transfer);
}

#[test]
fn what_guardians_dropped_and_anyone_claimed_with_its_proof_is_in_the_windows_and_told() {
    let mut house = dropped();
    assert_eq!(house.window(Lane::LightClient), U256::ZERO);
    let out = house.progress(Lane::LightClient, elsewhere(Lane::LightClient));
    assert_eq!(names(&out), ["paid_all_the_same", "cleared", "executed", "payout_final"]);
    assert_eq!((risks(&out), steps(&out)), (vec!["reopened", "proven", "cleared", "paid", "closed"], vec![]));
    assert_eq!(house.window(Lane::LightClient), U256::from(5));
    assert_eq!(house.status().name(), "final");
    assert!(house.progress(Lane::LightClient, elsewhere(Lane::LightClient)).is_empty(), "once");
    must_fold(&house);
}

#[test]
fn one_that_was_paid_by_an_old_attestation_is_an_exposure_until_it_is_settled() {
    let mut house = dropped();
    let out = house.progress(Lane::Fast, elsewhere(Lane::Fast));
    assert_eq!(risks(&out), ["reopened", "proven", "cleared", "paid"]);
    assert_eq!(steps(&out), ["close_overdue", "settle"], "it was proven before");
    assert_eq!((house.exposure(), house.window(Lane::Fast)), (U256::from(5), U256::from(5)));
    house.settle(Progress::Finalized { tx: tx(2) });
    assert_eq!((house.exposure(), house.status().name()), (U256::ZERO, "settled"));
    must_fold(&house);
}

#[test]
fn what_was_refused_at_sight_and_paid_counts_on_either_lane() {
    for lane in LANES {
        let mut house = refused_at_sight();
        assert!(house.risk_log.is_empty(), "it cost one record");
        house.progress(lane, elsewhere(lane));
        assert_eq!(house.window(lane), U256::from(5), "{lane}");
        if lane == Lane::Fast {
            assert_eq!(house.exposure(), U256::from(5));
            assert_eq!(steps(&house.prove()), ["settle"]);
            house.settle(Progress::Finalized { tx: tx(2) });
        }
        assert!(house.status().is_terminal() && house.exposure().is_zero());
        let books: Vec<_> = house.risk.accounts().map(|(_, _, proven, released)| (proven, released)).collect();
        assert_eq!(books, [(U512::from(5), U512::from(5))], "{lane}: what is released is locked");
        must_fold(&house);
    }
}

#[test]
fn a_fast_payout_of_what_was_dropped_and_is_gone_from_its_source_is_a_shortfall() {
    let mut house = refused_at_sight();
    house.progress(Lane::Fast, elsewhere(Lane::Fast));
    house.reorg(10, 0);
    house.finalize(20);
    assert_eq!((house.status().name(), house.exposure()), ("shortfall", U256::from(5)));
}

/// A node's word makes the relayer ask, and nothing else; what all of them say is final counts.
#[test]
fn a_payment_that_a_node_shows_is_asked_for_once_and_counts_once_it_is_confirmed() {
    for house in [dropped, refused_at_sight, || held(deposit())] {
        let mut house = house();
        let before = (house.transfer.clone(), house.risk.clone());
        let asked = house.tell(Input::ShownPaid);
        assert_eq!((names(&asked), risks(&asked), steps(&asked)), (vec![], vec![], vec!["confirm_paid"]));
        assert_eq!(before, (house.transfer.clone(), house.risk.clone()), "nothing is believed yet");
        assert_eq!(house.tell(Input::ShownPaid).effects[0].id, asked.effects[0].id, "one effect");
        assert!(house.may(&asked.effects[0].effect).is_ok());
        house.tell(Input::Progress(asked.effects[0].id, unpaid()));
        assert_eq!(before.0, house.transfer, "a payment that was reorged away ends nothing");
        house.tell(Input::Progress(asked.effects[0].id, elsewhere(Lane::LightClient)));
        assert_eq!((house.status().name(), house.window(Lane::LightClient)), ("final", U256::from(5)));
        assert!(house.tell(Input::ShownPaid).is_empty());
        assert!(matches!(house.may(&confirm_paid(&house)), Err(Blocked::Obsolete(_))));
    }
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    assert!(house.tell(Input::ShownPaid).is_empty(), "its own effect tells of that");
}

/// A node shows it as paid too early, or lies, before it is cleared: the one question of the deposit is kept until
/// ours is final, since ours may be given up, and what it then ends as may be paid all the same.
#[test]
fn what_was_shown_before_our_own_payout_is_asked_for_until_that_is_final() {
    for lane in LANES {
        let mut house = House::new(deposit());
        house.see(10, 0);
        let asked = house.tell(Input::ShownPaid).effects.remove(0);
        match lane {
            Lane::Fast => house.attest(),
            Lane::LightClient => house.prove(),
        };
        assert_eq!(house.status().name(), "cleared");
        assert!(matches!(house.may(&asked.effect), Err(Blocked::Later(_))), "{lane}: ours may be given up");
        house.progress(lane, Progress::Included { tx: tx(1) });
        assert!(matches!(house.may(&asked.effect), Err(Blocked::Later(_))), "{lane}: its block is not final");
        house.progress(lane, Progress::Reorged);
        house.progress(lane, unpaid());
        if lane == Lane::Fast {
            house.tell(Input::Broken("odd".into()));
            house.tell(Input::Drop("ada: odd".into()));
        }
        assert!(house.status().may_be_paid_all_the_same(), "{:?}", house.status());
        assert_eq!(house.may(&asked.effect), Ok(()));
        assert_eq!(house.tell(Input::ShownPaid).effects[0].id, asked.id, "the same question, not ended");
        let out = house.tell(Input::Progress(asked.id, elsewhere(lane)));
        assert_eq!((names(&out)[0], risks(&out)[0]), ("paid_all_the_same", "reopened"), "{lane}");
        assert_eq!(house.window(lane), U256::from(5), "{lane}");
        assert!(matches!(house.may(&asked.effect), Err(Blocked::Obsolete(_))), "{lane}: final");
        must_fold(&house);
    }
}

/// Asking about a deposit must not pay it: a payment that the chain delayed is executed by nobody here who has not cleared it.
#[test]
fn a_delayed_payment_of_what_was_not_cleared_is_not_executed() {
    let house = held(deposit());
    assert!(matches!(may_execute(house.transfer(), &house.context()), Err(Blocked::Later(_))));
    let house = dropped();
    assert!(matches!(may_execute(house.transfer(), &house.context()), Err(Blocked::Obsolete(_))));
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    assert_eq!(may_execute(house.transfer(), &house.context()), Ok(()));
}

//! The ordinary life on either lane, and which lane takes a deposit.

use alloy_primitives::U256;
use spandrel_core::submission::Progress;
use spandrel_core::{Event, Input, Status};
use spandrel_risk::{Lane, Limit, Limits, Scope};
use spandrel_verifiers::{Deposit, LanePreference};

use crate::common::*;
use crate::scene::fast_paid_house;

#[test]
fn an_unknown_transfer_begins_only_when_it_is_seen() {
    let mut house = House::new(deposit());
    for input in [Input::Tick, Input::Requeue, Input::SourceFinal(block(1, 0)), Input::Broken("x".into())] {
        assert!(house.tell(input).is_empty());
    }
    assert!(house.transfer.is_none());
}

#[test]
fn a_light_client_transfer_goes_from_observed_to_final() {
    let mut house = House::new(slow_deposit());
    let out = house.see(10, 0);
    assert_eq!((names(&out), steps(&out)), (vec!["observed"], vec![]));
    let out = house.finalize(10);
    assert_eq!((names(&out), steps(&out)), (vec!["source_final"], vec!["build_evidence"]));
    let built = evidence(&house.deposit, "header");
    let out = house.tell(Input::EvidenceBuilt(built));
    assert_eq!((names(&out), steps(&out)), (vec!["proven"], vec!["request_verdicts"]));
    let deposit = house.deposit.clone();
    let out = house.tell(verdicts(&[0, 2], &deposit, "header"));
    assert_eq!((names(&out), steps(&out)), (vec!["verified", "cleared"], vec!["pay_proven"]));
    assert_eq!(risks(&out), ["proven", "cleared"]);
    house.progress(Lane::LightClient, Progress::Broadcast { tx: tx(1) });
    assert_eq!(*house.status(), Status::Submitted { lane: Lane::LightClient, tx: tx(1) });
    house.progress(Lane::LightClient, Progress::Included { tx: tx(1) });
    assert_eq!(*house.status(), Status::Executed { lane: Lane::LightClient, tx: tx(1) });
    let out = house.progress(Lane::LightClient, Progress::Finalized { tx: tx(1) });
    assert_eq!((names(&out), steps(&out), risks(&out)), (vec!["payout_final"], vec![], vec!["paid", "closed"]));
    assert_eq!(*house.status(), Status::Final { tx: tx(1) });
}

#[test]
fn a_fast_transfer_is_paid_before_it_is_proven_and_settled_after() {
    let mut house = House::new(deposit());
    let out = house.see(10, 0);
    assert_eq!(steps(&out), ["request_attestation"]);
    let out = house.attest();
    assert_eq!((names(&out), steps(&out)), (vec!["attested", "cleared"], vec!["pay_fast"]));
    assert_eq!(risks(&out), ["cleared"]);
    assert_eq!(house.exposure(), U256::from(5));
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    let out = house.progress(Lane::Fast, Progress::Finalized { tx: tx(1) });
    assert_eq!((names(&out), risks(&out)), (vec!["payout_final"], vec!["paid"]));
    assert_eq!(*house.status(), Status::Executed { lane: Lane::Fast, tx: tx(1) });
    let out = house.prove();
    assert_eq!((names(&out), steps(&out), risks(&out)), (vec!["verified"], vec!["settle"], vec!["proven"]));
    let out = house.settle(Progress::Finalized { tx: tx(2) });
    assert_eq!((names(&out), risks(&out)), (vec!["settled"], vec!["settled", "closed"]));
    assert_eq!(*house.status(), Status::Settled { payout: tx(1), tx: tx(2) });
    assert_eq!(house.exposure(), U256::ZERO);
}

#[test]
fn a_fast_payout_in_flight_is_waited_for_and_settled_once_it_stands_in_a_block() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    let out = house.prove();
    assert_eq!((names(&out), steps(&out)), (vec!["verified"], vec![]), "cleared, not sent: neither paid nor settled");
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    let out = house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    assert_eq!((names(&out), steps(&out)), (vec!["executed"], vec!["close_overdue", "settle"]));
}

#[test]
fn a_payout_heard_of_only_when_it_is_final_is_settled_too() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.prove();
    let out = house.progress(Lane::Fast, Progress::Finalized { tx: tx(1) });
    assert_eq!((names(&out), steps(&out)), (vec!["executed", "payout_final"], vec!["close_overdue", "settle"]));
}

#[test]
fn over_a_fast_cap_the_light_client_lane_takes_it() {
    let fast = Limits { per_transfer: Limit::Amount(U256::from(4)), ..open() };
    let mut house = House::under(policy(fast, open()), deposit());
    let out = house.see(10, 0);
    assert_eq!((names(&out), steps(&out)), (vec!["observed", "fast_refused"], vec![]));
    assert_eq!(*house.status(), Status::Observed);
    assert_eq!(steps(&house.prove()), ["pay_proven"]);
}

#[test]
fn a_cap_used_up_while_the_signers_signed_sends_it_to_the_light_client_lane() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.pause(Scope::Lane { lane: Lane::Fast, source: None });
    let out = house.attest();
    assert_eq!((names(&out), steps(&out), risks(&out)), (vec!["attested", "fast_refused"], vec![], vec![]));
    assert_eq!(steps(&house.prove()), ["pay_proven"]);
}

#[test]
fn signers_who_refuse_close_only_the_fast_lane() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    let out = house.tell(Input::AttestationRefused("not on my node".into()));
    assert_eq!(names(&out), ["fast_refused"]);
    assert!(house.attest().is_empty(), "a late attestation does not reopen it");
    assert_eq!(steps(&house.prove()), ["pay_proven"]);
}

#[test]
fn a_deposit_that_asks_for_proof_never_takes_the_fast_lane() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    assert!(house.attest().is_empty());
}

#[test]
fn fast_is_asked_for_again_only_by_preference() {
    let mut house = House::new(Deposit { lane: LanePreference::Fast, ..deposit() });
    assert_eq!(steps(&house.see(10, 0)), ["request_attestation"]);
    let again = house.see(10, 0);
    assert!(again.is_empty());
}

#[test]
fn the_log_of_every_life_folds_to_the_transfer() {
    let mut house = fast_paid_house();
    house.reorg(10, 0);
    house.finalize(10);
    house.see(12, 1);
    house.prove();
    house.settle(Progress::Finalized { tx: tx(2) });
    let mut folded = None;
    for (event, at) in &house.log {
        folded = Some(spandrel_core::Transfer::fold(folded, house.deposit.id(), event, *at).unwrap());
    }
    assert_eq!(folded, house.transfer);
    assert_eq!(house.transfer().sequence, house.log.len() as u64);
    let text = serde_json::to_string(house.transfer()).unwrap();
    assert_eq!(serde_json::from_str::<spandrel_core::Transfer>(&text).unwrap(), *house.transfer());
    let after_the_end = spandrel_core::Transfer::fold(folded, house.deposit.id(), &Event::Requeued, NOW);
    assert!(after_the_end.is_err());
}

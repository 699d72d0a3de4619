//! What the destination reports of a payout: sent again, reorged away, refused.

use alloy_primitives::U256;
use spandrel_core::Status;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_risk::Lane;

use crate::common::*;
use crate::scene::proven_house;

#[test]
fn a_replacement_is_recorded_and_a_repeated_report_is_not() {
    let mut house = proven_house();
    house.progress(Lane::LightClient, Progress::Broadcast { tx: tx(1) });
    assert!(house.progress(Lane::LightClient, Progress::Broadcast { tx: tx(1) }).is_empty());
    house.progress(Lane::LightClient, Progress::Broadcast { tx: tx(2) });
    assert_eq!(*house.status(), Status::Submitted { lane: Lane::LightClient, tx: tx(2) });
    house.progress(Lane::LightClient, Progress::Included { tx: tx(1) });
    assert!(house.progress(Lane::LightClient, Progress::Broadcast { tx: tx(2) }).is_empty(), "late");
    assert_eq!(*house.status(), Status::Executed { lane: Lane::LightClient, tx: tx(1) });
}

#[test]
fn a_payout_the_destination_reorged_away_goes_back_to_cleared_without_a_new_effect() {
    let mut house = proven_house();
    house.progress(Lane::LightClient, Progress::Included { tx: tx(1) });
    let out = house.progress(Lane::LightClient, Progress::Reorged);
    assert_eq!((names(&out), steps(&out), risks(&out)), (vec!["payout_reorged"], vec![], vec![]));
    assert_eq!(*house.status(), Status::Cleared { lane: Lane::LightClient });
    house.progress(Lane::LightClient, Progress::Included { tx: tx(2) });
    house.progress(Lane::LightClient, Progress::Finalized { tx: tx(2) });
    assert_eq!(*house.status(), Status::Final { tx: tx(2) });
}

#[test]
fn a_refusal_for_now_keeps_a_proven_payout_cleared_and_one_for_ever_fails_it() {
    let mut house = proven_house();
    let for_now = Progress::Refused { reason: "Paused".into(), lasting: Lasting::ForNow };
    assert!(house.progress(Lane::LightClient, for_now).is_empty());
    assert_eq!(*house.status(), Status::Cleared { lane: Lane::LightClient });
    let for_ever = Progress::Refused { reason: "BadProof".into(), lasting: Lasting::ForEver };
    let out = house.progress(Lane::LightClient, for_ever);
    assert_eq!((names(&out), risks(&out)), (vec!["payout_refused", "failed"], vec!["returned", "closed"]));
    assert_eq!(*house.status(), Status::Failed { reason: "BadProof".into() });
}

#[test]
fn a_refused_fast_payout_gives_its_exposure_back_and_waits_for_its_proof() {
    for lasting in [Lasting::ForNow, Lasting::WithThisProof, Lasting::ForEver] {
        let mut house = House::new(deposit());
        house.see(10, 0);
        house.attest();
        let out = house.progress(Lane::Fast, Progress::Refused { reason: "OverCap".into(), lasting });
        assert_eq!((names(&out), risks(&out)), (vec!["fast_refused"], vec!["returned"]));
        assert_eq!(house.exposure(), U256::ZERO);
        assert_eq!(*house.status(), Status::Observed);
        assert_eq!(steps(&house.prove()), ["pay_proven"]);
    }
}

#[test]
fn a_fast_payout_refused_after_its_proof_is_paid_on_the_light_client_lane_at_once() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.prove();
    let out = house.progress(Lane::Fast, Progress::Refused { reason: "OverCap".into(), lasting: Lasting::ForNow });
    assert_eq!((names(&out), steps(&out)), (vec!["fast_refused", "cleared"], vec!["pay_proven"]));
    assert_eq!(risks(&out), ["returned", "cleared"]);
}

#[test]
fn a_payout_refused_and_found_in_a_block_after_all_is_charged_and_settled() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Refused { reason: "simulation".into(), lasting: Lasting::ForEver });
    let out = house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    assert_eq!((names(&out), risks(&out)), (vec!["cleared", "executed"], vec!["cleared"]));
    assert_eq!(steps(&house.prove()), ["settle"]);
}

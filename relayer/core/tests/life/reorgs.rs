//! The deposit's block is replaced on its own chain.

use alloy_primitives::U256;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Status};
use spandrel_risk::Lane;

use crate::common::*;
use crate::scene::{fast_effect, fast_paid_house, proven_house};

#[test]
fn a_deposit_reorged_away_before_it_was_paid_comes_back_under_the_same_id() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    let out = house.reorg(10, 0);
    assert_eq!((names(&out), risks(&out)), (vec!["source_reorged"], vec![]));
    assert_eq!(*house.status(), Status::Reorged { ancestor: block(9, 0) });
    let id = house.transfer().id;
    let out = house.see(11, 1);
    assert_eq!((names(&out), steps(&out)), (vec!["observed"], vec!["request_attestation"]));
    assert_eq!((house.status(), house.transfer().id), (&Status::Observed, id));
    assert_eq!(steps(&house.attest()), ["pay_fast"]);
}

#[test]
fn a_reorg_of_other_blocks_changes_nothing() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    assert!(house.reorg(10, 1).is_empty());
    assert!(house.see(10, 0).is_empty());
    assert!(house.finalize(9).is_empty());
}

#[test]
fn a_reorg_after_clearance_gives_the_exposure_back_and_the_proof_lane_waits_for_the_refusal() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    let effect = fast_effect(&house);
    assert_eq!(house.may(&effect), Ok(()));
    let out = house.reorg(10, 0);
    assert_eq!((names(&out), risks(&out)), (vec!["source_reorged"], vec!["returned"]));
    assert_eq!(house.exposure(), U256::ZERO);
    assert!(matches!(house.may(&effect), Err(Blocked::Obsolete(_))));
    let out = house.see(11, 1);
    assert_eq!(steps(&out), Vec::<&str>::new(), "the old payout is not ended yet");
    let out = house.prove();
    assert_eq!((names(&out), steps(&out)), (vec!["verified"], vec![]), "it may still be on its way");
    let out = house.progress(Lane::Fast, Progress::Refused { reason: "obsolete".into(), lasting: Lasting::ForEver });
    assert_eq!((names(&out), steps(&out)), (vec!["fast_refused", "cleared"], vec!["pay_proven"]));
    assert_eq!(risks(&out), ["cleared"], "its exposure was given back already");
}

#[test]
fn a_paid_deposit_mined_again_before_finality_just_goes_on() {
    let mut house = fast_paid_house();
    house.reorg(10, 0);
    house.see(10, 1);
    assert_eq!(*house.status(), Status::Executed { lane: Lane::Fast, tx: tx(1) });
    assert_eq!(steps(&house.prove()), ["settle"]);
}

#[test]
fn a_replaced_final_block_never_unpays_what_was_paid_with_proof() {
    let mut house = proven_house();
    house.progress(Lane::LightClient, Progress::Included { tx: tx(1) });
    let out = house.reorg(10, 0);
    assert_eq!((names(&out), risks(&out)), (vec!["source_reorged"], vec![]));
    assert_eq!(*house.status(), Status::Executed { lane: Lane::LightClient, tx: tx(1) });
    assert!(house.finalize(30).is_empty());
    house.progress(Lane::LightClient, Progress::Finalized { tx: tx(1) });
    assert_eq!(*house.status(), Status::Final { tx: tx(1) });
}

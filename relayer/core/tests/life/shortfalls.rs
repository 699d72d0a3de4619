//! A fast payout whose deposit is gone for good.

use alloy_primitives::U256;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Effect, Status};
use spandrel_risk::{Lane, Scope};

use crate::common::*;
use crate::scene::fast_paid_house;

#[test]
fn a_fast_payout_whose_deposit_is_gone_is_a_shortfall_and_pauses_its_lane() {
    let mut house = fast_paid_house();
    let out = house.reorg(10, 0);
    assert_eq!((names(&out), risks(&out)), (vec!["source_reorged"], vec![]));
    assert_eq!(*house.status(), Status::Executed { lane: Lane::Fast, tx: tx(1) });
    assert!(house.finalize(9).is_empty(), "not gone before the chain is final past it");
    let out = house.finalize(10);
    assert_eq!(
        (names(&out), risks(&out), steps(&out)),
        (vec!["shortfall"], vec!["shortfall", "paused"], vec!["pause"])
    );
    let scope = Scope::Lane { lane: Lane::Fast, source: Some(source()) };
    assert!(
        matches!(&out.effects[0].effect, Effect::Pause { scope: paused, ttl: 3_600, stated: None } if *paused == scope)
    );
    assert_eq!(*house.status(), Status::Shortfall { payout: tx(1) });
    assert!(house.finalize(11).is_empty(), "booked once");
    assert_eq!(house.exposure(), U256::from(5), "a loss keeps using up the cap");
    assert!(house.risk.paused_by(&house.deposit, Lane::Fast, house.now).is_some());
    assert!(house.risk.paused_by(&house.deposit, Lane::LightClient, house.now).is_none());
}

#[test]
fn a_payout_broadcast_after_all_is_charged_again_and_becomes_a_shortfall() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.reorg(10, 0);
    let out = house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    assert_eq!((names(&out), risks(&out)), (vec!["cleared", "submitted"], vec!["cleared"]));
    assert_eq!(house.exposure(), U256::from(5));
    assert_eq!(names(&house.finalize(10)), ["shortfall"]);
}

#[test]
fn a_shortfall_mined_again_is_proven_and_settled_and_never_paid_again() {
    let mut house = fast_paid_house();
    house.reorg(10, 0);
    house.finalize(10);
    let out = house.see(12, 1);
    assert_eq!((names(&out), steps(&out)), (vec!["observed"], vec![]), "no new attestation: it was paid");
    assert_eq!(*house.status(), Status::Shortfall { payout: tx(1) });
    let out = house.prove();
    assert_eq!((names(&out), steps(&out)), (vec!["verified"], vec!["settle"]));
    let out = house.settle(Progress::Finalized { tx: tx(2) });
    assert_eq!((names(&out), risks(&out)), (vec!["settled"], vec!["settled", "closed"]));
    assert_eq!(house.exposure(), U256::ZERO);
}

#[test]
fn a_payout_in_the_mempool_that_is_refused_undoes_its_shortfall() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    house.reorg(10, 0);
    assert_eq!(names(&house.finalize(10)), ["shortfall"]);
    let out = house.progress(Lane::Fast, Progress::Refused { reason: "reverted".into(), lasting: Lasting::ForEver });
    assert_eq!((names(&out), risks(&out)), (vec!["fast_refused"], vec!["returned"]));
    assert_eq!(*house.status(), Status::Reorged { ancestor: block(9, 0) });
    assert_eq!(house.exposure(), U256::ZERO);
}

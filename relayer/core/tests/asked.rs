//! What signers are asked to sign, and when.

mod common;

use common::*;
use spandrel_core::Blocked;
use spandrel_risk::{Lane, Scope};

/// Their signatures are brought to the chain by whoever has them, and the chain may not know of the pause.
#[test]
fn signers_are_not_asked_about_a_deposit_that_was_paused_since() {
    let mut house = House::new(deposit());
    let seen = house.see(10, 0);
    let ask = &seen.effects[0].effect;
    assert_eq!(ask.step(), "request_attestation");
    house.pause(Scope::Lane { lane: Lane::LightClient, source: None });
    assert_eq!(house.may(ask), Ok(()), "of the other lane");
    house.pause(Scope::Route { source: source(), destination: destination() });
    assert!(matches!(house.may(ask), Err(Blocked::Later(reason)) if reason.contains("route")));
    house.now += 600;
    assert_eq!(house.may(ask), Ok(()), "it is over");
}

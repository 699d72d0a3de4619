//! What still stops an effect right before it is sent.

use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Effect};
use spandrel_risk::{Lane, Scope};

use crate::common::*;
use crate::scene::{fast_effect, fast_paid_house, pay_effect, proven_house};

#[test]
fn right_before_broadcast_a_pause_a_reorg_or_an_expiry_still_stops_a_payout() {
    let mut house = proven_house();
    let effect = pay_effect(&house);
    assert_eq!(house.may(&effect), Ok(()));
    house.pause(Scope::Chain { chain: destination() });
    assert!(matches!(house.may(&effect), Err(Blocked::Later(_))));
    house.now += 600;
    assert_eq!(house.may(&effect), Ok(()));
    house.reorg(10, 0);
    assert!(matches!(house.may(&effect), Err(Blocked::Obsolete(_))));
}

#[test]
fn an_expired_batch_is_not_broadcast() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    let effect = fast_effect(&house);
    house.now = NOW + 50_001;
    assert!(matches!(house.may(&effect), Err(Blocked::Obsolete(_))));
}

#[test]
fn a_settlement_waits_until_the_payout_stands_and_passes_a_pause() {
    let mut house = fast_paid_house();
    house.prove();
    house.pause(Scope::Lane { lane: Lane::Fast, source: None });
    let transfer = house.transfer();
    let settle = Effect::Settle {
        deposit: transfer.deposit.clone(),
        evidence: transfer.evidence.clone().unwrap(),
        checkpoint: transfer.checkpoint.clone().unwrap(),
    };
    assert_eq!(house.may(&settle), Ok(()), "repaying is the safe direction");
    house.progress(Lane::Fast, Progress::Reorged);
    assert!(matches!(house.may(&settle), Err(Blocked::Later(_))));
}

#[test]
fn a_refused_lanes_payout_is_never_sent_again_once_the_other_lane_pays() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    let fast = fast_effect(&house);
    house.prove();
    house.progress(Lane::Fast, Progress::Refused { reason: "OverCap".into(), lasting: Lasting::ForNow });
    assert_eq!(house.may(&pay_effect(&house)), Ok(()));
    assert!(matches!(house.may(&fast), Err(Blocked::Obsolete(_))));
}

#[test]
fn a_paused_fast_payout_that_was_not_sent_makes_way_for_the_light_client_lane() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    let pay = house.attest().effects.remove(0).effect;
    assert_eq!(house.may(&pay), Ok(()));
    house.pause(Scope::Lane { lane: Lane::Fast, source: None });
    assert!(matches!(house.may(&pay), Err(Blocked::Obsolete(_))));
    house.progress(Lane::Fast, Progress::Refused { reason: "paused".into(), lasting: Lasting::ForEver });
    let out = house.prove();
    assert_eq!(steps(&out), ["pay_proven"]);
}

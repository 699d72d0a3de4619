//! What is set aside for an operator.

use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Input, PayoutStage, Status};
use spandrel_risk::Lane;

use crate::common::*;
use crate::scene::{fast_paid_house, pay_effect, proven_house};

#[test]
fn a_quarantined_transfer_pays_nothing_until_it_is_requeued() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    assert_eq!(names(&house.tell(Input::Broken("what is this".into()))), ["quarantined"]);
    assert!(house.tell(Input::Broken("again".into())).is_empty());
    let out = house.prove();
    assert_eq!((names(&out), steps(&out)), (vec!["verified"], vec![]));
    assert_eq!(*house.status(), Status::Quarantined { error: "what is this".into() });
    let out = house.tell(Input::Requeue);
    assert_eq!((names(&out), steps(&out)), (vec!["requeued", "cleared"], vec!["pay_proven"]));
    assert!(house.tell(Input::Requeue).is_empty());
}

#[test]
fn a_quarantined_payout_under_way_is_still_followed_but_not_sent() {
    let mut house = proven_house();
    house.tell(Input::Broken("stop".into()));
    assert!(matches!(house.may(&pay_effect(&house)), Err(Blocked::Later(_))));
    house.progress(Lane::LightClient, Progress::Included { tx: tx(1) });
    assert_eq!(house.transfer().payout.as_ref().unwrap().stage, PayoutStage::Executed);
    house.progress(Lane::LightClient, Progress::Finalized { tx: tx(1) });
    assert_eq!(*house.status(), Status::Final { tx: tx(1) });
}

#[test]
fn a_settlement_refused_for_ever_calls_an_operator() {
    let mut house = fast_paid_house();
    house.prove();
    let refused = |lasting| Progress::Refused { reason: "BadProof".into(), lasting };
    assert!(house.settle(refused(Lasting::ForNow)).is_empty());
    assert_eq!(names(&house.settle(refused(Lasting::ForEver))), ["quarantined"]);
}

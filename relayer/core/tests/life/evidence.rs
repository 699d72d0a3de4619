//! Evidence, of which block it may be, and when it is built again.

use spandrel_core::Input;
use spandrel_risk::Scope;

use crate::common::*;

#[test]
fn evidence_is_taken_only_while_the_deposit_stands_final() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    let built = Input::EvidenceBuilt(evidence(&house.deposit, "header"));
    assert!(house.tell(built.clone()).is_empty(), "not final yet");
    house.finalize(10);
    house.reorg(10, 0);
    assert!(house.tell(built.clone()).is_empty(), "gone");
    house.see(12, 1);
    house.finalize(12);
    assert_eq!(names(&house.tell(built.clone())), ["proven"]);
    assert!(house.tell(built).is_empty(), "the same again");
    let newer = evidence(&house.deposit, "newer header");
    assert_eq!(steps(&house.tell(Input::EvidenceBuilt(newer))), ["request_verdicts"]);
}

#[test]
fn what_was_proven_of_a_replaced_block_is_proven_again() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.pause(Scope::Global);
    house.prove();
    house.reorg(10, 0);
    let transfer = house.transfer();
    assert!(transfer.evidence.is_none() && transfer.checkpoint.is_none() && transfer.verified_at.is_none());
    house.see(12, 1);
    house.now += 600;
    assert_eq!(steps(&house.prove()), ["pay_proven"]);
}

#[test]
fn evidence_without_a_quorum_for_long_is_built_again_under_a_newer_final_block() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    let first = house.finalize(10).effects.remove(0);
    house.tell(Input::EvidenceBuilt(evidence(&house.deposit, "header")));
    house.now += 599;
    assert!(house.finalize(11).is_empty());
    house.now += 1;
    let again = house.finalize(12);
    assert_eq!((names(&again), steps(&again)), (vec![], vec!["build_evidence"]));
    assert_ne!(again.effects[0].id, first.id);
    assert_eq!(house.may(&again.effects[0].effect), Ok(()));
    let out = house.tell(Input::EvidenceBuilt(evidence(&house.deposit, "newer header")));
    assert_eq!((names(&out), steps(&out)), (vec!["proven"], vec!["request_verdicts"]));
}

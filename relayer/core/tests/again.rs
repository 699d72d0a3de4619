//! Work that is done again, payouts that others made, and ends that are confirmed.

mod common;

use std::collections::BTreeSet;

use common::*;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Effect, EffectId, Input, Output, Status};
use spandrel_risk::{Lane, Reason, Scope};

fn ids(output: &Output) -> BTreeSet<EffectId> {
    output.effects.iter().map(|asked| asked.id).collect()
}

fn refused(reason: &str, lasting: Lasting) -> Progress {
    Progress::Refused { reason: reason.into(), lasting }
}

fn paid_by(lane: Lane) -> Progress {
    Progress::PaidElsewhere { lane }
}

/// A fast payout given up, and the other lane's cleared.
fn given_up_house() -> House {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, refused("OverExposure", Lasting::ForNow));
    assert_eq!(steps(&house.prove()), ["pay_proven"]);
    house
}

#[test]
fn a_block_that_was_final_and_comes_back_is_worked_on_again() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    let first = house.finalize(10);
    let asked = house.tell(Input::EvidenceBuilt(evidence(&slow_deposit(), "header")));
    house.reorg(10, 0);
    house.see(10, 0);
    let second = house.finalize(10);
    assert_eq!(steps(&second), ["build_evidence"]);
    assert!(ids(&first).is_disjoint(&ids(&second)), "what is done in the outbox would never be done again");
    let again = house.tell(Input::EvidenceBuilt(evidence(&slow_deposit(), "header")));
    assert!(ids(&asked).is_disjoint(&ids(&again)));
}

#[test]
fn signers_are_asked_again_about_a_block_that_comes_back() {
    let mut house = House::new(deposit());
    let first = house.see(10, 0);
    house.reorg(10, 0);
    let second = house.see(10, 0);
    assert_eq!(steps(&second), ["request_attestation"]);
    assert!(ids(&first).is_disjoint(&ids(&second)));
}

#[test]
fn an_operator_who_requeues_twice_has_the_work_done_twice() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.finalize(10);
    let requeue = |house: &mut House| {
        house.tell(Input::Broken("what".into()));
        house.tell(Input::Requeue)
    };
    let (first, second) = (requeue(&mut house), requeue(&mut house));
    assert_eq!(steps(&first), ["build_evidence"]);
    assert!(ids(&first).is_disjoint(&ids(&second)));
}

#[test]
fn a_checkpoint_that_grew_too_old_is_replaced_by_a_newer_one_and_paid_under_another_id() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    let first = house.prove();
    let out = house.progress(Lane::LightClient, refused("CheckpointTooOld", Lasting::WithThisProof));
    assert_eq!((names(&out), risks(&out)), (vec!["payout_refused", "proof_refused"], vec!["returned"]));
    assert_eq!(house.transfer().proof_refused.as_deref(), Some("CheckpointTooOld"));
    let out = house.finalize(21);
    assert_eq!(steps(&out), ["build_evidence"]);
    let second = house.prove_under("newer header");
    assert_eq!(steps(&second), ["pay_proven"]);
    assert!(ids(&first).is_disjoint(&ids(&second)));
    assert!(second.effects.iter().any(|asked| asked.id == pay_id_under(&slow_deposit(), Lane::LightClient, 2)));
    let id = pay_id_under(&slow_deposit(), Lane::LightClient, 2);
    house.tell(Input::Progress(id, Progress::Finalized { tx: tx(1) }));
    assert_eq!(*house.status(), Status::Final { tx: tx(1) });
}

#[test]
fn a_late_refusal_of_an_old_proof_does_not_touch_the_payout_under_a_newer_one() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    house.progress(Lane::LightClient, refused("CheckpointTooOld", Lasting::WithThisProof));
    house.finalize(21);
    house.prove_under("newer header");
    for lasting in [Lasting::ForNow, Lasting::WithThisProof, Lasting::ForEver] {
        assert!(house.progress(Lane::LightClient, refused("late", lasting)).is_empty());
    }
}

#[test]
fn a_proof_of_a_replaced_block_that_was_issued_is_ended_before_the_next_is_paid_with() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    let pay = house.prove().effects.remove(0).effect;
    house.reorg(10, 0);
    assert!(matches!(house.may(&pay), Err(Blocked::Obsolete(_))));
    house.see(12, 1);
    assert_eq!(steps(&house.prove_under("newer header")), Vec::<&str>::new(), "the old one may be on its way");
    let out = house.progress(Lane::LightClient, refused("obsolete", Lasting::ForEver));
    assert_eq!((names(&out), steps(&out)), (vec!["payout_refused", "cleared"], vec!["pay_proven"]));
    assert_eq!(out.effects[0].id, pay_id_under(&slow_deposit(), Lane::LightClient, 2));
}

#[test]
fn the_large_transfer_delay_does_not_begin_anew_with_another_proof() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    let verified_at = house.transfer().verified_at;
    house.now += 5_000;
    house.progress(Lane::LightClient, refused("EpochExpired", Lasting::WithThisProof));
    house.finalize(21);
    house.prove_under("newer header");
    assert_eq!(house.transfer().verified_at, verified_at);
}

#[test]
fn a_settlement_whose_proof_is_refused_is_proven_again_and_settled_under_another_id() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Finalized { tx: tx(1) });
    let old = house.prove().effects.remove(0).effect;
    let out = house.settle(refused("DisputedCheckpoint", Lasting::WithThisProof));
    assert_eq!(names(&out), ["proof_refused"]);
    assert!(matches!(house.may(&old), Err(Blocked::Later(_))));
    house.finalize(21);
    let out = house.prove_under("newer header");
    assert_eq!(steps(&out), ["settle"]);
    assert!(matches!(house.may(&old), Err(Blocked::Obsolete(_))));
    let id = settle_id_under(&deposit(), 2);
    assert_eq!(out.effects[0].id, id);
    house.tell(Input::Progress(id, Progress::Finalized { tx: tx(2) }));
    assert_eq!(*house.status(), Status::Settled { payout: tx(1), tx: tx(2) });
}

#[test]
fn a_late_refusal_of_a_settlement_does_not_touch_the_payout_that_took_its_proof_over() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    assert_eq!(steps(&house.prove()), ["settle"]);
    house.progress(Lane::Fast, Progress::Reorged);
    let out = house.progress(Lane::Fast, refused("OverExposure", Lasting::ForNow));
    assert_eq!(steps(&out), ["pay_proven"]);
    let late = house.settle(refused("CheckpointTooOld", Lasting::WithThisProof));
    assert!(late.is_empty(), "{:?}", names(&late));
    assert_eq!(house.transfer().payout.as_ref().map(|payout| payout.lane), Some(Lane::LightClient));
}

#[test]
fn a_strangers_fast_claim_after_ours_was_given_up_is_taken_over_and_settled() {
    let mut house = given_up_house();
    let out = house.progress(Lane::LightClient, paid_by(Lane::Fast));
    assert_eq!(names(&out), ["payout_refused", "cleared", "executed", "payout_final"]);
    assert_eq!((steps(&out), risks(&out)), (vec!["close_overdue", "settle"], vec!["returned", "cleared", "paid"]));
    assert_eq!(house.exposure(), house.deposit.amount, "it counts against the cap until it is settled");
    house.settle(Progress::Finalized { tx: tx(2) });
    assert_eq!(house.status().name(), "settled");
}

#[test]
fn a_strangers_fast_claim_of_a_deposit_that_vanishes_is_a_shortfall_and_pauses_the_lane() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, refused("OverExposure", Lasting::ForNow));
    house.progress(Lane::Fast, paid_by(Lane::Fast));
    house.reorg(10, 0);
    let out = house.finalize(10);
    assert_eq!((names(&out), steps(&out)), (vec!["shortfall"], vec!["pause"]));
}

#[test]
fn a_strangers_claim_with_proof_ends_a_fast_payout_under_way() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    let out = house.progress(Lane::Fast, paid_by(Lane::LightClient));
    assert_eq!(names(&out), ["payout_refused", "cleared", "executed", "payout_final"]);
    assert_eq!(house.status().name(), "final");
    let available = house.risk.available(&source(), &house.deposit.asset);
    assert!(available.is_zero(), "its own lock is released, nobody else's: {available}");
}

#[test]
fn our_own_payout_reported_as_someone_elses_is_final_all_the_same() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    house.progress(Lane::LightClient, Progress::Included { tx: tx(1) });
    let out = house.progress(Lane::LightClient, paid_by(Lane::LightClient));
    assert_eq!((names(&out), risks(&out)), (vec!["payout_final"], vec!["paid", "closed"]));
    assert_eq!(house.status().name(), "final");
}

#[test]
fn two_payments_on_two_lanes_call_an_operator() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    house.progress(Lane::LightClient, Progress::Included { tx: tx(1) });
    assert_eq!(names(&house.progress(Lane::LightClient, paid_by(Lane::Fast)))[0], "quarantined");
}

#[test]
fn a_broadcast_payout_refused_for_ever_after_its_expiry_ends_as_expired() {
    for lasting in [Lasting::WithThisProof, Lasting::ForEver] {
        let mut house = House::new(slow_deposit());
        house.see(10, 0);
        house.prove();
        house.progress(Lane::LightClient, Progress::Broadcast { tx: tx(1) });
        house.now = EXPIRY + 1;
        let out = house.progress(Lane::LightClient, refused("DepositExpired", lasting));
        assert_eq!((names(&out), steps(&out)), (vec!["payout_refused", "held"], vec!["confirm_unpaid"]));
        house.confirm(unpaid());
        assert_eq!(*house.status(), Status::Rejected { reason: Reason::Expired { expiry: EXPIRY } });
    }
}

#[test]
fn an_expired_deposit_that_a_stranger_had_paid_is_settled_and_not_rejected() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, refused("OverExposure", Lasting::ForNow));
    house.pause(Scope::Global);
    house.prove();
    house.now = EXPIRY + 1;
    assert_eq!(steps(&house.tell(Input::Tick)), ["confirm_unpaid"]);
    let out = house.confirm(paid_by(Lane::Fast));
    assert_eq!(steps(&out), ["close_overdue", "settle"]);
    house.settle(Progress::Finalized { tx: tx(2) });
    assert_eq!(house.status().name(), "settled");
}

#[test]
fn only_the_confirmation_ends_an_expired_deposit() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.now = EXPIRY + 1;
    house.tell(Input::Tick);
    let others =
        [pay_id(&house.deposit, Lane::Fast), pay_id(&house.deposit, Lane::LightClient), settle_id(&house.deposit)];
    for id in others.into_iter().chain([EffectId(Default::default())]) {
        house.tell(Input::Progress(id, unpaid()));
        assert!(!house.status().is_terminal());
    }
    assert!(house.confirm(refused("node is behind", Lasting::ForNow)).is_empty());
    house.confirm(unpaid());
    assert!(house.status().is_terminal());
}

#[test]
fn a_confirmation_waits_while_a_payout_is_in_somebodys_hands() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    house.now = EXPIRY + 1;
    let confirm = Effect::ConfirmUnpaid { deposit: house.deposit.clone() };
    assert!(matches!(house.may(&confirm), Err(Blocked::Later(_))));
    assert!(house.confirm(unpaid()).is_empty());
}

#[test]
fn a_reverted_batch_leaves_a_fast_payout_issued() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    assert!(house.progress(Lane::Fast, Progress::Reverted).is_empty(), "a neighbour's fault closes no lane");
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(2) });
    house.progress(Lane::Fast, Progress::Included { tx: tx(2) });
    assert_eq!(steps(&house.prove()), ["settle"]);
    assert_eq!(names(&house.progress(Lane::Fast, Progress::Reverted)), ["payout_reorged"]);
}

#[test]
fn a_payout_whose_transaction_reverted_is_not_sent_again_once_its_deposit_is_gone() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    let pay = house.attest().effects.remove(0).effect;
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    house.progress(Lane::Fast, Progress::Reverted);
    house.reorg(10, 0);
    assert!(matches!(house.may(&pay), Err(Blocked::Obsolete(_))));
    assert_eq!(names(&house.finalize(10)), ["shortfall"]);
    house.see(12, 1);
    assert!(matches!(house.may(&pay), Err(Blocked::Obsolete(_))));
    let out = house.progress(Lane::Fast, refused("its deposit is gone", Lasting::ForEver));
    assert_eq!((names(&out), risks(&out)), (vec!["fast_refused"], vec!["returned"]));
    assert_eq!(*house.status(), Status::Observed, "no loss, and the other lane is open");
    assert_eq!(steps(&house.prove()), ["pay_proven"]);
}

#[test]
fn a_proven_payout_refused_while_its_deposit_is_gone_waits_for_another_proof() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    house.progress(Lane::LightClient, Progress::Broadcast { tx: tx(1) });
    house.reorg(10, 0);
    let out = house.progress(Lane::LightClient, refused("its deposit is gone", Lasting::ForEver));
    assert_eq!(names(&out), ["payout_refused", "proof_refused"]);
    assert_eq!(house.status().name(), "reorged");
    house.see(12, 1);
    assert_eq!(steps(&house.prove_under("newer header")), ["pay_proven"]);
}

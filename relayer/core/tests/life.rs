//! The transfer's life on both lanes, and every side state, as sentences.

mod common;

use alloy_primitives::U256;
use common::*;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Effect, Event, Input, PayoutStage, Status};
use spandrel_risk::{Lane, Limit, Limits, Reason, Scope};
use spandrel_verifiers::{Deposit, LanePreference};

fn proven_house() -> House {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    house
}

/// A fast payout that stands in a block of the destination, its deposit not final yet.
fn fast_paid_house() -> House {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    house
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
    assert_eq!((names(&out), steps(&out)), (vec!["payout_final"], vec![]));
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
    assert_eq!(names(&out), ["payout_final"]);
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
fn what_this_bridge_does_not_serve_is_rejected_at_once_with_its_reason() {
    let wrong = [
        ("version", Deposit { version: 2, ..deposit() }),
        ("source_chain", Deposit { source_chain: destination(), ..deposit() }),
        ("source_bridge", Deposit { source_bridge: Default::default(), ..deposit() }),
        ("destination_chain", Deposit { destination_chain: source(), ..deposit() }),
        ("destination_bridge", Deposit { destination_bridge: Default::default(), ..deposit() }),
    ];
    for (expected, deposit) in wrong {
        let mut house = House::new(deposit);
        let out = house.see(10, 0);
        assert_eq!(names(&out), ["observed", "rejected"], "{expected}");
        let Status::Rejected { reason: Reason::Mismatch { field, .. } } = house.status() else { panic!("{expected}") };
        assert_eq!(field, expected);
        assert!(house.finalize(20).is_empty());
    }
}

#[test]
fn what_nobody_set_a_limit_for_and_what_is_dust_is_rejected_when_it_is_seen() {
    let mut house = House::new(deposit());
    house.policy.risk.limits.clear();
    assert_eq!(names(&house.see(10, 0)), ["observed", "rejected"]);
    assert_eq!(*house.status(), Status::Rejected { reason: Reason::Unknown });
    let dust = |dust: u64| Limits { dust: U256::from(dust), ..open() };
    let mut house = House::under(policy(dust(7), dust(6)), deposit());
    house.see(10, 0);
    let reason = Reason::Dust { minimum: U256::from(6), amount: U256::from(5) };
    assert_eq!(*house.status(), Status::Rejected { reason });
    let mut house = House::under(policy(dust(7), dust(5)), deposit());
    house.see(10, 0);
    assert_eq!(*house.status(), Status::Observed, "too little for one lane only");
}

#[test]
fn a_held_transfer_goes_on_when_the_pause_ends_and_not_before() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.pause(Scope::Global);
    let out = house.prove();
    assert_eq!((names(&out), steps(&out)), (vec!["verified", "held"], vec![]));
    house.now += 599;
    assert!(house.tell(Input::Tick).is_empty(), "held for the same reason is no news");
    house.now += 1;
    let out = house.tell(Input::Tick);
    assert_eq!((names(&out), steps(&out), risks(&out)), (vec!["cleared"], vec!["pay_proven"], vec!["cleared"]));
}

#[test]
fn a_large_transfer_is_held_until_its_delay_is_over() {
    let proven = Limits { large_from: Limit::Amount(U256::from(5)), large_delay: 3_600, ..open() };
    let mut house = House::under(policy(open(), proven), slow_deposit());
    house.see(10, 0);
    house.now += 50;
    house.prove();
    let until = Some(NOW + 50 + 3_600);
    assert_eq!(*house.status(), Status::Held { reason: Reason::LargeTransfer { from: U256::from(5) }, until });
    house.now += 3_599;
    assert!(house.tell(Input::Tick).is_empty());
    house.now += 1;
    assert_eq!(steps(&house.tell(Input::Tick)), ["pay_proven"]);
}

#[test]
fn a_limit_that_is_removed_later_rejects_what_is_proven_afterwards() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.policy.risk.limits.clear();
    house.prove();
    assert_eq!(*house.status(), Status::Rejected { reason: Reason::Unknown });
}

#[test]
fn what_expires_unpaid_ends() {
    for prove in [false, true] {
        let mut house = House::new(slow_deposit());
        house.see(10, 0);
        house.pause(Scope::Global);
        if prove {
            house.prove();
        }
        house.now = EXPIRY;
        if !prove {
            assert!(house.tell(Input::Tick).is_empty(), "the last second is not too late");
        }
        house.now = EXPIRY + 1;
        let out = house.tell(Input::Tick);
        assert_eq!((names(&out), steps(&out)), (vec!["held"], vec!["confirm_unpaid"]));
        assert!(house.tell(Input::Tick).is_empty(), "asked once");
        assert_eq!(house.may(&out.effects[0].effect), Ok(()));
        house.confirm(unpaid());
        assert_eq!(*house.status(), Status::Rejected { reason: Reason::Expired { expiry: EXPIRY } });
    }
}

#[test]
fn what_may_have_been_paid_does_not_expire_by_itself() {
    let mut house = proven_house();
    house.now = EXPIRY + 1;
    assert!(house.tell(Input::Tick).is_empty());
    let Err(Blocked::Obsolete(_)) = house.may(&pay_effect(&house)) else { panic!("must not be sent any more") };
    let refused = Progress::Refused { reason: "expired".into(), lasting: Lasting::ForEver };
    let out = house.progress(Lane::LightClient, refused);
    assert_eq!((names(&out), steps(&out)), (vec!["payout_refused", "held"], vec!["confirm_unpaid"]));
    assert_eq!(risks(&out), ["returned"]);
    house.confirm(unpaid());
    assert_eq!(*house.status(), Status::Rejected { reason: Reason::Expired { expiry: EXPIRY } });
}

fn pay_effect(house: &House) -> Effect {
    let transfer = house.transfer();
    Effect::PayProven {
        deposit: transfer.deposit.clone(),
        evidence: transfer.evidence.clone().unwrap(),
        checkpoint: transfer.checkpoint.clone().unwrap(),
    }
}

fn fast_effect(house: &House) -> Effect {
    let transfer = house.transfer();
    let attestation = Attesting::default().of(&transfer.deposit);
    Effect::PayFast { deposit: transfer.deposit.clone(), attestation }
}

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
fn a_payout_refused_and_found_in_a_block_after_all_is_charged_and_settled() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Refused { reason: "simulation".into(), lasting: Lasting::ForEver });
    let out = house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    assert_eq!((names(&out), risks(&out)), (vec!["cleared", "executed"], vec!["cleared"]));
    assert_eq!(steps(&house.prove()), ["settle"]);
}

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
fn a_paid_deposit_mined_again_before_finality_just_goes_on() {
    let mut house = fast_paid_house();
    house.reorg(10, 0);
    house.see(10, 1);
    assert_eq!(*house.status(), Status::Executed { lane: Lane::Fast, tx: tx(1) });
    assert_eq!(steps(&house.prove()), ["settle"]);
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
fn an_unknown_transfer_begins_only_when_it_is_seen() {
    let mut house = House::new(deposit());
    for input in [Input::Tick, Input::Requeue, Input::SourceFinal(block(1, 0)), Input::Broken("x".into())] {
        assert!(house.tell(input).is_empty());
    }
    assert!(house.transfer.is_none());
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

#[test]
fn a_given_back_payout_that_may_be_on_its_way_keeps_its_transfer_from_expiring() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.reorg(10, 0);
    house.now = EXPIRY + 1;
    assert!(house.tell(Input::Tick).is_empty(), "it may have been sent");
    house.progress(Lane::Fast, Progress::Refused { reason: "obsolete".into(), lasting: Lasting::ForEver });
    house.tell(Input::Tick);
    house.confirm(unpaid());
    assert_eq!(*house.status(), Status::Rejected { reason: Reason::Expired { expiry: EXPIRY } });
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

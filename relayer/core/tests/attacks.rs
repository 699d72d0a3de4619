//! Forged, replayed and misplaced signatures; logs that talk payouts into being.

mod common;

use alloy_primitives::{Address, B256, U256};
use common::*;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Event, FastAttestation, Input, Refusal, Status, Transfer};
use spandrel_risk::Lane;
use spandrel_verifiers::{Checkpoint, Deposit, SignedVerdict, VerdictDomain};

/// A deposit with evidence, waiting for verdicts.
fn waiting() -> House {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.finalize(10);
    let built = evidence(&house.deposit, "header");
    house.tell(Input::EvidenceBuilt(built));
    house
}

fn refused(house: &mut House, verdicts: Vec<SignedVerdict>) -> String {
    let before = house.transfer.clone();
    let Err(Refusal::Verdict(error)) = house.try_tell(&Input::Verdicts(verdicts)) else { panic!("must be refused") };
    assert_eq!(house.transfer, before);
    error.field
}

fn by(n: usize, epoch: u64, domain: VerdictDomain) -> SignedVerdict {
    verdict_for(n, slow_deposit().id(), &checkpoint("header"), epoch, &domain)
}

#[test]
fn one_verdict_is_no_quorum_and_the_same_verifier_twice_is_one() {
    let mut house = waiting();
    let deposit = house.deposit.clone();
    assert!(house.tell(verdicts(&[], &deposit, "header")).is_empty());
    assert!(house.tell(verdicts(&[0], &deposit, "header")).is_empty());
    assert!(house.tell(verdicts(&[0, 0, 0], &deposit, "header")).is_empty());
    assert!(house.tell(verdicts(&[1], &deposit, "header")).is_empty(), "verdicts are not added up over inputs");
    assert_eq!(steps(&house.tell(verdicts(&[0, 1], &deposit, "header"))), ["pay_proven"]);
}

#[test]
fn a_strangers_verdict_does_not_count() {
    let mut house = waiting();
    let pair = vec![by(0, EPOCH, domain()), by(3, EPOCH, domain())];
    assert_eq!(refused(&mut house, pair), "signature");
}

#[test]
fn one_bad_verdict_does_not_spoil_a_quorum() {
    let mut house = waiting();
    let mixed =
        vec![by(3, EPOCH, domain()), by(0, EPOCH, domain()), by(2, EPOCH + 1, domain()), by(1, EPOCH, domain())];
    let out = house.tell(Input::Verdicts(mixed));
    let Some(Event::Verified { checkpoint, verdicts }) = out.events.first() else { panic!("{out:?}") };
    assert_eq!((checkpoint.signatures.len(), verdicts.len()), (2, 2));
}

#[test]
fn verdicts_on_different_blocks_are_no_quorum() {
    let mut house = waiting();
    let other = Checkpoint { height: 11, ..checkpoint("header") };
    let split = vec![by(0, EPOCH, domain()), verdict_for(1, house.deposit.id(), &other, EPOCH, &domain())];
    assert!(house.tell(Input::Verdicts(split)).is_empty());
    let later = Checkpoint { time: NOW + 1, ..checkpoint("header") };
    let split = vec![by(0, EPOCH, domain()), verdict_for(1, house.deposit.id(), &later, EPOCH, &domain())];
    assert!(house.tell(Input::Verdicts(split)).is_empty());
}

#[test]
fn verdicts_for_another_destination_contract_epoch_deposit_or_chain_are_void() {
    let mut house = waiting();
    let pair = |make: &dyn Fn(usize) -> SignedVerdict| vec![make(0), make(1)];
    let other_chain = VerdictDomain { chain_number: 10, ..domain() };
    let other_inbox = VerdictDomain { inbox: Address::repeat_byte(1), ..domain() };
    let other_registry = VerdictDomain { registry: Address::repeat_byte(1), ..domain() };
    for domain in [other_chain, other_inbox, other_registry] {
        refused(&mut house, pair(&|n| by(n, EPOCH, domain)));
    }
    assert_eq!(refused(&mut house, pair(&|n| by(n, EPOCH - 1, domain()))), "verdict.epoch");
    let other = Deposit { amount: U256::from(500), ..slow_deposit() };
    assert_eq!(refused(&mut house, pair(&|n| verdict(n, &other, "header"))), "verdict.deposit_id");
    let elsewhere = Checkpoint { chain: destination(), ..checkpoint("header") };
    let id = house.deposit.id();
    let strange = pair(&|n| verdict_for(n, id, &elsewhere, EPOCH, &domain()));
    assert_eq!(refused(&mut house, strange), "checkpoint.chain");
}

#[test]
fn a_quorum_on_a_block_that_the_evidence_is_not_of_is_refused() {
    let mut house = waiting();
    let id = house.deposit.id();
    let other = |n| verdict_for(n, id, &checkpoint("another header"), EPOCH, &domain());
    assert_eq!(refused(&mut house, vec![other(0), other(1)]), "checkpoint.root");
}

/// The destination would not take it: the block is signed as deep as a smaller deposit needs.
#[test]
fn a_quorum_on_a_block_that_is_not_deep_enough_for_the_amount_is_refused() {
    let mut house = waiting();
    let (id, amount) = (house.deposit.id(), house.deposit.amount.to::<u64>());
    let up_to = |up_to| {
        let checkpoint = Checkpoint { up_to, ..checkpoint("header") };
        vec![verdict_for(0, id, &checkpoint, EPOCH, &domain()), verdict_for(1, id, &checkpoint, EPOCH, &domain())]
    };
    assert_eq!(refused(&mut house, up_to(amount - 1)), "checkpoint.up_to");
    let out = house.tell(Input::Verdicts(up_to(amount)));
    assert!(matches!(out.events.first(), Some(Event::Verified { .. })), "{out:?}");
}

#[test]
fn a_verdict_with_anothers_checkpoint_signature_is_refused() {
    let mut house = waiting();
    let mixed =
        SignedVerdict { checkpoint_signature: by(1, EPOCH, domain()).checkpoint_signature, ..by(0, EPOCH, domain()) };
    assert_eq!(refused(&mut house, vec![mixed, by(2, EPOCH, domain())]), "checkpoint_signature");
}

#[test]
fn a_verdicts_tampered_content_voids_its_signature() {
    let mut house = waiting();
    let mut tampered = vec![by(0, EPOCH, domain()), by(1, EPOCH, domain())];
    for signed in &mut tampered {
        signed.verdict.checkpoint.height += 1;
    }
    refused(&mut house, tampered);
}

#[test]
fn verdicts_before_evidence_count_for_nothing() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    let deposit = house.deposit.clone();
    assert!(house.tell(verdicts(&[0, 1, 2], &deposit, "header")).is_empty());
}

#[test]
fn evidence_of_another_deposit_is_refused() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.finalize(10);
    let other = Deposit { recipient: B256::repeat_byte(0xee), ..slow_deposit() };
    let refusal = house.try_tell(&Input::EvidenceBuilt(evidence(&other, "header"))).unwrap_err();
    assert!(matches!(refusal, Refusal::Evidence(_)));
}

#[test]
fn another_deposit_is_not_seen_as_this_one() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.reorg(10, 0);
    let other = Deposit { amount: U256::from(500), ..deposit() };
    let refusal = house.try_tell(&Input::Seen(seen(&other, block(11, 0)))).unwrap_err();
    assert_eq!(refusal, Refusal::WrongDeposit { expected: deposit().id(), found: other.id() });
}

fn attestation_refused(attestation: FastAttestation) -> String {
    let mut house = House::new(deposit());
    house.see(10, 0);
    let Err(Refusal::Attestation(error)) = house.try_tell(&Input::Attested(attestation)) else {
        panic!("must be refused")
    };
    assert_eq!(*house.status(), Status::Observed);
    assert_eq!(house.exposure(), U256::ZERO);
    error.field
}

#[test]
fn an_attestation_needs_a_threshold_of_distinct_members_in_order() {
    let by = |by: &[usize]| attestation_refused(Attesting { by: by.to_vec(), ..Attesting::default() }.of(&deposit()));
    assert_eq!(by(&[]), "signatures");
    assert_eq!(by(&[1]), "signatures");
    assert_eq!(by(&[1, 1]), "signatures");
    assert_eq!(by(&[1, 0]), "signatures");
    assert_eq!(by(&[0, 3]), "signature");
    assert_eq!(by(&[0, 1, 3]), "signature");
    let mut house = House::new(deposit());
    house.see(10, 0);
    let all = Attesting { by: vec![0, 1, 2], ..Attesting::default() }.of(&deposit());
    assert_eq!(steps(&house.tell(Input::Attested(all))), ["pay_fast"]);
}

#[test]
fn an_attestation_for_another_chain_contract_epoch_or_time_is_void() {
    let of = |attesting: Attesting| attestation_refused(attesting.of(&deposit()));
    assert_eq!(of(Attesting { chain: 10, ..Attesting::default() }), "signature");
    assert_eq!(of(Attesting { contract: Address::repeat_byte(1), ..Attesting::default() }), "signature");
    assert_eq!(of(Attesting { epoch: EPOCH - 1, ..Attesting::default() }), "batch.epoch");
    assert_eq!(of(Attesting { epoch: EPOCH + 1, ..Attesting::default() }), "batch.epoch");
    assert_eq!(of(Attesting { expiry: NOW - 1, ..Attesting::default() }), "batch.expiry");
}

#[test]
fn an_attestation_of_another_deposit_or_place_is_void() {
    let other = Deposit { amount: U256::from(500), ..deposit() };
    assert_eq!(attestation_refused(Attesting::default().of(&other)), "batch.root");
    let good = Attesting::default().of(&deposit());
    assert_eq!(attestation_refused(FastAttestation { index: 0, ..good.clone() }), "batch.root");
    assert_eq!(attestation_refused(FastAttestation { index: 3, ..good.clone() }), "batch.index");
    assert_eq!(attestation_refused(FastAttestation { path: vec![], ..good.clone() }), "batch.path");
    let mut tampered = good.clone();
    tampered.batch.count = 4;
    assert!(!attestation_refused(tampered).is_empty());
    let mut tampered = good;
    tampered.batch.expiry += 1;
    assert_eq!(attestation_refused(tampered), "signature");
}

#[test]
fn a_high_s_signature_is_refused() {
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse::<B256>().unwrap();
    let mut attestation = Attesting::default().of(&deposit());
    let low = attestation.signatures[0];
    let high_s = U256::from_be_bytes(order.0) - low.s();
    attestation.signatures[0] = alloy_primitives::Signature::new(low.r(), high_s, !low.v());
    assert_eq!(attestation_refused(attestation), "signature.s");
}

#[test]
fn an_attestation_of_a_deposit_that_is_gone_pays_nothing() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.reorg(10, 0);
    assert!(house.attest().is_empty());
}

#[test]
fn an_attestation_twice_pays_once() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    assert_eq!(steps(&house.attest()), ["pay_fast"]);
    assert!(house.attest().is_empty());
    house.progress(Lane::Fast, Progress::Refused { reason: "x".into(), lasting: Lasting::ForEver });
    assert!(house.attest().is_empty(), "the lane is closed for it");
}

#[test]
fn a_payout_found_on_chain_that_was_never_issued_stops_the_transfer() {
    for lane in [Lane::Fast, Lane::LightClient] {
        let mut house = House::new(slow_deposit());
        house.see(10, 0);
        let out = house.progress(lane, Progress::Included { tx: tx(1) });
        assert_eq!(names(&out), ["quarantined"]);
        assert_eq!(names(&house.prove()), ["verified"], "nothing more is paid");
    }
}

#[test]
fn a_log_cannot_pay_by_both_lanes() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.reorg(10, 0);
    let id = house.deposit.id();
    let both = Transfer::fold(house.transfer.clone(), id, &Event::Cleared { lane: Lane::LightClient }, NOW);
    assert!(both.unwrap_err().to_string().contains("none issued on the other lane"));
}

#[test]
fn a_log_that_does_not_begin_with_its_deposit_does_not_fold() {
    let id = deposit().id();
    assert!(Transfer::fold(None, id, &Event::Cleared { lane: Lane::Fast }, NOW).is_err());
    let other = Deposit { amount: U256::from(500), ..deposit() };
    assert!(Transfer::fold(None, id, &Event::Observed { seen: seen(&other, block(1, 0)) }, NOW).is_err());
}

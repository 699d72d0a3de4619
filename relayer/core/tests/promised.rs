//! A fast payment that its destination delays: owed from its claim on, whatever is held or paused here until it is paid.

mod common;

use alloy_primitives::U256;
use common::*;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Effect, PayoutStage, Status, Transfer, TxRef};
use spandrel_risk::{Lane, Limits, Scope};

const LATER: u64 = NOW + 40_000;

fn promise(n: u8) -> Progress {
    Progress::Promised { tx: tx(n), until: LATER }
}

fn refused(lasting: Lasting) -> Progress {
    Progress::Refused { reason: "no".into(), lasting }
}

/// Attested, claimed by our own transaction, and delayed.
fn promised(house: &mut House) -> Effect {
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    let out = house.progress(Lane::Fast, promise(1));
    assert_eq!((names(&out), steps(&out)), (vec!["promised"], vec!["close_overdue"]));
    out.effects[0].effect.clone()
}

/// M's deposit of a size that is delayed on both chains and held here, and a pause as long as guardians may.
#[test]
fn a_promise_is_settled_as_soon_as_it_is_proven_whatever_is_held_or_paused() {
    let slow = Limits { large_from: spandrel_risk::Limit::CLOSED, large_delay: 90_000, ..open() };
    let mut house = House::under(policy(open(), slow), deposit());
    let overdue = promised(&mut house);
    house.pause(Scope::Global);
    assert!(house.may(&overdue).is_ok(), "nobody else need close the lane over it");
    let out = house.prove();
    assert!(names(&out).ends_with(&["verified"]), "nothing holds it: {out:?}");
    assert_eq!(steps(&out), ["settle"]);
    assert!(house.may(&out.effects[0].effect).is_ok());
    let (deposit, attestation) = (house.deposit.clone(), house.transfer().attestation.clone().unwrap());
    let pay = Effect::PayFast { deposit, attestation };
    assert!(matches!(house.may(&pay), Err(Blocked::Later(_))), "it pays nothing under a pause");
}

#[test]
fn a_promise_is_an_exposure_until_its_proof_is_on_the_chain_and_ends_once_it_is_paid() {
    let mut house = House::new(deposit());
    promised(&mut house);
    for _ in 0..2 {
        let out = house.progress(Lane::Fast, refused(Lasting::ForNow));
        assert!(out.is_empty(), "not paid now, and owed all the same: {out:?}");
        assert!(house.progress(Lane::Fast, promise(1)).is_empty(), "told once");
        assert!(house.progress(Lane::Fast, Progress::Broadcast { tx: tx(9) }).is_empty());
    }
    assert_eq!((house.exposure(), house.window(Lane::Fast)), (U256::from(5), U256::from(5)));
    house.prove();
    assert_eq!(house.exposure(), U256::from(5), "proven, and not yet there");
    let out = house.settle(promise(2));
    assert_eq!((names(&out), risks(&out)), (vec!["promise_proven"], vec!["settled"]));
    assert_eq!(house.exposure(), U256::ZERO);
    assert!(house.settle(promise(2)).is_empty(), "told once");
    assert!(house.progress(Lane::Fast, promise(1)).is_empty());
    assert!(!house.status().is_terminal(), "the recipient has nothing yet");
    let out = house.progress(Lane::Fast, Progress::PaidElsewhere { lane: Lane::Fast });
    assert_eq!(names(&out), ["executed", "payout_final"]);
    let zero = TxRef { hash: Default::default(), gas_used: None, ..tx(0) };
    house.settle(Progress::Finalized { tx: tx(2) });
    assert_eq!(*house.status(), Status::Settled { payout: zero, tx: tx(2) });
}

#[test]
fn what_another_had_promised_gives_way_as_what_another_had_paid() {
    let mut house = House::new(slow_deposit());
    house.deposit.lane = deposit().lane;
    house.see(10, 0);
    house.tell(spandrel_core::Input::AttestationRefused("no".into()));
    house.prove();
    assert!(house.transfer().is_issued_on(Lane::LightClient));
    let out = house.progress(Lane::LightClient, promise(0));
    assert_eq!(names(&out), ["payout_refused", "cleared", "promised"]);
    assert_eq!(steps(&out), ["close_overdue", "settle"]);
    assert_eq!(house.exposure(), U256::from(5));
    assert!(house.transfer().is_issued_on(Lane::Fast));
}

/// What is dropped, or was never taken on by the branch that stands, is proven, and paid by its proof where it can be.
#[test]
fn a_promise_that_its_destination_gives_up_opens_the_way_of_its_proof_again() {
    for (lasting, is_told_by_settlement) in
        [(Lasting::ForEver, false), (Lasting::WithThisProof, false), (Lasting::ForEver, true)]
    {
        let mut house = House::new(deposit());
        promised(&mut house);
        house.prove();
        let out = match is_told_by_settlement {
            true => house.settle(refused(lasting)),
            false => house.progress(Lane::Fast, refused(lasting)),
        };
        assert_eq!((names(&out), steps(&out)), (vec!["fast_refused", "cleared"], vec!["pay_proven"]), "{lasting:?}");
        assert_eq!(risks(&out), ["returned", "cleared"]);
        assert_eq!(house.exposure(), U256::ZERO);
    }
}

/// The root under which it was settled may be disputed while it waits.
#[test]
fn a_promise_whose_proof_is_distrusted_is_proven_again() {
    let mut house = House::new(deposit());
    promised(&mut house);
    house.prove();
    house.settle(promise(2));
    let out = house.settle(refused(Lasting::WithThisProof));
    assert_eq!(names(&out), ["proof_refused"]);
    let out = house.prove_under("newer");
    assert_eq!(steps(&out), ["settle"]);
    assert_eq!(out.effects[0].id, settle_id_under(&house.deposit, 2));
}

#[test]
fn a_promise_whose_deposit_is_gone_is_a_shortfall_and_stays_owed() {
    let mut house = House::new(deposit());
    let overdue = promised(&mut house);
    house.reorg(10, 0);
    let out = house.finalize(10);
    assert_eq!((names(&out), risks(&out)), (vec!["shortfall"], vec!["shortfall", "paused"]));
    let (deposit, attestation) = (house.deposit.clone(), house.transfer().attestation.clone().unwrap());
    assert!(matches!(house.may(&Effect::PayFast { deposit, attestation }), Err(Blocked::Later(_))));
    assert!(house.may(&overdue).is_ok());
    assert_eq!(house.exposure(), U256::from(5));
}

/// Ledgers without promises mean what they meant, and those with them fold to the same.
#[test]
fn a_log_with_promises_folds_to_its_transfer_and_reads_back() {
    let mut house = House::new(deposit());
    promised(&mut house);
    house.prove();
    house.settle(promise(2));
    let fold = |previous: Option<Transfer>, (event, at): &(spandrel_core::Event, u64)| {
        let event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
        Some(Transfer::fold(previous, house.deposit.id(), &event, *at).unwrap())
    };
    let folded = house.log.iter().fold(None, fold).unwrap();
    assert_eq!(&folded, house.transfer());
    assert_eq!(folded.payout.unwrap().stage, PayoutStage::PromiseProven);
}

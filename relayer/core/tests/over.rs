//! Where a transfer ends the risk state forgets it, and what is said of it afterwards is heard by nobody.

mod common;

use alloy_primitives::{U256, U512};
use common::*;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Event, Input, Status};
use spandrel_risk::{Decision, Lane, Reason, RiskEvent, RiskState, assess};
use spandrel_verifiers::{Deposit, LanePreference};

fn settled_house(deposit: Deposit, risk: RiskState, now: u64) -> House {
    let mut house = House { risk, now, ..House::new(deposit) };
    house.see(10, 0);
    let attestation = Attesting { expiry: now + 1_000, ..Attesting::default() }.of(&house.deposit);
    house.tell(Input::Attested(attestation));
    house.progress(Lane::Fast, Progress::Finalized { tx: tx(1) });
    house.prove();
    house.settle(Progress::Finalized { tx: tx(2) });
    assert_eq!(house.status().name(), "settled");
    house
}

fn final_house(deposit: Deposit, risk: RiskState, now: u64) -> House {
    let mut house = House { risk, now, ..House::new(deposit) };
    house.see(10, 0);
    house.prove();
    house.progress(Lane::LightClient, Progress::Finalized { tx: tx(1) });
    assert_eq!(house.status().name(), "final");
    house
}

/// Proven, and never paid: nobody had it paid before it expired.
fn expired_house(deposit: Deposit, risk: RiskState, now: u64) -> House {
    let mut house = House { risk, now, ..House::new(deposit) };
    house.see(10, 0);
    house.prove();
    house.progress(Lane::LightClient, Progress::Broadcast { tx: tx(1) });
    house.now = house.deposit.expiry + 1;
    house.progress(Lane::LightClient, Progress::Refused { reason: "DepositExpired".into(), lasting: Lasting::ForEver });
    house.confirm(unpaid());
    assert!(matches!(house.status(), Status::Rejected { reason: Reason::Expired { .. } }));
    house
}

/// Everything that may come late: reports of every effect, a deposit seen again, its block replaced, proofs.
fn late(house: &House) -> Vec<Input> {
    let deposit = &house.deposit;
    let ids = [pay_id(deposit, Lane::Fast), pay_id(deposit, Lane::LightClient), settle_id(deposit)];
    let reports = [
        Progress::Broadcast { tx: tx(9) },
        Progress::Included { tx: tx(9) },
        Progress::Finalized { tx: tx(9) },
        Progress::PaidElsewhere { lane: Lane::Fast },
        Progress::PaidElsewhere { lane: Lane::LightClient },
        Progress::Reorged,
        Progress::Reverted,
        unpaid(),
    ];
    let mut inputs: Vec<Input> = ids
        .into_iter()
        .chain([confirmation_id(deposit)])
        .flat_map(|id| reports.clone().map(|report| Input::Progress(id, report)))
        .collect();
    inputs.extend([
        Input::SourceReorged { ancestor: block(9, 0), dropped: vec![block(10, 0).hash] },
        Input::Seen(seen(deposit, block(12, 1))),
        Input::SourceFinal(block(30, 1)),
        Input::EvidenceBuilt(evidence(deposit, "newer header")),
        verdicts(&[0, 1, 2], deposit, "newer header"),
        Input::Attested(Attesting::default().of(deposit)),
        Input::Tick,
        Input::Broken("late".into()),
        Input::Requeue,
    ]);
    inputs
}

#[test]
fn a_late_report_of_a_closed_transfer_neither_reopens_it_nor_is_counted() {
    let ends = [settled_house, final_house, expired_house].map(|live| live(deposit_of(1), RiskState::default(), NOW));
    for mut house in ends {
        assert!(matches!(house.risk_log.last(), Some(RiskEvent::Closed { .. })), "{:?}", house.risk_log);
        let (risk, transfer, told) = (house.risk.clone(), house.transfer.clone(), house.risk_log.len());
        for input in late(&house) {
            assert!(house.tell(input.clone()).is_empty(), "{input:?}");
        }
        assert_eq!((house.risk, house.transfer, house.risk_log.len()), (risk, transfer, told));
    }
}

/// Should the machine ever be told twice that a deposit was proven, cleared or given back after its end, as by an old
/// process that is still at work, the sums are the same and nothing of it can be paid.
#[test]
fn a_risk_event_that_comes_after_the_end_changes_no_sum_and_clears_nothing() {
    for house in [settled_house, final_house].map(|live| live(deposit_of(1), RiskState::default(), NOW)) {
        let (mut risk, log, deposit) = (house.risk.clone(), house.risk_log.clone(), house.deposit.clone());
        let sums = |risk: &RiskState| {
            let exposure = risk.exposure(&deposit.source_chain, &deposit.asset, &deposit.destination_chain);
            (risk.available(&deposit.source_chain, &deposit.asset), exposure)
        };
        let before = sums(&risk);
        assert_eq!(before, (U512::ZERO, U512::ZERO));
        for event in log.iter().chain([&RiskEvent::Returned { id: deposit.id() }]).chain(&log) {
            risk.apply(event, house.now);
            assert_eq!(sums(&risk), before, "{event:?}");
            for lane in [Lane::Fast, Lane::LightClient] {
                let decision = assess(&house.policy.risk, &risk, &deposit, lane, house.now, house.now);
                assert!(matches!(decision, Decision::Reject { reason: Reason::AlreadyCleared { .. } }), "{decision:?}");
            }
        }
    }
}

#[test]
fn what_never_came_to_the_risk_state_is_not_closed_there() {
    let mut house = House::new(Deposit { version: 2, ..deposit() });
    house.see(10, 0);
    assert_eq!(house.status().name(), "rejected");
    assert!(house.risk_log.is_empty());
}

#[test]
fn a_shortfall_is_no_end_and_stays_in_the_risk_state() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Finalized { tx: tx(1) });
    house.reorg(10, 0);
    house.finalize(20);
    assert!(house.log.iter().any(|(event, _)| matches!(event, Event::Shortfall)));
    house.now = EXPIRY + 1;
    house.tell(Input::Tick);
    assert!(house.risk.is_known(house.deposit.id()) && house.exposure() == house.deposit.amount);
}

fn deposit_of(n: u64) -> Deposit {
    Deposit { source_key: U256::from(n).into(), ..deposit() }
}

#[test]
fn the_risk_states_size_is_bounded_by_a_days_work_however_many_transfers_ended() {
    let (mut risk, mut sizes) = (RiskState::default(), Vec::new());
    for n in 0..180 {
        let now = NOW + n * 3_600;
        let deposit = Deposit { expiry: now + 3_000, ..deposit_of(n) };
        let proven = Deposit { lane: LanePreference::LightClient, ..deposit.clone() };
        let house = match n % 3 {
            0 => settled_house(deposit, risk, now),
            1 => final_house(proven, risk, now),
            _ => expired_house(proven, risk, now),
        };
        risk = house.risk;
        // The sizes of an asset's last thousand clearances are kept as well: bounded, and not reached here.
        let mut kept = serde_json::to_value(&risk).unwrap();
        kept["sums"]["sizes"] = serde_json::Value::Null;
        sizes.push(kept.to_string().len());
    }
    let most = |days: &[usize]| days.iter().copied().max().unwrap_or_default();
    let (early, late) = (most(&sizes[24..72]), most(&sizes[132..]));
    assert!(late <= early * 11 / 10, "{early} bytes after some days, {late} after a week");
}

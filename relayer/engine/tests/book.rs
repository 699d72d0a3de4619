//! The book: a decision that lost a race leaves no trace, and the gate is asked on what is stored now.

mod common;

use std::sync::Arc;

use alloy_primitives::B256;
use spandrel_core::ledger::{Commit, Ledger};
use spandrel_core::submission::{Lasting, Progress, SendGate};
use spandrel_core::{EffectId, Input};
use spandrel_engine::{Book, Change, EngineError, Silent};
use spandrel_risk::control::{ControlEvent, Outcome};
use spandrel_risk::{Agreement, Corridor, Direction, Lane, Limit, Limits, RiskEvent, RiskState, Scope};
use spandrel_store::Memory;

use common::{Later, NOW, cleared, deposit, destination, file, lost, policy, source};

async fn ledger() -> (Memory, EffectId) {
    let (commit, pay) = cleared();
    let ledger = Memory::new();
    ledger.commit(commit).await.unwrap();
    (ledger, pay)
}

async fn book(ledger: &Memory) -> Book<Memory, Later> {
    Book::open(ledger.clone(), Later::default(), policy(), Arc::new(Silent)).await.unwrap()
}

fn paused(scope: Scope) -> RiskEvent {
    RiskEvent::Paused { scope, until: NOW + 60, reason: "a drill".to_owned() }
}

#[tokio::test]
async fn a_pause_that_comes_after_a_simulation_closes_the_gate() {
    let (ledger, pay) = ledger().await;
    let (desk, other) = (book(&ledger).await, book(&ledger).await);
    assert!(desk.is_open(&[pay]).await.unwrap());
    assert!(!desk.is_open(&[pay, EffectId(B256::ZERO)]).await.unwrap(), "nobody asked for that");
    desk.record_risk(paused(Scope::Global)).await.unwrap();
    assert!(!desk.is_open(&[pay]).await.unwrap());
    assert!(!other.is_open(&[pay]).await.unwrap(), "another process asks the ledger before anything leaves it");
}

/// Decided and about to leave, on either chain of it; the other direction goes on.
#[tokio::test]
async fn a_paused_direction_closes_the_gate_for_what_goes_that_way_alone() {
    let at = |chain, direction| Scope::Direction { chain, direction };
    for (scope, is_open) in [
        (at(source(), Direction::Payouts), true),
        (at(destination(), Direction::Deposits), true),
        (at(source(), Direction::Deposits), false),
        (at(destination(), Direction::Payouts), false),
    ] {
        let (ledger, pay) = ledger().await;
        let desk = book(&ledger).await;
        desk.record_risk(paused(scope.clone())).await.unwrap();
        assert_eq!(desk.is_open(&[pay]).await.unwrap(), is_open, "{scope}");
        assert_eq!(desk.may_execute(deposit().id()).await.unwrap(), is_open, "{scope}");
        let named = desk.read_risk(|risk| risk.paused_by(&deposit(), Lane::Fast, NOW).cloned()).await;
        assert_eq!(named, (!is_open).then(|| scope.clone()));
        desk.record_risk(RiskEvent::Resumed { scope }).await.unwrap();
        assert!(desk.is_open(&[pay]).await.unwrap(), "lifted as every other scope");
    }
}

/// The chain has delayed the payment: executing it pays, and carries no effect of its own.
#[tokio::test]
async fn a_payment_that_the_chain_delayed_is_not_executed_under_a_pause_nor_without_its_deposit() {
    let (ledger, _) = ledger().await;
    let (desk, other) = (book(&ledger).await, book(&ledger).await);
    assert!(desk.may_execute(deposit().id()).await.unwrap());
    assert!(!desk.may_execute(spandrel_verifiers::DepositId(B256::ZERO)).await.unwrap(), "nobody knows that one");
    desk.record_risk(paused(Scope::Lane { lane: Lane::LightClient, source: None })).await.unwrap();
    assert!(desk.may_execute(deposit().id()).await.unwrap(), "it is issued on the fast lane");
    desk.record_risk(paused(Scope::Lane { lane: Lane::Fast, source: None })).await.unwrap();
    assert!(!desk.may_execute(deposit().id()).await.unwrap());
    assert!(!other.may_execute(deposit().id()).await.unwrap(), "another process asks the ledger");
}

#[tokio::test]
async fn a_decision_that_lost_its_race_leaves_no_trace_in_the_risk_state() {
    let (ledger, pay) = ledger().await;
    let (slow, quick) = (book(&ledger).await, book(&ledger).await);
    quick.record_risk(paused(Scope::Global)).await.unwrap();
    let refused = Progress::Refused { reason: "OverExposure".to_owned(), lasting: Lasting::ForNow };
    slow.record(Change::one(deposit().id(), Input::Progress(pay, refused))).await.unwrap();
    let mut folded = RiskState::default();
    for event in ledger.risk_events(0).await.unwrap() {
        folded.apply(&event.body, event.at);
    }
    assert_eq!(ledger.risk_events(0).await.unwrap().len(), 3, "cleared, paused, returned");
    assert!(slow.read_risk(|risk| *risk == folded).await);
    // The next decision stands on the same state as the one that is read.
    slow.record_risk(paused(Scope::Chain { chain: source() })).await.unwrap();
    slow.record(Change::one(deposit().id(), Input::Tick)).await.unwrap();
    assert_eq!(slow.read_risk(|risk| risk.cleared_on(deposit().id())).await, None);
}

/// Nothing of the first try may make the second one think that it is booked.
#[tokio::test]
async fn a_shortfall_whose_commit_lost_its_race_is_booked_all_the_same() {
    let (ledger, pay) = ledger().await;
    let (slow, quick) = (book(&ledger).await, book(&ledger).await);
    let [sent, reorged, is_final] = lost(pay);
    for input in [sent, reorged] {
        slow.record(Change::one(deposit().id(), input)).await.unwrap();
    }
    quick.record_risk(paused(Scope::Chain { chain: destination() })).await.unwrap();
    slow.record(Change::one(deposit().id(), is_final)).await.unwrap();
    assert_eq!(slow.open_shortfalls().await, [deposit().id()]);
}

/// Guardians lowered a limit in another process: what is decided here is decided under it, or not at all.
#[tokio::test]
async fn a_decision_is_made_under_the_limits_that_another_process_was_told() {
    let (ledger, pay) = ledger().await;
    let (told, untold) = (book(&ledger).await, book(&ledger).await);
    let corridor = Corridor::of(&deposit(), Lane::Fast);
    let limits = Limits { window: Limit::CLOSED, ..told.risk_now().limits.limits[&corridor] };
    let outcome = Outcome::Limited { corridor: corridor.clone(), limits: Box::new(limits) };
    let lowered = ControlEvent::Done { proposal: None, outcome, by: "ada: a drill".to_owned(), before: None };
    ledger.commit(Commit { now: NOW, control: vec![lowered], ..Commit::default() }).await.unwrap();
    let refused = Progress::Refused { reason: "OverExposure".to_owned(), lasting: Lasting::ForNow };
    untold.record(Change::one(deposit().id(), Input::Progress(pay, refused))).await.unwrap();
    assert_eq!(untold.risk_now().limits.limits[&corridor].window, Limit::CLOSED);
    told.record_risk(paused(Scope::Global)).await.unwrap();
    assert_eq!(told.risk_now().limits.limits[&corridor].window, Limit::CLOSED);
}

/// Another was started with longer pauses, which are agreed on at once. This one has the old file, and must not go on by it.
#[tokio::test]
async fn a_process_of_what_is_agreed_on_no_more_decides_nothing_and_lets_nothing_leave() {
    let (ledger, pay) = ledger().await;
    let (before, after) = (book(&ledger).await, book(&ledger).await);
    before.configure(file()).await.unwrap();
    let lets_leave = async |book: &Book<Memory, Later>| {
        (book.is_open(&[pay]).await.unwrap(), book.may_execute(deposit().id()).await.unwrap())
    };
    assert_eq!(lets_leave(&before).await, (true, true));
    after.configure(Agreement { pause_seconds: file().pause_seconds + 1, ..file() }).await.unwrap();
    assert_eq!((lets_leave(&before).await, lets_leave(&after).await), ((false, false), (true, true)));
    let decided = before.record(Change::one(deposit().id(), Input::Tick)).await;
    assert!(matches!(decided, Err(EngineError::Superseded)), "{decided:?}");
}

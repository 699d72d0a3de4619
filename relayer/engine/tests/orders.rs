//! Guardians' orders at the book: what they look at, and what they do beside what is decided.

mod common;

use std::sync::Arc;

use alloy_primitives::B256;
use spandrel_core::ledger::{Commit, Ledger};
use spandrel_core::{Effect, EffectId, Executor, Input};
use spandrel_engine::{Book, Change, Clock, OrderError, Silent};
use spandrel_risk::control::{Act, ControlEvent, ControlRefusal, MAX_TTL, Outcome};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_store::Memory;

use common::{Later, NOW, block, cleared, deposit, destination, guardians, key, lost, policy, say, source};

/// A book with a fast payout that is cleared and not sent.
async fn book() -> (Book<Memory, Later>, EffectId) {
    let (ledger, (commit, pay)) = (Memory::new(), cleared());
    ledger.commit(commit).await.unwrap();
    let book = Book::open(ledger, Later::default(), policy(), Arc::new(Silent)).await.unwrap();
    (book.guarded_by(guardians()), pay)
}

/// By which the contracts make it endless, as it is here: they take signed freezes, and no approval.
#[tokio::test]
async fn both_freezes_of_two_guardians_go_to_the_chain_as_they_were_signed() {
    let (book, _) = book().await;
    let freeze = Act::Freeze { scope: Scope::Global };
    let proposal = say(&book, 1, 0, freeze.clone()).await.unwrap();
    let refused = say(&book, 2, 0, Act::Approve { proposal, what: freeze.to_string() }).await.unwrap_err();
    assert!(matches!(refused, OrderError::Refused(ControlRefusal::NeedsOwnFreeze(_))), "{refused}");
    say(&book, 2, 0, freeze.clone()).await.unwrap();
    assert!(book.read_risk(|risk| risk.pauses_at(NOW).all(|(_, pause)| pause.until == u64::MAX)).await);
    let executor = Executor::Destination { chain: destination() };
    let due = book.ledger().lease(&executor, NOW, NOW + 1, 10).await.unwrap();
    let pauses = due.iter().filter_map(|due| match &due.effect {
        Effect::Pause { scope: Scope::Global, ttl: MAX_TTL, stated: Some(stated) } => Some(&stated.signed.statement),
        _ => None,
    });
    let pauses: Vec<_> = pauses.map(|statement| (statement.guardian, statement.act.clone())).collect();
    let expected = [1, 2].map(|n| (key(n).address(), freeze.clone()));
    assert!(pauses.len() == 2 && expected.iter().all(|one| pauses.contains(one)), "{pauses:?}");
}

/// Its block was replaced after its payout was broadcast: nothing is planned for it, and it may be paid.
#[tokio::test]
async fn what_may_still_be_paid_is_not_dropped_though_no_payout_of_it_is_planned() {
    let ((book, _), id) = (book().await, deposit().id());
    let dropped = Input::SourceReorged { ancestor: block(0), dropped: vec![B256::repeat_byte(1)] };
    for input in [dropped, Input::Broken("odd".to_owned())] {
        book.record(Change::one(id, input)).await.unwrap();
    }
    let transfer = book.ledger().transfer(id).await.unwrap().unwrap();
    assert_eq!((transfer.payout.is_some(), transfer.issued.is_some()), (false, true));
    let refused = say(&book, 1, 0, Act::DropQuarantined { transfer: id }).await.unwrap_err();
    assert!(matches!(refused, OrderError::Refused(ControlRefusal::PayoutUnderWay)), "{refused}");
}

/// Two agreed to lift what stood, and had not seen the loss. The freeze ends later than the pause for it, so nothing else shows
/// that there is another.
#[tokio::test]
async fn a_resumption_that_was_agreed_on_before_a_shortfall_does_not_lift_its_pause() {
    let ((book, pay), id) = (book().await, deposit().id());
    let scope = Scope::Lane { lane: Lane::Fast, source: Some(source()) };
    for n in [1, 2] {
        say(&book, n, 0, Act::Freeze { scope: scope.clone() }).await.unwrap();
    }
    let resume = Act::Resume { scope: scope.clone() };
    let proposal = say(&book, 1, 1, resume.clone()).await.unwrap();
    say(&book, 2, 1, Act::Approve { proposal, what: resume.to_string() }).await.unwrap();
    for input in lost(pay) {
        book.record(Change::one(id, input)).await.unwrap();
    }
    assert_eq!(book.open_shortfalls().await, [id]);
    book.clock().pass(30);
    assert_eq!(book.carry_out(None).await.unwrap(), 0);
    assert!(book.read_risk(|risk| risk.pauses_at(NOW + 30).any(|(paused, _)| *paused == scope)).await);
}

/// A resumption waits for open ones.
#[tokio::test]
async fn a_shortfall_is_open_until_its_loss_is_accepted() {
    let ((book, _), id) = (book().await, deposit().id());
    book.record_risk(RiskEvent::Shortfall { id }).await.unwrap();
    assert_eq!(book.open_shortfalls().await, [id]);
    let outcome = Outcome::LossAccepted { transfer: id };
    let accepted = ControlEvent::Done { proposal: None, outcome, by: "ada and bo: a drill".to_owned(), before: None };
    let now = book.clock().now();
    book.ledger().commit(Commit { now, control: vec![accepted], ..Commit::default() }).await.unwrap();
    book.refresh().await.unwrap();
    assert_eq!(book.open_shortfalls().await, []);
}

//! Deposits that wait to be taken back.

use spandrel_core::Transfer;
use spandrel_core::ledger::{Commit, TransferChange};
use spandrel_core::{Event, Status};
use spandrel_risk::Reason;
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::{Deposit, UnixSeconds};

use crate::sample::{self, bitcoin, deposit, ethereum};
use crate::store::{Store, on_both};

on_both!(what_ended_unpaid_is_found_by_its_source_and_its_expiry);

/// Deposit `n`, good until `expiry`, after it was seen and, if it is to be, rejected.
fn seen(n: u64, expiry: UnixSeconds, is_rejected: bool) -> (Deposit, Commit) {
    let deposit = Deposit { expiry, ..deposit(n) };
    let seen = SeenDeposit { deposit: deposit.clone(), ..sample::seen(n) };
    let rejected = is_rejected.then_some(Event::Rejected { reason: Reason::Expired { expiry } });
    let events: Vec<Event> = [Event::Observed { seen }].into_iter().chain(rejected).collect();
    let fold = |transfer, event| Some(Transfer::fold(transfer, deposit.id(), event, 100).unwrap());
    let after = events.iter().fold(None, fold).unwrap();
    assert_eq!(matches!(after.status, Status::Rejected { .. }), is_rejected);
    let transfers = vec![TransferChange { expected_sequence: 0, events, after }];
    (deposit, Commit { now: 100, transfers, ..Commit::default() })
}

async fn what_ended_unpaid_is_found_by_its_source_and_its_expiry(store: impl Store) {
    let mut deposits = Vec::new();
    // Even ones come from Ethereum, odd ones from Bitcoin.
    for (n, expiry, is_rejected) in
        [(0, 20, true), (1, 20, true), (2, 21, true), (4, 20, false), (6, 10, true), (8, u64::MAX, true)]
    {
        let (deposit, commit) = seen(n, expiry, is_rejected);
        store.commit(commit).await.unwrap();
        deposits.push(deposit);
    }
    let found = async |source, from, to| store.unpaid(&source, from..=to).await.unwrap();
    assert_eq!(found(ethereum(), 11, 20).await, [deposits[0].clone()]);
    assert_eq!(found(ethereum(), 10, 21).await, [0, 2, 4].map(|n| deposits[n].clone()));
    assert_eq!(found(bitcoin(), 0, 100).await, [deposits[1].clone()]);
    assert_eq!(found(ethereum(), 21, 20).await, []);
}

//! Deposits that wait to be taken back.

use spandrel_core::Transfer;
use spandrel_core::ledger::{Commit, TransferChange};
use spandrel_core::{Event, Status};
use spandrel_risk::Reason;
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::{Deposit, UnixSeconds};

use crate::sample::{self, bitcoin, deposit, ethereum};
use crate::store::{Store, on_both};

on_both!(
    what_ended_unpaid_is_found_by_its_source_and_its_expiry,
    what_may_be_dropped_on_its_destination_is_found_by_the_time_it_ended_too,
);

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
    let found = async |source, from, to| -> Vec<Deposit> {
        let waiting = store.unpaid(&source, from..=to).await.unwrap();
        assert!(waiting.iter().all(|waiting| waiting.since == waiting.deposit.expiry));
        waiting.into_iter().map(|waiting| waiting.deposit).collect()
    };
    assert_eq!(found(ethereum(), 11, 20).await, [deposits[0].clone()]);
    assert_eq!(found(ethereum(), 10, 21).await, [0, 2, 4].map(|n| deposits[n].clone()));
    assert_eq!(found(bitcoin(), 0, 100).await, [deposits[1].clone()]);
    assert_eq!(found(ethereum(), 21, 20).await, []);
}

async fn what_may_be_dropped_on_its_destination_is_found_by_the_time_it_ended_too(store: impl Store) {
    let (deposit, mut commit) = seen(0, 1_000, false);
    let change = &mut commit.transfers[0];
    change.events.push(Event::Failed { reason: "dropped".to_owned() });
    change.after = Transfer::fold(Some(change.after.clone()), deposit.id(), &change.events[1], 100).unwrap();
    store.commit(commit).await.unwrap();
    let found = async |from, to| -> Vec<UnixSeconds> {
        let waiting = store.unpaid(&ethereum(), from..=to).await.unwrap();
        waiting.into_iter().map(|waiting| waiting.since).collect()
    };
    assert_eq!((found(0, 99).await, found(0, 100).await), (vec![], vec![100]));
    assert_eq!((found(101, 999).await, found(101, 1_000).await), (vec![], vec![1_000]));
    assert_eq!(found(0, 2_000).await, [100]);
}

//! Crashes of the memory: at every write, on either side of it.

use spandrel_core::journal::Journal;
use spandrel_core::ledger::{EffectEnd, Ledger, StoreError};
use spandrel_store::{CrashPoint, Memory};

use crate::sample::{
    self, attempt, due, end_commit, everything, final_state, included, new_tx, payer, transfer_commit,
};
use crate::store::{Store as _, conflict, observe};

/// Every kind of write once or more; stops at the first error.
async fn day(store: &Memory) -> Result<(), StoreError> {
    store.commit(everything(0)).await?;
    store.commit(transfer_commit(1, 0, 3)).await?;
    store.lease(&payer(), 5, 50, 1).await?;
    let tx = store.open_tx(new_tx([0], 0), 5).await?;
    store.add_attempt(tx.number, attempt(1)).await?;
    store.add_attempt(tx.number, attempt(2)).await?;
    store.set_state(tx.number, included(2, true)).await?;
    store.set_state(tx.number, final_state(2, true)).await?;
    store.commit(end_commit([(due(0, 0).id, EffectEnd::Done)])).await?;
    store.acknowledge_halt(&sample::bitcoin(), "ada", 60).await?;
    store.add_intent(sample::script(1), sample::terms(1), 61).await
}

/// Reads, empty leases, refusals and repetitions: none of them is a write.
async fn idle(store: &Memory) {
    observe(store).await;
    assert_eq!(store.lease(&payer(), 0, 1, 0).await.unwrap(), []);
    conflict(store.commit(transfer_commit(0, 9, 1)).await);
    conflict(store.set_state(77, final_state(1, true)).await);
}

#[tokio::test]
async fn a_crash_keeps_exactly_the_writes_before_it() {
    let whole = Memory::new();
    day(&whole).await.unwrap();
    idle(&whole).await;
    assert_eq!(whole.writes().unwrap(), 11);
    let mut states = Vec::new();
    for nth in 1..=11 {
        for point in [CrashPoint::Before, CrashPoint::After] {
            let store = Memory::new();
            store.crash_at(nth, point).unwrap();
            assert!(matches!(day(&store).await, Err(StoreError::Database(_))));
            assert!(store.is_crashed().unwrap());
            let next = store.restart().unwrap();
            let stored = if point == CrashPoint::Before { nth - 1 } else { nth };
            assert_eq!(next.writes().unwrap(), stored, "{point:?} {nth}");
            states.push(observe(&next).await);
        }
    }
    // The state after write n is the one before write n + 1.
    for pair in states[1..states.len() - 1].chunks(2) {
        assert_eq!(pair[0], pair[1]);
    }
    assert_eq!(*states.last().unwrap(), observe(&whole).await);
    assert_eq!(states[0], observe(&Memory::new()).await);
}

#[tokio::test]
async fn idling_is_not_writing() {
    let store = Memory::new();
    store.crash_at(1, CrashPoint::Before).unwrap();
    idle(&store).await;
    assert!(!store.is_crashed().unwrap());
    assert_eq!(store.writes().unwrap(), 0);
}

#[tokio::test]
async fn nothing_left_over_from_a_dead_process_writes_or_reads() {
    let store = Memory::new();
    store.commit(transfer_commit(0, 0, 1)).await.unwrap();
    let left_over = store.clone();
    let next = store.restart().unwrap();
    let died = |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Database(_))), "{result:?}");
    died(left_over.commit(transfer_commit(0, 1, 1)).await);
    died(store.lease(&payer(), 1, 2, 1).await.map(drop));
    died(store.halted(&sample::bitcoin()).await.map(drop));
    died(store.open_tx(new_tx([0], 0), 1).await.map(drop));
    assert_eq!(next.events(sample::deposit(0).id()).await.unwrap().len(), 1);
    next.commit(transfer_commit(0, 1, 1)).await.unwrap();
}

#[tokio::test]
async fn a_restarted_process_counts_on_and_can_crash_again() {
    let store = Memory::new();
    store.crash_at(1, CrashPoint::After).unwrap();
    store.commit(transfer_commit(0, 0, 1)).await.unwrap_err();
    let next = store.restart().unwrap();
    next.crash_at(3, CrashPoint::Before).unwrap();
    next.commit(transfer_commit(0, 1, 1)).await.unwrap();
    next.commit(transfer_commit(0, 2, 1)).await.unwrap_err();
    let last = next.restart().unwrap();
    assert_eq!(last.events(sample::deposit(0).id()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_lease_outlives_the_process_that_took_it() {
    let store = Memory::new();
    store.commit(sample::effect_commit([due(0, 0)])).await.unwrap();
    store.crash_at(2, CrashPoint::After).unwrap();
    store.lease(&payer(), 1, 30, 1).await.unwrap_err();
    let next = store.restart().unwrap();
    assert_eq!(next.lease(&payer(), 29, 60, 1).await.unwrap(), []);
    assert_eq!(next.lease(&payer(), 30, 60, 1).await.unwrap()[0].attempt, 1);
}

#[tokio::test]
async fn a_snapshot_goes_its_own_way() {
    let store = Memory::new();
    store.commit(transfer_commit(0, 0, 1)).await.unwrap();
    let snapshot = store.snapshot().unwrap();
    store.commit(transfer_commit(0, 1, 1)).await.unwrap();
    assert_eq!(snapshot.events(sample::deposit(0).id()).await.unwrap().len(), 1);
    snapshot.commit(transfer_commit(1, 0, 1)).await.unwrap();
    assert_eq!(store.transfer(sample::deposit(1).id()).await.unwrap(), None);
}

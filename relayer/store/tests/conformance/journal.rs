//! The journal: one nonce a transaction, one live transaction an effect, every signed form kept.

use alloy_primitives::{Address, B256, Bytes};
use spandrel_core::journal::{Attempt, NewTx, TxState};
use tokio::task::JoinSet;

use crate::sample::{self, attempt, destination, due, final_state, included, new_tx, signers};
use crate::store::{Store, conflict, corrupt, on_both};

on_both!(
    nonces_follow_without_gaps,
    the_chains_nonce_is_a_lower_bound,
    accounts_have_their_own_nonces,
    concurrent_openings_get_distinct_consecutive_nonces,
    of_concurrent_openings_with_one_effect_one_wins,
    an_effect_is_in_one_live_transaction_only,
    an_effect_may_be_tried_again_after_a_final_failure,
    an_effect_twice_in_a_transaction_is_refused,
    cancellations_carry_no_effects_and_never_collide,
    a_journaled_transaction_reads_back_whole,
    attempts_are_kept_oldest_first,
    an_attempt_belongs_to_one_transaction,
    a_final_transaction_is_signed_no_more,
    final_is_final,
    a_reorged_inclusion_is_open_again,
    unknown_numbers_are_refused,
    the_newest_transaction_of_an_effect_is_found,
    failed_transactions_of_an_effect_are_counted_and_others_are_not,
    failed_calls_are_found_by_what_they_called_and_for_whom,
);

async fn nonces_follow_without_gaps(store: impl Store) {
    for n in 0..sample::MANY {
        assert_eq!(store.open_tx(new_tx([n], 0), 1).await.unwrap().nonce, n);
    }
    let nonces: Vec<_> = store.open_txs(&destination(), signers()[0]).await.unwrap();
    assert_eq!(nonces.iter().map(|tx| tx.nonce).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
}

async fn the_chains_nonce_is_a_lower_bound(store: impl Store) {
    assert_eq!(store.open_tx(new_tx([0], 7), 1).await.unwrap().nonce, 7);
    assert_eq!(store.open_tx(new_tx([1], 7), 1).await.unwrap().nonce, 8);
    assert_eq!(store.open_tx(new_tx([2], 3), 1).await.unwrap().nonce, 9);
    assert_eq!(store.open_tx(new_tx([3], 40), 1).await.unwrap().nonce, 40);
}

async fn accounts_have_their_own_nonces(store: impl Store) {
    store.open_tx(new_tx([0], 5), 1).await.unwrap();
    let other_signer = NewTx { signer: signers()[1], ..new_tx([1], 0) };
    let other_chain = NewTx { chain: sample::ethereum(), ..new_tx([2], 0) };
    assert_eq!(store.open_tx(other_signer, 1).await.unwrap().nonce, 0);
    assert_eq!(store.open_tx(other_chain, 1).await.unwrap().nonce, 0);
    assert_eq!(store.open_txs(&destination(), signers()[0]).await.unwrap().len(), 1);
    assert_eq!(store.open_txs(&destination(), Address::ZERO).await.unwrap(), []);
}

async fn concurrent_openings_get_distinct_consecutive_nonces(store: impl Store) {
    let mut tasks = JoinSet::new();
    for n in 0..20 {
        let store = store.clone();
        tasks.spawn(async move { store.open_tx(new_tx([n], 3), 1).await.unwrap().nonce });
    }
    let mut nonces = tasks.join_all().await;
    nonces.sort_unstable();
    assert_eq!(nonces, (3..23).collect::<Vec<_>>());
}

async fn of_concurrent_openings_with_one_effect_one_wins(store: impl Store) {
    let mut tasks = JoinSet::new();
    for n in 1..=10 {
        let store = store.clone();
        tasks.spawn(async move { store.open_tx(new_tx([n, 0], 0), 1).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    results.into_iter().filter(Result::is_err).for_each(|result| drop(conflict(result)));
    assert_eq!(store.open_tx(new_tx([], 0), 1).await.unwrap().nonce, 1, "a refusal takes no nonce");
}

async fn an_effect_is_in_one_live_transaction_only(store: impl Store) {
    let tx = store.open_tx(new_tx([0, 1], 0), 1).await.unwrap();
    let states = [TxState::Pending, included(1, true), included(1, false), TxState::Pending, final_state(1, true)];
    for state in states {
        store.set_state(tx.number, state.clone()).await.unwrap();
        let error = conflict(store.open_tx(new_tx([2, 1], 0), 1).await);
        assert!(error.contains(&format!("in transaction {}", tx.number)), "{state:?}: {error}");
        assert_eq!(store.tx_of(due(2, 0).id).await.unwrap(), None);
    }
}

async fn an_effect_may_be_tried_again_after_a_final_failure(store: impl Store) {
    let first = store.open_tx(new_tx([0, 1], 0), 1).await.unwrap();
    store.set_state(first.number, final_state(1, false)).await.unwrap();
    let second = store.open_tx(new_tx([1], 0), 1).await.unwrap();
    assert_eq!(second.nonce, 1);
    conflict(store.open_tx(new_tx([1], 0), 1).await);
    store.open_tx(new_tx([0], 0), 1).await.unwrap();
}

async fn an_effect_twice_in_a_transaction_is_refused(store: impl Store) {
    let error = corrupt(store.open_tx(new_tx([0, 1, 0], 0), 1).await);
    assert!(error.contains("is in it twice"), "{error}");
    assert_eq!(store.open_tx(new_tx([0, 1], 0), 1).await.unwrap().nonce, 0);
}

async fn cancellations_carry_no_effects_and_never_collide(store: impl Store) {
    for nonce in 0..3 {
        assert_eq!(store.open_tx(new_tx([], 0), 1).await.unwrap().nonce, nonce);
    }
}

async fn a_journaled_transaction_reads_back_whole(store: impl Store) {
    let opened = store.open_tx(new_tx([3, 1, 2], 4), 1).await.unwrap();
    assert_eq!(opened.state, TxState::Pending);
    store.add_attempt(opened.number, attempt(1)).await.unwrap();
    store.set_state(opened.number, included(1, true)).await.unwrap();
    let stored = store.tx_of(due(1, 0).id).await.unwrap().unwrap();
    assert_eq!(stored.tx, new_tx([3, 1, 2], 4));
    assert_eq!((stored.number, stored.nonce), (opened.number, 4));
    assert_eq!(stored.attempts, [attempt(1)]);
    assert_eq!(stored.state, included(1, true));
    assert_eq!(store.open_txs(&destination(), signers()[0]).await.unwrap(), [stored]);
}

async fn attempts_are_kept_oldest_first(store: impl Store) {
    let tx = store.open_tx(new_tx([0], 0), 1).await.unwrap();
    for k in [9, 1, 5] {
        store.add_attempt(tx.number, attempt(k)).await.unwrap();
    }
    store.add_attempt(tx.number, Attempt { at: 99, ..attempt(1) }).await.unwrap();
    let stored = store.tx_of(due(0, 0).id).await.unwrap().unwrap();
    assert_eq!(stored.attempts, [attempt(9), attempt(1), attempt(5)], "the same signed form is stored once");
}

async fn an_attempt_belongs_to_one_transaction(store: impl Store) {
    let first = store.open_tx(new_tx([0], 0), 1).await.unwrap();
    let second = store.open_tx(new_tx([1], 0), 1).await.unwrap();
    store.add_attempt(first.number, attempt(1)).await.unwrap();
    conflict(store.add_attempt(second.number, attempt(1)).await);
    conflict(store.add_attempt(first.number, Attempt { raw: Bytes::from_static(&[1]), ..attempt(1) }).await);
    assert_eq!(store.tx_of(due(1, 0).id).await.unwrap().unwrap().attempts, []);
}

async fn a_final_transaction_is_signed_no_more(store: impl Store) {
    let tx = store.open_tx(new_tx([0], 0), 1).await.unwrap();
    store.add_attempt(tx.number, attempt(1)).await.unwrap();
    store.set_state(tx.number, final_state(1, true)).await.unwrap();
    conflict(store.add_attempt(tx.number, attempt(2)).await);
    store.add_attempt(tx.number, attempt(1)).await.unwrap();
}

async fn final_is_final(store: impl Store) {
    let tx = store.open_tx(new_tx([0], 0), 1).await.unwrap();
    store.set_state(tx.number, final_state(1, false)).await.unwrap();
    store.set_state(tx.number, final_state(1, false)).await.unwrap();
    for next in [TxState::Pending, included(1, true), final_state(1, true), final_state(2, false)] {
        let error = conflict(store.set_state(tx.number, next).await);
        assert!(error.contains("expected not final, found final (failed)"), "{error}");
    }
    assert_eq!(store.open_txs(&destination(), signers()[0]).await.unwrap(), []);
    assert_eq!(store.tx_of(due(0, 0).id).await.unwrap().unwrap().state, final_state(1, false));
    assert_eq!(store.open_tx(new_tx([1], 0), 1).await.unwrap().nonce, 1, "a final transaction keeps its nonce");
}

async fn a_reorged_inclusion_is_open_again(store: impl Store) {
    let tx = store.open_tx(new_tx([0], 0), 1).await.unwrap();
    for state in [included(1, true), TxState::Pending, included(2, true)] {
        store.set_state(tx.number, state.clone()).await.unwrap();
        assert_eq!(store.open_txs(&destination(), signers()[0]).await.unwrap()[0].state, state);
    }
}

async fn unknown_numbers_are_refused(store: impl Store) {
    for number in [i64::MIN, -1, 0, 1, i64::MAX] {
        conflict(store.add_attempt(number, attempt(1)).await);
        conflict(store.set_state(number, TxState::Pending).await);
    }
}

async fn the_newest_transaction_of_an_effect_is_found(store: impl Store) {
    assert_eq!(store.tx_of(due(0, 0).id).await.unwrap(), None);
    let mut hash = B256::ZERO;
    for k in 1..4 {
        let tx = store.open_tx(new_tx([0], 0), 1).await.unwrap();
        store.add_attempt(tx.number, attempt(k)).await.unwrap();
        store.set_state(tx.number, final_state(k, false)).await.unwrap();
        hash = attempt(k).hash;
    }
    let newest = store.tx_of(due(0, 0).id).await.unwrap().unwrap();
    assert_eq!(newest.attempts.iter().map(|attempt| attempt.hash).collect::<Vec<_>>(), [hash]);
}

async fn failed_transactions_of_an_effect_are_counted_and_others_are_not(store: impl Store) {
    let mut failed = Vec::new();
    for k in 1..4 {
        assert_eq!(store.failed_txs_of(due(0, 0).id).await.unwrap(), failed, "open ones have not failed");
        let tx = store.open_tx(new_tx([0], 0), 1).await.unwrap();
        store.set_state(tx.number, included(k, false)).await.unwrap();
        assert_eq!(store.failed_txs_of(due(0, 0).id).await.unwrap(), failed, "nor those that may be reorged away");
        store.set_state(tx.number, final_state(k, false)).await.unwrap();
        failed.push(spandrel_core::journal::JournaledTx { state: final_state(k, false), ..tx });
    }
    let tx = store.open_tx(new_tx([0, 1], 0), 1).await.unwrap();
    store.set_state(tx.number, final_state(9, true)).await.unwrap();
    assert_eq!(store.failed_txs_of(due(0, 0).id).await.unwrap(), failed);
    assert_eq!(store.failed_txs_of(due(1, 0).id).await.unwrap(), []);
}

/// Without an effect too: nothing else tells of those.
async fn failed_calls_are_found_by_what_they_called_and_for_whom(store: impl Store) {
    let call = |input: &'static [u8]| NewTx { input: Bytes::from_static(input), ..new_tx([], 0) };
    let [mine, other] = [signers()[0], Address::repeat_byte(0xee)];
    let store = &store;
    let of = |tx: NewTx, signer| async move { store.failed_calls(&tx.chain, signer, tx.to, &tx.input).await.unwrap() };
    let mut failed = Vec::new();
    for k in 1..3 {
        let tx = store.open_tx(call(&[7]), 1).await.unwrap();
        store.set_state(tx.number, included(k, false)).await.unwrap();
        assert_eq!(of(call(&[7]), mine).await, failed, "not final");
        store.set_state(tx.number, final_state(k, false)).await.unwrap();
        failed.push(spandrel_core::journal::JournaledTx { state: final_state(k, false), ..tx });
    }
    for (k, tx) in [(5, call(&[8])), (6, NewTx { signer: other, ..call(&[7]) })] {
        let tx = store.open_tx(tx, 1).await.unwrap();
        store.set_state(tx.number, final_state(k, false)).await.unwrap();
    }
    let done = store.open_tx(call(&[7]), 1).await.unwrap();
    store.set_state(done.number, final_state(7, true)).await.unwrap();
    assert_eq!(of(call(&[7]), mine).await, failed);
    let elsewhere = [(call(&[9]), mine), (NewTx { to: other, ..call(&[7]) }, mine)];
    for (tx, signer) in elsewhere {
        assert_eq!(of(tx, signer).await, []);
    }
    assert_eq!(of(NewTx { chain: sample::chains()[0].clone(), ..call(&[7]) }, mine).await, []);
}

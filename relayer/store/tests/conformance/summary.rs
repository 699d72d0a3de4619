//! The ledger at a glance.

use spandrel_core::ledger::{Commit, EffectEnd};
use spandrel_store::summary::{CursorTip, OpenTxs, OutboxDepth, Summary};

use crate::sample::{self, block, due, effect_commit, end_commit, everything, new_tx, payer, transfer_commit};
use crate::store::{Store, on_both};

on_both!(
    an_empty_ledger_has_an_empty_summary,
    the_summary_counts_what_there_is,
    only_due_effects_have_an_age,
    an_effect_that_fails_is_overdue_from_the_first_time_until_it_is_not_wanted,
    a_payout_is_as_old_as_it_was_paid_and_no_longer_waits_when_it_is_final,
);

async fn an_empty_ledger_has_an_empty_summary(store: impl Store) {
    assert_eq!(store.summary(5).await.unwrap(), Summary::default());
}

async fn the_summary_counts_what_there_is(store: impl Store) {
    store.commit(everything(0)).await.unwrap();
    store.commit(transfer_commit(1, 0, 5)).await.unwrap();
    store.commit(transfer_commit(2, 0, 5)).await.unwrap();
    store.open_tx(new_tx([0], 6), 1).await.unwrap();
    let last = store.open_tx(new_tx([1], 6), 1).await.unwrap();
    store.open_tx(new_tx([2], 6), 1).await.unwrap();
    store.set_state(last.number - 1, sample::final_state(1, true)).await.unwrap();
    let summary = store.summary(50).await.unwrap();
    let counts: Vec<_> = summary.transfers.iter().map(|(status, count)| (status.as_str(), *count)).collect();
    assert_eq!(counts, [("cleared", 1), ("final", 2)]);
    let executors: Vec<_> = summary.outbox.keys().map(String::as_str).collect();
    let evidence = format!("evidence:{}", sample::bitcoin());
    assert_eq!(executors, ["destination:eip155:31338", evidence.as_str(), "signers"]);
    let accounts = OpenTxs { chain: sample::destination(), signer: sample::signers()[0], count: 2, lowest_nonce: 7 };
    assert_eq!(summary.open_txs, [accounts]);
    let tip = CursorTip { tip: Some(block(1)), finalized: Some(block(0)), updated_at: 100 };
    assert_eq!(summary.cursors.into_iter().collect::<Vec<_>>(), [(sample::ethereum(), tip)]);
    let halted: Vec<_> = summary.halted.into_iter().collect();
    assert_eq!(halted, [(sample::bitcoin(), "block 0 was replaced".to_owned())]);
    store.acknowledge_halt(&sample::bitcoin(), "ada", 9).await.unwrap();
    assert!(store.summary(50).await.unwrap().halted.is_empty());
}

async fn a_payout_is_as_old_as_it_was_paid_and_no_longer_waits_when_it_is_final(store: impl Store) {
    let at = |now, n, expected, count| Commit { now, ..transfer_commit(n, expected, count) };
    let age = || async { store.summary(500).await.unwrap().oldest_executed_age };
    store.commit(at(100, 1, 0, 3)).await.unwrap();
    assert_eq!(age().await, None, "it is cleared");
    store.commit(at(200, 1, 3, 1)).await.unwrap();
    store.commit(at(300, 2, 0, 4)).await.unwrap();
    assert_eq!(age().await, Some(300));
    store.commit(at(400, 1, 4, 1)).await.unwrap();
    assert_eq!(age().await, Some(200));
}

async fn only_due_effects_have_an_age(store: impl Store) {
    store.commit(effect_commit([due(0, 10), due(1, 30), due(2, 40)])).await.unwrap();
    let depth = |now| {
        let store = store.clone();
        async move { store.summary(now).await.unwrap().outbox.get("destination:eip155:31338").copied() }
    };
    let waiting = |waiting, leased, oldest_due_age| Some(OutboxDepth { waiting, leased, oldest_due_age });
    assert_eq!(depth(9).await, waiting(3, 0, None));
    assert_eq!(depth(10).await, waiting(3, 0, Some(0)));
    assert_eq!(depth(35).await, waiting(3, 0, Some(25)));
    store.lease(&payer(), 10, 60, 1).await.unwrap();
    assert_eq!(depth(35).await, waiting(2, 1, Some(5)));
    assert_eq!(depth(70).await, waiting(2, 1, Some(40)));
    let ended = (0..3).map(|n| (due(n, 0).id, EffectEnd::Done));
    store.commit(end_commit(ended)).await.unwrap();
    assert_eq!(depth(70).await, None);
}

/// However soon it is tried again: what nobody mends is seen to stand for as long as it does.
async fn an_effect_that_fails_is_overdue_from_the_first_time_until_it_is_not_wanted(store: impl Store) {
    let id = due(0, 0).id;
    store.commit(effect_commit([due(0, 10)])).await.unwrap();
    let age = async |now| store.summary(now).await.unwrap().outbox["destination:eip155:31338"].oldest_due_age;
    let ended = async |now, end| {
        assert_eq!(store.lease(&payer(), now, now + 50, 1).await.unwrap().len(), 1);
        store.commit(Commit { now, ..end_commit([(id, end)]) }).await.unwrap();
    };
    for now in (10..=700).step_by(60) {
        ended(now, sample::retry(now + 60)).await;
    }
    assert_eq!(age(710).await, Some(700));
    store.lease(&payer(), 730, 780, 1).await.unwrap();
    assert_eq!(
        (age(730).await, age(5).await),
        (Some(720), Some(0)),
        "also under a lease, and by a clock that was set back"
    );
    let paused = |run_at| EffectEnd::Later { run_at, reason: "paused: global".to_owned() };
    store.commit(Commit { now: 740, ..end_commit([(id, paused(900))]) }).await.unwrap();
    assert_eq!((age(890).await, age(905).await), (None, Some(5)));
    for now in (910..=1_500).step_by(60) {
        ended(now, paused(now + 60)).await;
    }
    assert_eq!(age(1_500).await, None, "what waits for a pause to end is not overdue");
    ended(1_520, sample::retry(1_580)).await;
    assert_eq!(age(1_530).await, Some(10));
}

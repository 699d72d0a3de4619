//! Rows that do not read back: an error that names table and id, never an absence, never a default.

use spandrel_core::journal::{Journal, TxState};
use spandrel_core::ledger::{Commit, Ledger, StoreError, TransferFilter};
use spandrel_store::Sqlite;
use tempfile::TempDir;

use crate::append_only::{furnish, prompt};
use crate::sample::{self, cursor_move, deposit, due, effects, new_tx, payer};
use crate::store::{Store as _, corrupt, on_file, refused};

/// A furnished ledger after somebody took the triggers away and ran `statement`.
async fn damaged(statement: &'static str) -> (TempDir, Sqlite) {
    let (folder, store) = on_file().await;
    furnish(&store).await;
    let mut prompt = prompt(&folder).await;
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .fetch_all(&mut prompt)
        .await
        .unwrap();
    for trigger in triggers {
        let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"));
        sqlx::query(drop).execute(&mut prompt).await.unwrap();
    }
    sqlx::query(statement).execute(&mut prompt).await.unwrap();
    (folder, store)
}

fn names(error: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| error.contains(part)), "{error} should name {parts:?}");
}

#[tokio::test]
async fn an_unreadable_transfer_is_named() {
    let (_folder, store) = damaged("UPDATE transfers SET body = '{\"id\": 5}'").await;
    let id = deposit(0).id();
    names(&corrupt(store.transfer(id).await), &["transfers", &id.to_string()]);
    names(&corrupt(store.transfers(&TransferFilter::default()).await), &["transfers", &id.to_string()]);
}

#[tokio::test]
async fn a_transfer_under_another_id_is_named() {
    let (_folder, store) =
        damaged("UPDATE transfers SET id = '0x1111111111111111111111111111111111111111111111111111111111111111'").await;
    let error = corrupt(store.transfers(&TransferFilter::default()).await);
    names(&error, &["transfers 0x1111", "its body is of", &deposit(0).id().to_string()]);
}

#[tokio::test]
async fn a_projection_that_lost_count_is_named() {
    let (_folder, store) = damaged("UPDATE transfers SET sequence = 9").await;
    names(&corrupt(store.transfer(deposit(0).id()).await), &["transfers", "sequence 9, but 2"]);
}

#[tokio::test]
async fn an_unreadable_event_is_named() {
    let (_folder, store) = damaged("UPDATE transfer_events SET body = '{' WHERE sequence = 1").await;
    let id = deposit(0).id();
    names(&corrupt(store.events(id).await), &[&format!("transfer_events {id} 1")]);
}

#[tokio::test]
async fn an_unknown_kind_of_event_is_an_error() {
    let (_folder, store) = damaged("UPDATE transfer_events SET body = '{\"event\":\"forgiven\"}'").await;
    names(&corrupt(store.events(deposit(0).id()).await), &["transfer_events", "forgiven"]);
}

#[tokio::test]
async fn a_missing_event_is_named() {
    let (_folder, store) = damaged("DELETE FROM transfer_events WHERE sequence = 0").await;
    names(&corrupt(store.events(deposit(0).id()).await), &["transfer_events", "sequence 0 is missing"]);
}

#[tokio::test]
async fn an_unreadable_or_missing_risk_event_is_named() {
    let (_folder, store) = damaged("UPDATE risk_events SET body = 'null' WHERE sequence = 1").await;
    names(&corrupt(store.risk_events(0).await), &["risk_events 1"]);
    let (_folder, store) = damaged("DELETE FROM risk_events WHERE sequence = 0").await;
    names(&corrupt(store.risk_events(0).await), &["risk_events 1", "sequence 0 is missing"]);
}

#[tokio::test]
async fn an_unreadable_cursor_is_not_a_missing_one() {
    let (_folder, store) = damaged("UPDATE cursors SET body = '[]'").await;
    names(&corrupt(store.cursor(&sample::ethereum()).await), &["cursors eip155:31337"]);
    for from in [0, 1] {
        let cursor = Some(cursor_move(sample::ethereum(), from, 5));
        corrupt(store.commit(Commit { cursor, ..Commit::default() }).await);
    }
    corrupt(store.summary(9).await);
}

#[tokio::test]
async fn an_unreadable_halt_flag_counts_as_halted() {
    for statement in ["UPDATE halts SET body = ''", "UPDATE halts SET body = '{\"entry\":\"lifted\"}'"] {
        let (_folder, store) = damaged(statement).await;
        names(&corrupt(store.halted(&sample::bitcoin()).await), &["halts 1 of bip122:"]);
        let cursor = Some(cursor_move(sample::bitcoin(), 0, 5));
        corrupt(store.commit(Commit { cursor, ..Commit::default() }).await);
        corrupt(store.acknowledge_halt(&sample::bitcoin(), "ada", 9).await);
        corrupt(store.summary(9).await);
    }
}

#[tokio::test]
async fn a_missing_halt_table_counts_as_halted() {
    let (_folder, store) = damaged("DROP TABLE halts").await;
    assert!(matches!(refused(store.halted(&sample::bitcoin()).await), StoreError::Database(_)));
    let cursor = Some(cursor_move(sample::bitcoin(), 0, 5));
    assert!(matches!(refused(store.commit(Commit { cursor, ..Commit::default() }).await), StoreError::Database(_)));
}

#[tokio::test]
async fn an_unreadable_effect_is_named_and_nothing_is_leased() {
    let (_folder, store) = damaged("UPDATE outbox SET body = '{}' WHERE executor = 'signers'").await;
    let [_, _, signing] = effects(0);
    let id = signing.id.0.to_string();
    for _ in 0..2 {
        names(&corrupt(store.lease(&signing.executor, 1, 9, 10).await), &["outbox", &id]);
    }
    names(&corrupt(store.effect(signing.id).await), &["outbox", &id]);
    assert_eq!(store.summary(1).await.unwrap().outbox["signers"].leased, 0);
    store.commit(sample::effect_commit([due(5, 0)])).await.unwrap();
    assert_eq!(store.lease(&payer(), 1, 9, 10).await.unwrap().len(), 1, "other executors work on");
}

#[tokio::test]
async fn an_unreadable_transaction_holds_its_effects() {
    let (_folder, store) = damaged("UPDATE txs SET state = '{}'").await;
    let effect = due(0, 0).id;
    names(&corrupt(store.tx_of(effect).await), &["txs 2"]);
    names(&corrupt(store.open_txs(&sample::destination(), sample::signers()[0]).await), &["txs 2"]);
    names(&corrupt(store.open_tx(new_tx([0], 0), 1).await), &["txs 2"]);
    corrupt(store.set_state(2, TxState::Pending).await);
    corrupt(store.add_attempt(2, sample::attempt(9)).await);
}

#[tokio::test]
async fn an_unreadable_attempt_is_named() {
    let (_folder, store) = damaged("UPDATE tx_attempts SET body = '{}'").await;
    let hash = sample::attempt(2).hash.to_string();
    names(&corrupt(store.tx_of(due(0, 0).id).await), &["tx_attempts", &hash]);
}

#[tokio::test]
async fn an_unreadable_account_is_an_error() {
    let (_folder, store) = damaged("UPDATE txs SET contract = '0xzz'").await;
    names(&corrupt(store.tx_of(due(0, 0).id).await), &["txs 2"]);
}

#[tokio::test]
async fn an_unreadable_intent_is_named() {
    let (_folder, store) = damaged("UPDATE intents SET terms = '{}'").await;
    let script = sample::script(1).to_string();
    names(&corrupt(store.intents().await), &["intents", &script]);
    corrupt(store.add_intent(sample::script(1), sample::terms(1), 3).await);
}

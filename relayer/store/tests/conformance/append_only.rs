//! What is stored stays, even against somebody with an SQL prompt: each statement here is an attack.

use spandrel_core::journal::Journal;
use spandrel_core::ledger::{EffectEnd, Ledger};
use spandrel_store::Sqlite;

use crate::sample::{self, attempt, due, end_commit, everything, final_state, new_tx};
use crate::store::{observe, on_file};

/// Opens the file beside the ledger, as any SQLite tool would.
pub async fn prompt(folder: &tempfile::TempDir) -> sqlx::SqliteConnection {
    use sqlx::ConnectOptions;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("ledger.db"));
    options.foreign_keys(false).connect().await.unwrap()
}

/// A ledger with something in each table.
pub async fn furnish(store: &Sqlite) {
    store.commit(everything(0)).await.unwrap();
    store.commit(sample::control_commit(0)).await.unwrap();
    store.commit(end_commit([(due(0, 0).id, EffectEnd::Done)])).await.unwrap();
    let failed = store.open_tx(new_tx([0, 1], 0), 1).await.unwrap();
    store.add_attempt(failed.number, attempt(1)).await.unwrap();
    store.set_state(failed.number, final_state(1, false)).await.unwrap();
    let open = store.open_tx(new_tx([0], 0), 1).await.unwrap();
    store.add_attempt(open.number, attempt(2)).await.unwrap();
    store.add_intent(sample::script(1), sample::terms(1), 3).await.unwrap();
}

#[tokio::test]
async fn no_statement_rewrites_what_is_stored() {
    let attacks = [
        "UPDATE transfer_events SET body = '{}'",
        "UPDATE transfer_events SET sequence = sequence + 10",
        "UPDATE OR REPLACE transfer_events SET sequence = 0",
        "DELETE FROM transfer_events WHERE sequence = 1",
        "INSERT OR REPLACE INTO transfer_events SELECT deposit_id, sequence, kind, '{}', at FROM transfer_events",
        "INSERT INTO transfer_events SELECT deposit_id, 7, kind, body, at FROM transfer_events LIMIT 1",
        "INSERT OR REPLACE INTO transfer_events (rowid, deposit_id, sequence, kind, body, at)
         SELECT rowid, deposit_id, 2, kind, body, at FROM transfer_events LIMIT 1",
        "DELETE FROM transfers",
        "UPDATE risk_events SET at = 0",
        "DELETE FROM risk_events",
        "INSERT OR REPLACE INTO risk_events SELECT sequence, kind, '{}', at FROM risk_events",
        "INSERT INTO risk_events SELECT 9, kind, body, at FROM risk_events LIMIT 1",
        "UPDATE control_events SET at = 0",
        "DELETE FROM control_events",
        "INSERT OR REPLACE INTO control_events SELECT sequence, kind, '{}', at FROM control_events",
        "INSERT INTO control_events SELECT 9, kind, body, at FROM control_events LIMIT 1",
        "UPDATE audit SET body = '{}'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
        "INSERT OR REPLACE INTO audit SELECT sequence, at, kind, '{}', previous, hash FROM audit",
        "INSERT INTO audit SELECT max(sequence) + 2, at, kind, body, hash, hash FROM audit",
        "INSERT INTO audit SELECT max(sequence) + 1, at, kind, body, previous, hash FROM audit",
        "UPDATE halts SET body = '{\"entry\":\"acknowledged\",\"operator\":\"nobody\"}'",
        "DELETE FROM halts",
        "INSERT OR REPLACE INTO halts SELECT number, chain, 'x', at FROM halts",
        "UPDATE outbox SET status = 'waiting' WHERE status = 'done'",
        "DELETE FROM outbox WHERE status = 'done'",
        "UPDATE txs SET nonce = nonce + 1",
        "UPDATE txs SET signer = '0x'",
        "UPDATE txs SET outcome = 'open' WHERE outcome = 'failed'",
        "DELETE FROM txs",
        "INSERT OR REPLACE INTO txs SELECT * FROM txs",
        "INSERT OR REPLACE INTO txs SELECT 99, chain, signer, nonce, contract, input, gas_limit, chain_nonce, outcome,
         state, created_at FROM txs",
        "DELETE FROM tx_effects",
        "UPDATE tx_effects SET live = 1 WHERE live = 0 AND position = 1",
        "UPDATE tx_effects SET effect_id = 'x'",
        "INSERT OR REPLACE INTO tx_effects SELECT tx, position, 'x', live FROM tx_effects",
        "INSERT OR REPLACE INTO tx_effects SELECT tx, position + 9, effect_id, live FROM tx_effects WHERE live = 1",
        "UPDATE tx_attempts SET body = '{}'",
        "DELETE FROM tx_attempts",
        "INSERT OR REPLACE INTO tx_attempts SELECT number, 2, hash, body FROM tx_attempts",
    ];
    let (folder, store) = on_file().await;
    furnish(&store).await;
    let before = observe(&store).await;
    let mut prompt = prompt(&folder).await;
    for attack in attacks {
        let error = sqlx::query(attack).execute(&mut prompt).await.expect_err(attack);
        assert!(error.as_database_error().is_some(), "{attack}: {error}");
        assert_eq!(observe(&store).await, before, "{attack}");
    }
}

#[tokio::test]
async fn replacing_an_effect_of_the_outbox_changes_nothing() {
    let (folder, store) = on_file().await;
    furnish(&store).await;
    let before = observe(&store).await;
    let replaced = sqlx::query(
        "INSERT OR REPLACE INTO outbox (effect_id, deposit_id, executor, step, body, status, attempt, run_at)
         SELECT effect_id, deposit_id, executor, step, body, 'waiting', 0, 0 FROM outbox",
    )
    .execute(&mut prompt(&folder).await)
    .await
    .unwrap();
    assert_eq!(replaced.rows_affected(), 0);
    assert_eq!(observe(&store).await, before);
}

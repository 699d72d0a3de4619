//! `spandrel replay`, against ledgers that somebody got at with an SQL prompt.

use std::path::Path;

use spandrel_verifiers::DepositId;
use sqlx::ConnectOptions;

use crate::run::{ends, furnished, json, on_a_terminal, spandrel, stderr};

/// Runs statements on the closed ledger, as any SQLite tool would.
async fn prompt(folder: &Path, statements: &[String]) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("spandrel.sqlite"));
    let mut connection = options.foreign_keys(false).connect().await.unwrap();
    let triggers: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let drops = triggers.iter().map(|name| format!("DROP TRIGGER {name}"));
    for statement in drops.chain(statements.iter().cloned()) {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    sqlx::Connection::close(connection).await.unwrap();
}

#[tokio::test]
async fn what_is_stored_is_what_its_events_come_to() {
    let folder = tempfile::tempdir().unwrap();
    let (_, ids) = furnished(folder.path()).await;
    let whole = json(&ends(folder.path(), &["replay", "..", "--json"], 0, &[]));
    assert_eq!((&whole["same"], &whole["transfers"]), (&true.into(), &3.into()));
    assert!(whole["events"].as_u64().unwrap() >= 6, "{whole}");
    ends(folder.path(), &["replay", "2..3"], 0, &["1 transfers", "as stored"]);
    ends(folder.path(), &["replay", "2.."], 0, &["2 transfers"]);
    ends(folder.path(), &["replay", "9..12"], 0, &["0 transfers"]);
    ends(folder.path(), &["replay", &ids[2].to_string()], 0, &["1 transfers", "as stored"]);
}

#[tokio::test]
async fn a_changed_projection_is_named_field_by_field_with_an_exit_code_of_its_own() {
    type Change = fn(DepositId) -> Vec<String>;
    let changes: [(Change, &[&str]); 7] = [
        (
            |id| {
                vec![format!(
                    "UPDATE transfers SET body = json_set(body, '$.deposit.amount', '0x999') WHERE id = '{id}'"
                )]
            },
            &["deposit.amount: expected \"0xc352\", found \"0x999\""],
        ),
        (
            |id| vec![format!("UPDATE transfers SET status = 'final', is_open = 0 WHERE id = '{id}'")],
            &[
                "columns.status: expected \"quarantined\", found \"final\"",
                "columns.is_open: expected true, found false",
            ],
        ),
        (
            |id| {
                vec![format!(
                    "UPDATE transfers SET body = json_set(body, '$.status.error', 'another') WHERE id = '{id}'"
                )]
            },
            &["status.error: expected \"no such thing\", found \"another\""],
        ),
        (
            |id| vec![format!("UPDATE transfers SET body = '{{}}' WHERE id = '{id}'")],
            &["projection: expected a row that reads back, found corrupt transfers"],
        ),
        (
            |id| vec![format!("DELETE FROM transfer_events WHERE deposit_id = '{id}' AND kind = 'quarantined'")],
            &["sequence: expected 1, found 2", "status.status: expected \"observed\", found \"quarantined\""],
        ),
        (
            |id| {
                vec![format!(
                    "UPDATE transfer_events SET body = '{{\"event\":\"shortfall\"}}' WHERE deposit_id = '{id}' AND kind = 'quarantined'"
                )]
            },
            &["events[1]: expected an event that can follow, found"],
        ),
        (
            |id| vec![format!("DELETE FROM transfer_events WHERE deposit_id = '{id}' AND sequence = 0")],
            &["events: expected events that read back, found corrupt transfer_events"],
        ),
    ];
    for (change, named) in changes {
        let folder = tempfile::tempdir().unwrap();
        let (_, ids) = furnished(folder.path()).await;
        prompt(folder.path(), &change(ids[1])).await;
        let id = ids[1].to_string();
        let parts: Vec<&str> = named.iter().copied().chain([id.as_str(), "NOT as stored"]).collect();
        ends(folder.path(), &["replay", &id], 4, &parts);
        let all = json(&ends(folder.path(), &["replay", "..", "--json"], 4, &[]));
        let mismatches = all["mismatches"].as_array().unwrap();
        assert!(mismatches.iter().all(|row| row["transfer"] == id && row["place"] == 2), "{all}");
        ends(folder.path(), &["replay", "1..2"], 0, &[]);
        ends(folder.path(), &["replay", "3..4"], 0, &[]);
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_by_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    furnished(folder.path()).await;
    for text in ["7", "9..7", "a..b", "0x12"] {
        ends(folder.path(), &["replay", text], 2, &["expected a deposit id (0x and 64 digits) or places", text]);
    }
    let stranger = format!("0x{}", "ab".repeat(32));
    ends(folder.path(), &["replay", &stranger], 1, &["no transfer", &stranger]);
    ends(
        folder.path(),
        &["replay", "..", "--database", "none.sqlite"],
        1,
        &["database: expected a ledger at none.sqlite"],
    );
    std::fs::write(folder.path().join("text.sqlite"), "no database at all").unwrap();
    ends(folder.path(), &["replay", "..", "--database", "text.sqlite"], 1, &["database"]);
}

/// On a terminal, as `script` makes one, a bar is drawn; without one nothing is.
#[tokio::test]
async fn a_bar_is_drawn_on_a_terminal_only() {
    let folder = tempfile::tempdir().unwrap();
    furnished(folder.path()).await;
    let quiet = spandrel(folder.path(), &["replay", ".."]);
    assert_eq!(stderr(&quiet), "");
    if let Some(shown) = on_a_terminal(folder.path(), &["replay", ".."]) {
        assert!(shown.contains("replaying [") && shown.contains("as stored"), "{shown:?}");
    }
    if let Some(shown) = on_a_terminal(folder.path(), &["replay", "..", "--json"]) {
        assert!(!shown.contains("replaying"), "none beside JSON: {shown:?}");
    }
}

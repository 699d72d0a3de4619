//! Reading changes nothing: the ledger before and after, row by row.

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::answers::{Asked, ask};

/// The paths of a source's route table that are read.
pub fn read_paths(source: &str) -> Vec<String> {
    let rows = source.split(".route(\"").skip(1).filter_map(|row| row.split_once('"'));
    let gets = rows.filter(|(_, handler)| handler.trim_start_matches([',', ' ']).starts_with("get("));
    gets.map(|(path, _)| path.to_owned()).collect()
}

/// Every row of every table, by table.
pub async fn contents(ledger: &Path) -> BTreeMap<String, Vec<String>> {
    let mut connection = SqliteConnectOptions::new().filename(ledger).read_only(true).connect().await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut contents = BTreeMap::new();
    for table in tables {
        let row: String = sqlx::query_scalar(
            "SELECT group_concat('quote(\"' || name || '\")', ' || '', '' || ') FROM pragma_table_info(?)",
        )
        .bind(&table)
        .fetch_one(&mut connection)
        .await
        .unwrap();
        let all = AssertSqlSafe(format!("SELECT {row} FROM \"{table}\" ORDER BY 1"));
        contents.insert(table, sqlx::query_scalar(all).fetch_all(&mut connection).await.unwrap());
    }
    connection.close().await.unwrap();
    contents
}

/// Asks for every path with every id in it, and with these queries; the ledger is as it was. Answers how many there were,
/// and how many of them were answered with what they asked for.
pub async fn require_no_effect(
    app: &Router,
    ledger: &Path,
    paths: &[String],
    ids: &[String],
    headers: &[(&str, &[u8])],
) -> (usize, usize) {
    let before = contents(ledger).await;
    assert!(before.values().any(|rows| !rows.is_empty()), "there is something to change");
    let (mut asked, mut found) = (0, 0);
    for path in paths {
        let places = path.matches("{id}").count() + path.matches("{name}").count();
        for id in if places == 0 { &ids[..1] } else { ids } {
            let path = path.replace("{id}", id).replace("{name}", id).replace("{delivery}", id);
            for (method, query) in [("GET", ""), ("HEAD", ""), ("GET", "?limit=1&status=held&route=x&act=pause")] {
                let target = format!("{path}{query}");
                let request = Asked { method, target: &target, headers: headers.to_vec(), body: b"" };
                let (status, _) = ask(app, &request).await.unwrap();
                asked += 1;
                found += usize::from(status.is_success() || status.is_redirection());
                assert_eq!(contents(ledger).await, before, "{method} {target} ({status})");
            }
        }
    }
    (asked, found)
}

//! The control log: what guardians ordered.

use spandrel_core::ledger::{Recorded, StoreError};
use spandrel_risk::control::ControlEvent;
use spandrel_verifiers::UnixSeconds;
use sqlx::SqliteConnection;

use super::row::{self, EventRow};
use super::{Sqlite, database};
use crate::json::{from_integer, to_integer};
use crate::key;

impl Sqlite {
    pub(super) async fn control_log(&self, from: u64) -> Result<Vec<Recorded<ControlEvent>>, StoreError> {
        let rows: Vec<EventRow> =
            sqlx::query_as("SELECT sequence, body, at FROM control_events WHERE sequence >= ? ORDER BY sequence")
                .bind(to_integer("control.sequence", from)?)
                .fetch_all(&self.reader)
                .await
                .map_err(database)?;
        row::events("control_events", from, rows)
    }
}

pub async fn next_sequence(conn: &mut SqliteConnection) -> Result<u64, StoreError> {
    let next: i64 = sqlx::query_scalar("SELECT coalesce(max(sequence) + 1, 0) FROM control_events")
        .fetch_one(conn)
        .await
        .map_err(database)?;
    from_integer(|| "control_events".to_owned(), next)
}

pub async fn store(
    conn: &mut SqliteConnection,
    first: u64,
    events: &[ControlEvent],
    now: UnixSeconds,
) -> Result<(), StoreError> {
    for (sequence, event) in (first..).zip(events) {
        let (kind, body) = key::tagged_event(event)?;
        sqlx::query("INSERT INTO control_events (sequence, kind, body, at) VALUES (?, ?, ?, ?)")
            .bind(to_integer("control.sequence", sequence)?)
            .bind(kind)
            .bind(body)
            .bind(to_integer("commit.now", now)?)
            .execute(&mut *conn)
            .await
            .map_err(database)?;
    }
    Ok(())
}

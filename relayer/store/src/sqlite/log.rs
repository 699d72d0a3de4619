//! Risk and control log, merged by the audit log.

use serde::de::DeserializeOwned;
use spandrel_core::ledger::{Recorded, StoreError};
use sqlx::SqliteConnection;

use super::row::{self, EventRow};
use super::{Sqlite, audit, database};
use crate::json::to_integer;
use crate::log::{LogPage, LogPlace, LogRow, Logged};

const RISK: &str = "SELECT sequence, body, at FROM risk_events WHERE sequence >= ? ORDER BY sequence LIMIT ?";

const CONTROL: &str = "SELECT sequence, body, at FROM control_events WHERE sequence >= ? ORDER BY sequence LIMIT ?";

impl Sqlite {
    /// At most `limit` events from `from` on, each with the row that the audit log has for it. All rows of a commit are
    /// written together, so that no event is missing for its row, and none is left over at the end, unless somebody got at
    /// the ledger.
    ///
    /// # Errors
    /// `Corrupt` when something does not read back.
    pub async fn log(&self, from: LogPlace, limit: u32) -> Result<LogPage, StoreError> {
        let mut tx = self.read().await?;
        let told = audit::logged(&mut tx, from.audit, limit).await?;
        let count = |kind: &str| told.iter().filter(|row| row.kind == kind).count();
        // One more, which at the end is one too many.
        let mut risk = events(&mut tx, "risk_events", RISK, from.risk, count("risk") + 1).await?.into_iter();
        let mut control =
            events(&mut tx, "control_events", CONTROL, from.control, count("control") + 1).await?.into_iter();
        let next = LogPlace {
            audit: told.last().map_or(from.audit, |row| row.sequence.saturating_add(1)),
            risk: from.risk + count("risk") as u64,
            control: from.control + count("control") as u64,
        };
        let mut rows = Vec::with_capacity(told.len());
        for told in told {
            let stored = match told.kind.as_str() {
                "control" => control.next().map(Logged::Control),
                _ => risk.next().map(Logged::Risk),
            };
            rows.push(LogRow { told, stored });
        }
        let untold = match rows.is_empty() {
            true => risk.next().map(Logged::Risk).or_else(|| control.next().map(Logged::Control)),
            false => None,
        };
        Ok(LogPage { rows, next, untold })
    }
}

async fn events<T: DeserializeOwned>(
    conn: &mut SqliteConnection,
    log: &str,
    query: &'static str,
    from: u64,
    limit: usize,
) -> Result<Vec<Recorded<T>>, StoreError> {
    let rows: Vec<EventRow> = sqlx::query_as(query)
        .bind(to_integer(log, from)?)
        .bind(to_integer(log, limit as u64)?)
        .fetch_all(conn)
        .await
        .map_err(database)?;
    row::events(log, from, rows)
}

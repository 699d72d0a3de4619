//! The audit log's rows.

use alloy_primitives::B256;
use spandrel_core::ledger::StoreError;
use spandrel_verifiers::UnixSeconds;
use sqlx::SqliteConnection;

use super::{Sqlite, database};
use crate::AuditRow;
use crate::audit::Entry;
use crate::json::{from_integer, parse, to_integer};

/// `(sequence, at, kind, body, previous, hash)`.
type Row = (i64, i64, String, String, String, String);

impl Sqlite {
    /// At most `limit` rows of the audit log from `from` on, in order, as they are stored: not verified.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn audit(&self, from: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT sequence, at, kind, body, previous, hash FROM audit WHERE sequence >= ? ORDER BY sequence LIMIT ?",
        )
        .bind(to_integer("audit.sequence", from)?)
        .bind(limit)
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        rows.into_iter().map(read).collect()
    }

    /// At most `limit` rows before `before` (the newest when absent), newest first.
    pub async fn audit_before(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let before = before.unwrap_or(i64::MAX.unsigned_abs());
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT sequence, at, kind, body, previous, hash FROM audit WHERE sequence < ? ORDER BY sequence DESC LIMIT ?",
        )
        .bind(to_integer("audit.sequence", before)?)
        .bind(limit)
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        rows.into_iter().map(read).collect()
    }

    /// Whether it tells that a configuration was agreed on.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn was_configured(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM audit WHERE kind = 'control' AND json_extract(body, '$.event') = 'configured')",
        )
        .fetch_one(&self.reader)
        .await
        .map_err(database)
    }

    /// Whether neither a deposit nor an order is in the ledger.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn is_unused(&self) -> Result<bool, StoreError> {
        sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM transfers) AND NOT EXISTS (SELECT 1 FROM orders)")
            .fetch_one(&self.reader)
            .await
            .map_err(database)
    }

    /// How many rows the audit log has.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn audit_length(&self) -> Result<u64, StoreError> {
        let length: i64 = sqlx::query_scalar("SELECT coalesce(max(sequence) + 1, 0) FROM audit")
            .fetch_one(&self.reader)
            .await
            .map_err(database)?;
        from_integer(|| "audit".to_owned(), length)
    }
}

/// At most `limit` rows from `from` on that tell of risk or control events, in order.
pub async fn logged(conn: &mut SqliteConnection, from: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT sequence, at, kind, body, previous, hash FROM audit
         WHERE sequence >= ? AND kind IN ('risk', 'control') ORDER BY sequence LIMIT ?",
    )
    .bind(to_integer("audit.sequence", from)?)
    .bind(limit)
    .fetch_all(conn)
    .await
    .map_err(database)?;
    rows.into_iter().map(read).collect()
}

/// Appends to the chain.
pub async fn append(conn: &mut SqliteConnection, entries: Vec<Entry>, at: UnixSeconds) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let row: Option<(i64, String)> = sqlx::query_as("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        .fetch_optional(&mut *conn)
        .await
        .map_err(database)?;
    let mut last: Option<(u64, B256)> = match row {
        Some((sequence, hash)) => {
            let what = || format!("audit {sequence}");
            Some((from_integer(what, sequence)?, parse(what, &hash)?))
        }
        None => None,
    };
    for entry in entries {
        let row = AuditRow::after(last, entry, at);
        sqlx::query("INSERT INTO audit (sequence, at, kind, body, previous, hash) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(to_integer("audit.sequence", row.sequence)?)
            .bind(to_integer("audit.at", row.at)?)
            .bind(&row.kind)
            .bind(&row.body)
            .bind(row.previous.to_string())
            .bind(row.hash.to_string())
            .execute(&mut *conn)
            .await
            .map_err(database)?;
        last = Some(row.head());
    }
    Ok(())
}

fn read((sequence, at, kind, body, previous, hash): Row) -> Result<AuditRow, StoreError> {
    let what = || format!("audit {sequence}");
    Ok(AuditRow {
        sequence: from_integer(what, sequence)?,
        at: from_integer(what, at)?,
        previous: parse(what, &previous)?,
        hash: parse(what, &hash)?,
        kind,
        body,
    })
}

//! Transfers read for a replay: projection and events of each in one snapshot.

use spandrel_core::ledger::StoreError;
use spandrel_verifiers::DepositId;
use sqlx::SqliteConnection;

use super::row::{self, EventRow};
use super::{Sqlite, database};
use crate::json::{from_integer, parse, to_integer};
use crate::projection::{Columns, Projected};

/// `(number, id, source_chain, destination_chain, status, standing, is_open, sequence, body, created_at, updated_at)`.
type ProjectionRow = (i64, String, String, String, String, String, bool, i64, String, i64, i64);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT number, id, source_chain, destination_chain, status, standing, is_open, sequence, body, created_at,
                    updated_at FROM transfers WHERE ",
            $rest
        )
    };
}

impl Sqlite {
    /// Up to `limit` transfers from place `from` on, in the order in which they came.
    ///
    /// # Errors
    /// `Corrupt` when an id does not read back; what else does not is in the answer.
    pub async fn projections(&self, from: u64, limit: u32) -> Result<Vec<Projected>, StoreError> {
        let mut tx = self.read().await?;
        let rows: Vec<ProjectionRow> = sqlx::query_as(select!("number >= ? ORDER BY number LIMIT ?"))
            .bind(to_integer("transfers.number", from)?)
            .bind(i64::from(limit))
            .fetch_all(&mut *tx)
            .await
            .map_err(database)?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            found.push(with_events(&mut tx, row).await?);
        }
        Ok(found)
    }

    /// One transfer, if there is one.
    ///
    /// # Errors
    /// `Database` when SQLite fails; what does not read back is in the answer.
    pub async fn projection(&self, id: DepositId) -> Result<Option<Projected>, StoreError> {
        let mut tx = self.read().await?;
        let row: Option<ProjectionRow> =
            sqlx::query_as(select!("id = ?")).bind(id.to_string()).fetch_optional(&mut *tx).await.map_err(database)?;
        match row {
            Some(row) => Ok(Some(with_events(&mut tx, row).await?)),
            None => Ok(None),
        }
    }

    /// The place of the transfer that came last; 0 when there is none.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn last_place(&self) -> Result<u64, StoreError> {
        let last: i64 = sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM transfers")
            .fetch_one(&self.reader)
            .await
            .map_err(database)?;
        from_integer(|| "transfers".to_owned(), last)
    }
}

async fn with_events(conn: &mut SqliteConnection, row: ProjectionRow) -> Result<Projected, StoreError> {
    let id = DepositId(parse(|| format!("transfers {}", row.1), &row.1)?);
    let place = from_integer(|| format!("transfers {id}"), row.0)?;
    let events: Vec<EventRow> =
        sqlx::query_as("SELECT sequence, body, at FROM transfer_events WHERE deposit_id = ? ORDER BY sequence")
            .bind(&row.1)
            .fetch_all(conn)
            .await
            .map_err(database)?;
    let events = row::events(&row::event_log(id), 0, events);
    let stored = columns(&row).and_then(|columns| Ok((columns, row::transfer((row.1, row.7, row.8))?)));
    Ok(Projected { place, id, stored, events })
}

fn columns(row: &ProjectionRow) -> Result<Columns, StoreError> {
    let (_, id, source, destination, status, standing, is_open, sequence, _, created_at, updated_at) = row;
    let what = || format!("transfers {id}");
    Ok(Columns {
        source_chain: parse(what, source)?,
        destination_chain: parse(what, destination)?,
        status: status.clone(),
        standing: standing.clone(),
        is_open: *is_open,
        sequence: from_integer(what, *sequence)?,
        created_at: from_integer(what, *created_at)?,
        updated_at: from_integer(what, *updated_at)?,
    })
}

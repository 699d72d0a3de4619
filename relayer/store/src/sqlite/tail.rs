//! What has changed since somebody looked last, whichever process stored it.

use spandrel_core::Transfer;
use spandrel_core::ledger::StoreError;

use super::row::TransferRow;
use super::{Sqlite, database, row};
use crate::json::{from_integer, to_integer};

impl Sqlite {
    /// The place of the newest event of any transfer.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn newest_place(&self) -> Result<u64, StoreError> {
        let newest: i64 = sqlx::query_scalar("SELECT coalesce(max(rowid), 0) FROM transfer_events")
            .fetch_one(&self.reader)
            .await
            .map_err(database)?;
        from_integer(|| "transfer_events".to_owned(), newest)
    }

    /// The transfers that events after `after` and up to `to` are of, each once.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn changed_between(&self, after: u64, to: u64) -> Result<Vec<Transfer>, StoreError> {
        let rows: Vec<TransferRow> = sqlx::query_as(
            "SELECT id, sequence, body FROM transfers WHERE id IN
                (SELECT deposit_id FROM transfer_events WHERE rowid > ? AND rowid <= ?)",
        )
        .bind(to_integer("place", after)?)
        .bind(to_integer("place", to)?)
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        rows.into_iter().map(row::transfer).collect()
    }
}

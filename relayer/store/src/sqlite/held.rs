//! What held transfers wait for.

use std::collections::BTreeMap;

use spandrel_core::ledger::StoreError;

use super::{Sqlite, database};
use crate::json::from_integer;

impl Sqlite {
    /// How many transfers are held, by the kind of the reason.
    ///
    /// # Errors
    /// `Corrupt` when a held transfer has no reason.
    pub async fn held(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT json_extract(body, '$.status.reason.reason') AS kind, count(*) FROM transfers
             WHERE status = 'held' GROUP BY kind ORDER BY kind",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        rows.into_iter().map(|(kind, count)| Ok((kind, from_integer(|| "transfers".to_owned(), count)?))).collect()
    }
}

//! The key that signs quotes: made once, and the same for every process on this ledger.

use spandrel_core::ledger::StoreError;

use super::{Sqlite, database};
use crate::refusal::corrupt;

impl Sqlite {
    /// The key that stands; `fresh` from now on when there is none.
    ///
    /// # Errors
    /// `Corrupt` when it does not read back.
    pub async fn quote_key(&self, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("INSERT OR IGNORE INTO quote_key (one, key) VALUES (1, ?)")
            .bind(fresh.as_slice())
            .execute(&mut *tx)
            .await
            .map_err(database)?;
        let key: Vec<u8> =
            sqlx::query_scalar("SELECT key FROM quote_key").fetch_one(&mut *tx).await.map_err(database)?;
        tx.commit().await.map_err(database)?;
        let found = key.len();
        key.try_into().map_err(|_| corrupt("quote_key.key", format!("expected 32 bytes, found {found}")))
    }
}

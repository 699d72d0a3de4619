//! What sentinels told last.

use spandrel_core::ledger::StoreError;
use spandrel_core::watch::{Watch, Watchbook};

use super::{Sqlite, database};
use crate::json::{decode, encode};

impl Watchbook for Sqlite {
    async fn tell(&self, watch: Watch) -> Result<(), StoreError> {
        let body = encode("watch", &watch)?;
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO watches (sentinels, body) VALUES (?, ?)
             ON CONFLICT (sentinels) DO UPDATE SET body = excluded.body",
        )
        .bind(&watch.of)
        .bind(body)
        .execute(&mut *tx)
        .await
        .map_err(database)?;
        tx.commit().await.map_err(database)
    }

    async fn watches(&self) -> Result<Vec<Watch>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT sentinels, body FROM watches ORDER BY sentinels")
            .fetch_all(&self.reader)
            .await
            .map_err(database)?;
        rows.into_iter().map(|(of, body)| decode(|| format!("watches {of}"), &body)).collect()
    }
}

//! Keys of the transfer API.

use spandrel_core::ledger::StoreError;
use spandrel_verifiers::UnixSeconds;

use super::audit::append;
use super::{Sqlite, database};
use crate::api_key::ApiKey;
use crate::audit;
use crate::json::{decode, encode, from_integer, parse, to_integer};

/// `(id, name, secret_hash, body, created_at, revoked_at)`.
type KeyRow = (String, String, String, String, i64, Option<i64>);

impl Sqlite {
    /// Stores a new key.
    ///
    /// # Errors
    /// `Database` when its id is taken.
    pub async fn add_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        sqlx::query("INSERT INTO api_keys (id, name, secret_hash, body, created_at) VALUES (?, ?, ?, ?, ?)")
            .bind(&key.id)
            .bind(&key.name)
            .bind(key.secret_hash.to_string())
            .bind(encode("api key", &key.grant)?)
            .bind(to_integer("api_keys.created_at", key.created_at)?)
            .execute(&mut *tx)
            .await
            .map_err(database)?;
        append(&mut tx, vec![audit::key_made(key)?], key.created_at).await?;
        tx.commit().await.map_err(database)
    }

    /// One key, revoked or not.
    ///
    /// # Errors
    /// `Corrupt` when it does not read back.
    pub async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let row: Option<KeyRow> =
            sqlx::query_as("SELECT id, name, secret_hash, body, created_at, revoked_at FROM api_keys WHERE id = ?")
                .bind(id)
                .fetch_optional(&self.reader)
                .await
                .map_err(database)?;
        row.map(read).transpose()
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows: Vec<KeyRow> = sqlx::query_as(
            "SELECT id, name, secret_hash, body, created_at, revoked_at FROM api_keys ORDER BY created_at, id",
        )
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        rows.into_iter().map(read).collect()
    }

    /// Ends a key; whether it was valid until now.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn revoke_api_key(&self, id: &str, now: UnixSeconds) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query("UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
            .bind(to_integer("api_keys.revoked_at", now)?)
            .bind(id)
            .execute(&mut *tx)
            .await
            .map_err(database)?;
        let was_valid = done.rows_affected() == 1;
        if was_valid {
            append(&mut tx, vec![audit::key_revoked(id)?], now).await?;
        }
        tx.commit().await.map_err(database)?;
        Ok(was_valid)
    }
}

fn read((id, name, secret_hash, body, created_at, revoked_at): KeyRow) -> Result<ApiKey, StoreError> {
    let what = || format!("api_keys {id}");
    Ok(ApiKey {
        name,
        secret_hash: parse(what, &secret_hash)?,
        grant: decode(what, &body)?,
        created_at: from_integer(what, created_at)?,
        revoked_at: revoked_at.map(|at| from_integer(what, at)).transpose()?,
        id,
    })
}

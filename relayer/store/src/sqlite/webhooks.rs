//! Registered webhooks. Everything is asked for by the API key that owns it: another key's webhook is not there.

use spandrel_core::ledger::StoreError;
use spandrel_verifiers::UnixSeconds;

use super::audit::append;
use super::{Sqlite, database};
use crate::audit::{webhook_registered, webhook_removed, webhook_rotated};
use crate::json::{from_integer, to_integer};
use crate::refusal::corrupt;
use crate::webhook::{AllWaiting, Backlog, Rotation, Webhook};

/// `(id, api_key, url, generation, rotated_at, created_at)`.
pub(super) type WebhookRow = (String, String, String, i64, Option<i64>, i64);

impl Sqlite {
    /// Registers a webhook that is told of every event from now on; `false` when its key has `most` already.
    ///
    /// # Errors
    /// `Database` when its id is taken.
    pub async fn add_webhook(&self, webhook: &Webhook, most: u32) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let known: i64 = sqlx::query_scalar("SELECT count(*) FROM webhooks WHERE api_key = ? AND deleted_at IS NULL")
            .bind(&webhook.api_key)
            .fetch_one(&mut *tx)
            .await
            .map_err(database)?;
        if known >= i64::from(most) {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO webhooks (id, api_key, url, generation, after, created_at)
             VALUES (?, ?, ?, ?, (SELECT coalesce(max(rowid), 0) FROM transfer_events), ?)",
        )
        .bind(&webhook.id)
        .bind(&webhook.api_key)
        .bind(&webhook.url)
        .bind(i64::from(webhook.generation))
        .bind(to_integer("webhooks.created_at", webhook.created_at)?)
        .execute(&mut *tx)
        .await
        .map_err(database)?;
        append(&mut tx, vec![webhook_registered(webhook)?], webhook.created_at).await?;
        tx.commit().await.map_err(database)?;
        Ok(true)
    }

    /// The webhooks of a key, oldest first.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn webhooks(&self, api_key: &str) -> Result<Vec<Webhook>, StoreError> {
        let rows: Vec<WebhookRow> = sqlx::query_as(
            "SELECT id, api_key, url, generation, rotated_at, created_at FROM webhooks
             WHERE api_key = ? AND deleted_at IS NULL ORDER BY number",
        )
        .bind(api_key)
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        rows.into_iter().map(read).collect()
    }

    /// One webhook of a key.
    ///
    /// # Errors
    /// `Corrupt` when it does not read back.
    pub async fn webhook(&self, api_key: &str, id: &str) -> Result<Option<Webhook>, StoreError> {
        let row: Option<WebhookRow> = sqlx::query_as(
            "SELECT id, api_key, url, generation, rotated_at, created_at FROM webhooks
             WHERE id = ? AND api_key = ? AND deleted_at IS NULL",
        )
        .bind(id)
        .bind(api_key)
        .fetch_optional(&self.reader)
        .await
        .map_err(database)?;
        row.map(read).transpose()
    }

    /// Whether a key had a webhook of this id that was deleted.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn is_deleted_webhook(&self, api_key: &str, id: &str) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM webhooks WHERE id = ? AND api_key = ? AND deleted_at IS NOT NULL)",
        )
        .bind(id)
        .bind(api_key)
        .fetch_one(&self.reader)
        .await
        .map_err(database)
    }

    /// The webhooks of a key that are to be told of the event at `place`: those registered before it, while the key holds.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn webhooks_told_of(&self, api_key: &str, place: u64) -> Result<Vec<Webhook>, StoreError> {
        let rows: Vec<WebhookRow> = sqlx::query_as(
            "SELECT id, api_key, url, generation, rotated_at, created_at FROM webhooks
             WHERE api_key = ? AND deleted_at IS NULL AND after < ?
                 AND NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.id = api_key AND k.revoked_at IS NOT NULL)
             ORDER BY number",
        )
        .bind(api_key)
        .bind(to_integer("webhooks.after", place)?)
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        rows.into_iter().map(read).collect()
    }

    /// How much a webhook still has to be told, and what was given up.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn backlog(&self, webhook: &str) -> Result<Backlog, StoreError> {
        let (waiting, dead): (i64, i64) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'dead')
             FROM webhook_deliveries WHERE webhook = ?",
        )
        .bind(webhook)
        .fetch_one(&self.reader)
        .await
        .map_err(database)?;
        let what = || format!("webhook_deliveries of {webhook}");
        Ok(Backlog { waiting: from_integer(what, waiting)?, dead: from_integer(what, dead)? })
    }

    /// How much all webhooks still have to be told at `now`.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn webhooks_waiting(&self, now: UnixSeconds) -> Result<AllWaiting, StoreError> {
        let (waiting, dead, oldest): (i64, i64, Option<i64>) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE status = 'waiting'), count(*) FILTER (WHERE status = 'dead'),
                    min(created_at) FILTER (WHERE status = 'waiting') FROM webhook_deliveries",
        )
        .fetch_one(&self.reader)
        .await
        .map_err(database)?;
        let what = || "webhook_deliveries".to_owned();
        let backlog = Backlog { waiting: from_integer(what, waiting)?, dead: from_integer(what, dead)? };
        let oldest = oldest.map(|at| from_integer(what, at)).transpose()?;
        Ok(AllWaiting { backlog, oldest_age: oldest.map(|at| now.saturating_sub(at)) })
    }

    /// Ends a webhook and gives up what waits for it; whether it was there.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn delete_webhook(&self, api_key: &str, id: &str, now: UnixSeconds) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done =
            sqlx::query("UPDATE webhooks SET deleted_at = ? WHERE id = ? AND api_key = ? AND deleted_at IS NULL")
                .bind(to_integer("webhooks.deleted_at", now)?)
                .bind(id)
                .bind(api_key)
                .execute(&mut *tx)
                .await
                .map_err(database)?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        for of_it in
            ["DELETE FROM webhook_deliveries WHERE webhook = ?", "DELETE FROM webhook_rotations WHERE webhook = ?"]
        {
            sqlx::query(of_it).bind(id).execute(&mut *tx).await.map_err(database)?;
        }
        append(&mut tx, vec![webhook_removed(id, api_key)?], now).await?;
        tx.commit().await.map_err(database)?;
        Ok(true)
    }

    /// Gives a webhook its next secret, once for each `key` of an API key.
    ///
    /// # Errors
    /// `Corrupt` when it does not read back.
    pub async fn rotate_webhook(
        &self,
        api_key: &str,
        id: &str,
        key: &str,
        now: UnixSeconds,
    ) -> Result<Rotation, StoreError> {
        let mut tx = self.write().await?;
        let made: Option<(String, i64)> =
            sqlx::query_as("SELECT webhook, generation FROM webhook_rotations WHERE api_key = ? AND key = ?")
                .bind(api_key)
                .bind(key)
                .fetch_optional(&mut *tx)
                .await
                .map_err(database)?;
        if let Some((of, generation)) = made {
            drop(tx);
            let Some(webhook) = self.webhook(api_key, id).await? else { return Ok(Rotation::Unknown) };
            let is_last = of == id && generation == i64::from(webhook.generation);
            return Ok(if is_last { Rotation::Replayed(webhook) } else { Rotation::KeyReused });
        }
        let row: Option<WebhookRow> = sqlx::query_as(
            "UPDATE webhooks SET generation = generation + 1, rotated_at = ?
             WHERE id = ? AND api_key = ? AND deleted_at IS NULL
             RETURNING id, api_key, url, generation, rotated_at, created_at",
        )
        .bind(to_integer("webhooks.rotated_at", now)?)
        .bind(id)
        .bind(api_key)
        .fetch_optional(&mut *tx)
        .await
        .map_err(database)?;
        let Some(webhook) = row.map(read).transpose()? else { return Ok(Rotation::Unknown) };
        sqlx::query("INSERT INTO webhook_rotations (api_key, key, webhook, generation) VALUES (?, ?, ?, ?)")
            .bind(api_key)
            .bind(key)
            .bind(id)
            .bind(i64::from(webhook.generation))
            .execute(&mut *tx)
            .await
            .map_err(database)?;
        append(&mut tx, vec![webhook_rotated(&webhook)?], now).await?;
        tx.commit().await.map_err(database)?;
        Ok(Rotation::New(webhook))
    }
}

pub(super) fn read(row: WebhookRow) -> Result<Webhook, StoreError> {
    let (id, api_key, url, generation, rotated_at, created_at) = row;
    let what = || format!("webhooks {id}");
    let generation = u32::try_from(generation).map_err(|error| corrupt(what(), error))?;
    let rotated_at = rotated_at.map(|at| from_integer(what, at)).transpose()?;
    let created_at = from_integer(what, created_at)?;
    Ok(Webhook { api_key, url, generation, rotated_at, created_at, id })
}

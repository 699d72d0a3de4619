//! What webhooks are to be told. Events become deliveries by a cursor over the event log that moves in the transaction
//! that queues them, so none is lost or queued twice; an attempt is counted before it is made, so none is made for ever.

use std::collections::BTreeSet;

use spandrel_core::ledger::StoreError;
use spandrel_verifiers::UnixSeconds;
use sqlx::SqliteConnection;

use super::webhooks::WebhookRow;
use super::{Sqlite, database, webhooks};
use crate::json::{from_integer, parse, to_integer};
use crate::refusal::{conflict, corrupt};
use crate::webhook::{AttemptEnd, Delivery, DeliveryStatus, LoggedEvent, NewDelivery, Untold, Webhook};

/// `(id, webhook, event, body, status, attempt, due_at, last_error, created_at)`.
type DeliveryRow = (String, String, String, String, String, i64, i64, Option<String>, i64);

/// Why a delivery that finds the queue full is given up.
const QUEUE_FULL: &str = "too many deliveries wait for this webhook";

/// Webhooks for which something is due, those that have waited longest first; a revoked key is told nothing more.
const DUE: &str = "SELECT w.id, w.api_key, w.url, w.generation, w.rotated_at, w.created_at FROM webhooks w
    JOIN (SELECT webhook, min(due_at) AS first FROM webhook_deliveries
          WHERE status = 'waiting' AND due_at <= ? GROUP BY webhook) d ON d.webhook = w.id
    WHERE w.deleted_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM api_keys k WHERE k.id = w.api_key AND k.revoked_at IS NOT NULL)
    ORDER BY d.first LIMIT ?";

const TAKE: &str = "UPDATE webhook_deliveries SET attempt = attempt + 1, due_at = ?
    WHERE number = (SELECT number FROM webhook_deliveries
                    WHERE webhook = ? AND status = 'waiting' AND due_at <= ? ORDER BY number LIMIT 1)
    RETURNING id, webhook, event, body, status, attempt, due_at, last_error, created_at";

impl Sqlite {
    /// Up to `limit` events that some webhook may have to be told of.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn untold(&self, limit: u32) -> Result<Untold, StoreError> {
        let mut tx = self.read().await?;
        let cursor: i64 = sqlx::query_scalar("SELECT place FROM webhook_cursor WHERE one = 1")
            .fetch_one(&mut *tx)
            .await
            .map_err(database)?;
        let first: Option<i64> = sqlx::query_scalar("SELECT min(after) FROM webhooks WHERE deleted_at IS NULL")
            .fetch_one(&mut *tx)
            .await
            .map_err(database)?;
        let told = from_integer(|| "webhook_cursor".to_owned(), cursor)?;
        let Some(first) = first else { return Ok(Untold { cursor: told, events: Vec::new() }) };
        let rows: Vec<(i64, String, i64, String, i64)> = sqlx::query_as(
            "SELECT rowid, deposit_id, sequence, kind, at FROM transfer_events WHERE rowid > ? ORDER BY rowid LIMIT ?",
        )
        .bind(cursor.max(first))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(database)?;
        let events: Result<Vec<LoggedEvent>, StoreError> = rows.into_iter().map(logged).collect();
        Ok(Untold { cursor: told, events: events? })
    }

    /// Queues what the events up to `to` give rise to, and moves the cursor there. A webhook for which `most` deliveries
    /// wait gets what is more as dead letters; of what has ended, the last `most` are kept.
    ///
    /// # Errors
    /// `Conflict` when the cursor is not at `from` any more.
    pub async fn queue_deliveries(
        &self,
        from: u64,
        to: u64,
        deliveries: &[NewDelivery],
        most: u32,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let moved = sqlx::query("UPDATE webhook_cursor SET place = ? WHERE one = 1 AND place = ?")
            .bind(to_integer("webhook_cursor.place", to)?)
            .bind(to_integer("webhook_cursor.place", from)?)
            .execute(&mut *tx)
            .await
            .map_err(database)?;
        if moved.rows_affected() != 1 {
            return Err(conflict("webhook cursor", from, "another place"));
        }
        for delivery in deliveries {
            queue(&mut tx, delivery, most, now).await?;
        }
        let told: BTreeSet<&String> = deliveries.iter().map(|delivery| &delivery.webhook).collect();
        for webhook in told {
            forget_ended(&mut tx, webhook, most).await?;
        }
        tx.commit().await.map_err(database)
    }

    /// Takes the oldest due delivery of each of up to `limit` webhooks that are not in `busy`, counts the attempt, and
    /// keeps it from others until `lease_until`.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn take_deliveries(
        &self,
        now: UnixSeconds,
        lease_until: UnixSeconds,
        busy: &BTreeSet<String>,
        limit: usize,
    ) -> Result<Vec<(Webhook, Delivery)>, StoreError> {
        let at = to_integer("webhook_deliveries.due_at", now)?;
        let asked = limit.saturating_add(busy.len()).try_into().unwrap_or(i64::MAX);
        let due: Vec<WebhookRow> =
            sqlx::query_as(DUE).bind(at).bind(asked).fetch_all(&self.reader).await.map_err(database)?;
        let free: Vec<WebhookRow> = due.into_iter().filter(|row| !busy.contains(&row.0)).take(limit).collect();
        if free.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let mut taken = Vec::new();
        for row in free {
            let webhook = webhooks::read(row)?;
            let delivery: Option<DeliveryRow> = sqlx::query_as(TAKE)
                .bind(to_integer("webhook_deliveries.due_at", lease_until)?)
                .bind(&webhook.id)
                .bind(at)
                .fetch_optional(&mut *tx)
                .await
                .map_err(database)?;
            if let Some(delivery) = delivery {
                taken.push((webhook, read(delivery)?));
            }
        }
        tx.commit().await.map_err(database)?;
        Ok(taken)
    }

    /// Notes how an attempt ended; `false` when the delivery was taken over by another attempt, or is gone.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn end_attempt(&self, id: &str, attempt: u32, end: &AttemptEnd) -> Result<bool, StoreError> {
        let (status, due_at, error) = match end {
            AttemptEnd::Delivered => (DeliveryStatus::Delivered, None, None),
            AttemptEnd::Retry { at, error } => (DeliveryStatus::Waiting, Some(*at), Some(error)),
            AttemptEnd::Dead { error } => (DeliveryStatus::Dead, None, Some(error)),
        };
        let due_at = due_at.map(|at| to_integer("webhook_deliveries.due_at", at)).transpose()?;
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE webhook_deliveries SET status = ?, due_at = coalesce(?, due_at), last_error = ?
             WHERE id = ? AND attempt = ? AND status = 'waiting'",
        )
        .bind(status.name())
        .bind(due_at)
        .bind(error)
        .bind(id)
        .bind(i64::from(attempt))
        .execute(&mut *tx)
        .await
        .map_err(database)?;
        tx.commit().await.map_err(database)?;
        Ok(done.rows_affected() == 1)
    }

    /// When something is due next, after `now`.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn next_delivery(&self, now: UnixSeconds) -> Result<Option<UnixSeconds>, StoreError> {
        let next: Option<i64> =
            sqlx::query_scalar("SELECT min(due_at) FROM webhook_deliveries WHERE status = 'waiting' AND due_at > ?")
                .bind(to_integer("webhook_deliveries.due_at", now)?)
                .fetch_one(&self.reader)
                .await
                .map_err(database)?;
        next.map(|at| from_integer(|| "webhook_deliveries".to_owned(), at)).transpose()
    }

    /// The last deliveries of a webhook, newest first.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn deliveries(&self, webhook: &str, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        let rows: Vec<DeliveryRow> = sqlx::query_as(
            "SELECT id, webhook, event, body, status, attempt, due_at, last_error, created_at FROM webhook_deliveries
             WHERE webhook = ? ORDER BY number DESC LIMIT ?",
        )
        .bind(webhook)
        .bind(i64::from(limit))
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        rows.into_iter().map(read).collect()
    }

    /// Sends a dead delivery back to the queue, with all its attempts; whether there was one.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn revive_delivery(&self, webhook: &str, id: &str, now: UnixSeconds) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let done = sqlx::query(
            "UPDATE webhook_deliveries SET status = 'waiting', attempt = 0, due_at = ?
             WHERE id = ? AND webhook = ? AND status = 'dead'",
        )
        .bind(to_integer("webhook_deliveries.due_at", now)?)
        .bind(id)
        .bind(webhook)
        .execute(&mut *tx)
        .await
        .map_err(database)?;
        tx.commit().await.map_err(database)?;
        Ok(done.rows_affected() == 1)
    }
}

/// Queues one delivery, unless its webhook is gone by now.
async fn queue(
    conn: &mut SqliteConnection,
    delivery: &NewDelivery,
    most: u32,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let waiting: i64 =
        sqlx::query_scalar("SELECT count(*) FROM webhook_deliveries WHERE webhook = ? AND status = 'waiting'")
            .bind(&delivery.webhook)
            .fetch_one(&mut *conn)
            .await
            .map_err(database)?;
    let is_full = waiting >= i64::from(most);
    let status = if is_full { DeliveryStatus::Dead } else { DeliveryStatus::Waiting };
    let now = to_integer("webhook_deliveries.created_at", now)?;
    sqlx::query(
        "INSERT INTO webhook_deliveries (id, webhook, event, body, status, due_at, last_error, created_at)
         SELECT ?, id, ?, ?, ?, ?, ?, ? FROM webhooks WHERE id = ? AND deleted_at IS NULL",
    )
    .bind(&delivery.id)
    .bind(&delivery.event)
    .bind(&delivery.body)
    .bind(status.name())
    .bind(now)
    .bind(is_full.then_some(QUEUE_FULL))
    .bind(now)
    .bind(&delivery.webhook)
    .execute(conn)
    .await
    .map_err(database)?;
    Ok(())
}

async fn forget_ended(conn: &mut SqliteConnection, webhook: &str, most: u32) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM webhook_deliveries WHERE webhook = ?1 AND status <> 'waiting' AND number <=
             (SELECT number FROM webhook_deliveries WHERE webhook = ?1 AND status <> 'waiting'
              ORDER BY number DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(webhook)
    .bind(i64::from(most))
    .execute(conn)
    .await
    .map_err(database)?;
    Ok(())
}

fn logged((place, deposit, sequence, event, at): (i64, String, i64, String, i64)) -> Result<LoggedEvent, StoreError> {
    let what = || format!("transfer_events {deposit}");
    Ok(LoggedEvent {
        place: from_integer(what, place)?,
        sequence: from_integer(what, sequence)?,
        at: from_integer(what, at)?,
        deposit: spandrel_verifiers::DepositId(parse(what, &deposit)?),
        event,
    })
}

fn read(row: DeliveryRow) -> Result<Delivery, StoreError> {
    let (id, webhook, event, body, status, attempt, due_at, last_error, created_at) = row;
    let what = || format!("webhook_deliveries {id}");
    let status = match status.as_str() {
        "waiting" => DeliveryStatus::Waiting,
        "delivered" => DeliveryStatus::Delivered,
        "dead" => DeliveryStatus::Dead,
        other => return Err(corrupt(what(), format!("status {other}"))),
    };
    let attempt = u32::try_from(attempt).map_err(|error| corrupt(what(), error))?;
    let (due_at, created_at) = (from_integer(what, due_at)?, from_integer(what, created_at)?);
    Ok(Delivery { what: NewDelivery { id, webhook, event, body }, status, attempt, due_at, last_error, created_at })
}

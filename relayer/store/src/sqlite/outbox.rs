//! Effects: inserted once under their derived id, leased, ended.

use alloy_primitives::B256;
use spandrel_core::ledger::{EffectEnd, LeasedEffect, NewEffect, StoreError};
use spandrel_core::{EffectId, Executor};
use spandrel_verifiers::{DepositId, UnixSeconds};
use sqlx::SqliteConnection;

use super::{Sqlite, database};
use crate::json::{decode, encode, parse, to_integer};
use crate::key;
use crate::refusal::corrupt;

/// Executor, now, limit: what has been due longest first.
pub const DUE: &str = "SELECT number, effect_id, deposit_id, body, attempt, status FROM outbox
    WHERE executor = ? AND status <> 'done' AND due_at <= ? ORDER BY due_at, number LIMIT ?";

/// `(number, effect_id, deposit_id, body, attempt, status)`.
type EffectRow = (i64, String, String, String, i64, String);

impl Sqlite {
    /// One effect, whatever became of it; `attempt` is how often it was leased until now.
    pub(super) async fn find_effect(&self, id: EffectId) -> Result<Option<LeasedEffect>, StoreError> {
        let row: Option<EffectRow> = sqlx::query_as(
            "SELECT number, effect_id, deposit_id, body, attempt, status FROM outbox WHERE effect_id = ?",
        )
        .bind(id.0.to_string())
        .fetch_optional(&self.reader)
        .await
        .map_err(database)?;
        row.map(read).transpose()
    }

    /// Leases what has been due longest first. An unreadable effect fails the whole call, and nothing is leased.
    pub(super) async fn lease_due(
        &self,
        executor: &Executor,
        now: UnixSeconds,
        until: UnixSeconds,
        limit: u32,
    ) -> Result<Vec<LeasedEffect>, StoreError> {
        let (now, until) = (to_integer("lease.now", now)?, to_integer("lease.until", until)?);
        let mut tx = self.write().await?;
        let due: Vec<EffectRow> = sqlx::query_as(DUE)
            .bind(key::executor(executor))
            .bind(now)
            .bind(limit)
            .fetch_all(&mut *tx)
            .await
            .map_err(database)?;
        let mut leased = Vec::with_capacity(due.len());
        for row in due {
            sqlx::query("UPDATE outbox SET status = 'leased', lease_until = ?, attempt = attempt + 1 WHERE number = ?")
                .bind(until)
                .bind(row.0)
                .execute(&mut *tx)
                .await
                .map_err(database)?;
            leased.push(read(row)?);
        }
        tx.commit().await.map_err(database)?;
        Ok(leased)
    }
}

fn read((_, id, deposit, body, attempt, status): EffectRow) -> Result<LeasedEffect, StoreError> {
    let what = || format!("outbox {id}");
    Ok(LeasedEffect {
        id: EffectId(parse::<B256>(what, &id)?),
        deposit: DepositId(parse::<B256>(what, &deposit)?),
        effect: decode(what, &body)?,
        attempt: u32::try_from(attempt).map_err(|_| corrupt(what(), format!("attempt {attempt}")))?,
        is_done: status == "done",
    })
}

/// Inserts an effect unless its id is there, done or not.
pub async fn insert(conn: &mut SqliteConnection, new: &NewEffect) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (effect_id, deposit_id, executor, step, body, status, attempt, run_at)
         VALUES (?, ?, ?, ?, ?, 'waiting', 0, ?) ON CONFLICT (effect_id) DO NOTHING",
    )
    .bind(new.id.0.to_string())
    .bind(new.deposit.to_string())
    .bind(key::executor(&new.executor))
    .bind(new.effect.step())
    .bind(encode("effect", &new.effect)?)
    .bind(to_integer("effect.run_at", new.run_at)?)
    .execute(conn)
    .await
    .map_err(database)?;
    Ok(())
}

/// Ends an effect that exists and is not done. One that does not work is overdue from the first time on.
pub async fn end(
    conn: &mut SqliteConnection,
    id: EffectId,
    end: &EffectEnd,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let query = match end {
        EffectEnd::Done => sqlx::query("UPDATE outbox SET status = 'done', lease_until = NULL WHERE effect_id = ?"),
        EffectEnd::Retry { run_at, error } => sqlx::query(
            "UPDATE outbox SET status = 'waiting', lease_until = NULL, run_at = ?, last_error = ?,
                overdue_since = coalesce(overdue_since, ?) WHERE effect_id = ?",
        )
        .bind(to_integer("effect.run_at", *run_at)?)
        .bind(error.clone())
        .bind(to_integer("effect.overdue_since", now)?),
        EffectEnd::Later { run_at, reason } => sqlx::query(
            "UPDATE outbox SET status = 'waiting', lease_until = NULL, run_at = ?, last_error = ?, overdue_since = NULL
             WHERE effect_id = ?",
        )
        .bind(to_integer("effect.run_at", *run_at)?)
        .bind(reason.clone()),
    };
    query.bind(id.0.to_string()).execute(conn).await.map_err(database)?;
    Ok(())
}

//! `Ledger::commit`: everything one step changes, in one transaction.

use spandrel_core::EffectId;
use spandrel_core::ledger::{Commit, CursorMove, StoreError, TransferChange};
use spandrel_risk::RiskEvent;
use spandrel_verifiers::{DepositId, UnixSeconds};
use sqlx::SqliteConnection;

use super::{Sqlite, audit, control, database, halts, outbox, row};
use crate::audit as audit_of;
use crate::expectations::{self, Found};
use crate::json::{encode, from_integer, to_integer};
use crate::key;

impl Sqlite {
    /// Expectations are read and checked in the transaction that writes, so that nothing can come between.
    pub(super) async fn commit_whole(&self, commit: Commit) -> Result<(), StoreError> {
        expectations::well_formed(&commit)?;
        let mut tx = self.write().await?;
        let found = find(&mut tx, &commit).await?;
        expectations::check(&commit, &found)?;
        store(&mut tx, &commit).await?;
        tx.commit().await.map_err(database)
    }
}

async fn find(conn: &mut SqliteConnection, commit: &Commit) -> Result<Found, StoreError> {
    let mut found = Found::default();
    if let Some(mv) = &commit.cursor {
        found.halted = halts::halted(conn, &mv.chain).await?;
        let body: Option<String> = sqlx::query_scalar("SELECT body FROM cursors WHERE chain = ?")
            .bind(mv.chain.as_str())
            .fetch_optional(&mut *conn)
            .await
            .map_err(database)?;
        found.cursor = body.map(|body| row::cursor(mv.chain.as_str(), &body)).transpose()?;
    }
    for change in &commit.transfers {
        let id = change.after.id;
        if let Some(sequence) = transfer_sequence(conn, id).await? {
            found.sequences.insert(id, sequence);
        }
    }
    if !commit.risk.is_empty() {
        let next: i64 = sqlx::query_scalar("SELECT coalesce(max(sequence) + 1, 0) FROM risk_events")
            .fetch_one(&mut *conn)
            .await
            .map_err(database)?;
        found.risk_sequence = from_integer(|| "risk_events".to_owned(), next)?;
    }
    if commit.depends_on_control() {
        found.control_sequence = control::next_sequence(conn).await?;
    }
    if let Some((chain, _)) = &commit.acknowledged {
        found.is_acknowledged_halted = halts::halted(conn, chain).await?.is_some();
    }
    for (id, _) in &commit.ended {
        if let Some(done) = effect_is_done(conn, *id).await? {
            found.effects.insert(*id, done);
        }
    }
    Ok(found)
}

async fn transfer_sequence(conn: &mut SqliteConnection, id: DepositId) -> Result<Option<u64>, StoreError> {
    let sequence: Option<i64> = sqlx::query_scalar("SELECT sequence FROM transfers WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(conn)
        .await
        .map_err(database)?;
    sequence.map(|sequence| from_integer(|| format!("transfers {id}"), sequence)).transpose()
}

async fn effect_is_done(conn: &mut SqliteConnection, id: EffectId) -> Result<Option<bool>, StoreError> {
    sqlx::query_scalar("SELECT status = 'done' FROM outbox WHERE effect_id = ?")
        .bind(id.0.to_string())
        .fetch_optional(conn)
        .await
        .map_err(database)
}

async fn store(conn: &mut SqliteConnection, commit: &Commit) -> Result<(), StoreError> {
    for change in commit.transfers.iter().filter(|change| !change.events.is_empty()) {
        store_transfer(conn, change, commit.now).await?;
    }
    store_risk(conn, commit.expected_risk_sequence, &commit.risk, commit.now).await?;
    control::store(conn, commit.expected_control_sequence, &commit.control, commit.now).await?;
    audit::append(conn, audit_of::entries(commit)?, commit.now).await?;
    for effect in &commit.effects {
        outbox::insert(conn, effect).await?;
    }
    for (id, end) in &commit.ended {
        outbox::end(conn, *id, end, commit.now).await?;
    }
    if let Some(mv) = &commit.cursor {
        store_cursor(conn, mv, commit.now).await?;
    }
    if let Some(halt) = &commit.halt {
        halts::halt(conn, halt, commit.now).await?;
    }
    if let Some((chain, by)) = &commit.acknowledged {
        halts::acknowledge(conn, chain, by, commit.now).await?;
    }
    Ok(())
}

async fn store_transfer(
    conn: &mut SqliteConnection,
    change: &TransferChange,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let after = &change.after;
    let id = after.id.to_string();
    sqlx::query(
        "INSERT INTO transfers (id, source_chain, destination_chain, status, standing, is_open, sequence, body,
                                created_at, updated_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, standing = excluded.standing,
             is_open = excluded.is_open, sequence = excluded.sequence, body = excluded.body,
             updated_at = excluded.updated_at",
    )
    .bind(&id)
    .bind(after.deposit.source_chain.as_str())
    .bind(after.deposit.destination_chain.as_str())
    .bind(after.status.name())
    .bind(key::standing(&after.standing))
    .bind(!after.status.is_terminal())
    .bind(to_integer("transfer.sequence", after.sequence)?)
    .bind(encode("transfer", after)?)
    .bind(to_integer("transfer.created_at", after.created_at)?)
    .bind(to_integer("transfer.updated_at", after.updated_at)?)
    .execute(&mut *conn)
    .await
    .map_err(database)?;
    for (sequence, event) in (change.expected_sequence..).zip(&change.events) {
        let (kind, body) = key::tagged_event(event)?;
        sqlx::query("INSERT INTO transfer_events (deposit_id, sequence, kind, body, at) VALUES (?, ?, ?, ?, ?)")
            .bind(&id)
            .bind(to_integer("event.sequence", sequence)?)
            .bind(kind)
            .bind(body)
            .bind(to_integer("commit.now", now)?)
            .execute(&mut *conn)
            .await
            .map_err(database)?;
    }
    Ok(())
}

async fn store_risk(
    conn: &mut SqliteConnection,
    first: u64,
    events: &[RiskEvent],
    now: UnixSeconds,
) -> Result<(), StoreError> {
    for (sequence, event) in (first..).zip(events) {
        let (kind, body) = key::tagged_event(event)?;
        sqlx::query("INSERT INTO risk_events (sequence, kind, body, at) VALUES (?, ?, ?, ?)")
            .bind(to_integer("risk.sequence", sequence)?)
            .bind(kind)
            .bind(body)
            .bind(to_integer("commit.now", now)?)
            .execute(&mut *conn)
            .await
            .map_err(database)?;
    }
    Ok(())
}

async fn store_cursor(conn: &mut SqliteConnection, mv: &CursorMove, now: UnixSeconds) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO cursors (chain, body, updated_at) VALUES (?, ?, ?)
         ON CONFLICT (chain) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at",
    )
    .bind(mv.chain.as_str())
    .bind(encode("cursor", &mv.next)?)
    .bind(to_integer("commit.now", now)?)
    .execute(conn)
    .await
    .map_err(database)?;
    Ok(())
}

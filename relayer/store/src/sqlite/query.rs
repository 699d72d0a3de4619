//! The port of the ledger, and its reads.

use spandrel_core::ledger::{Commit, LeasedEffect, Ledger, RISK_PAGE, Recorded, StoreError, TransferFilter};
use spandrel_core::{EffectId, Event, Executor, Transfer};
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use super::row::{EventRow, TransferRow};
use super::{Sqlite, database, halts, row};

const ALL: &str = "SELECT id, sequence, body FROM transfers ORDER BY created_at, number";

pub const OPEN: &str = "SELECT id, sequence, body FROM transfers WHERE is_open = 1 ORDER BY created_at, number";

pub const ALL_FROM: &str =
    "SELECT id, sequence, body FROM transfers WHERE source_chain = ? ORDER BY created_at, number";

pub const OPEN_FROM: &str =
    "SELECT id, sequence, body FROM transfers WHERE source_chain = ? AND is_open = 1 ORDER BY created_at, number";

impl Ledger for Sqlite {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.commit_whole(commit).await
    }

    async fn transfer(&self, id: DepositId) -> Result<Option<Transfer>, StoreError> {
        let found: Option<TransferRow> = sqlx::query_as("SELECT id, sequence, body FROM transfers WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.reader)
            .await
            .map_err(database)?;
        found.map(row::transfer).transpose()
    }

    async fn transfers(&self, filter: &TransferFilter) -> Result<Vec<Transfer>, StoreError> {
        let source = filter.source.as_ref().map(|chain| chain.as_str().to_owned());
        let query = match (source, filter.open_only) {
            (None, false) => sqlx::query_as(ALL),
            (None, true) => sqlx::query_as(OPEN),
            (Some(source), false) => sqlx::query_as(ALL_FROM).bind(source),
            (Some(source), true) => sqlx::query_as(OPEN_FROM).bind(source),
        };
        let rows: Vec<TransferRow> = query.fetch_all(&self.reader).await.map_err(database)?;
        rows.into_iter().map(row::transfer).collect()
    }

    async fn events(&self, id: DepositId) -> Result<Vec<Recorded<Event>>, StoreError> {
        let rows: Vec<EventRow> =
            sqlx::query_as("SELECT sequence, body, at FROM transfer_events WHERE deposit_id = ? ORDER BY sequence")
                .bind(id.to_string())
                .fetch_all(&self.reader)
                .await
                .map_err(database)?;
        row::events(&row::event_log(id), 0, rows)
    }

    async fn risk_events(&self, from: u64) -> Result<Vec<Recorded<RiskEvent>>, StoreError> {
        let Ok(first) = i64::try_from(from) else { return Ok(Vec::new()) };
        let rows: Vec<EventRow> =
            sqlx::query_as("SELECT sequence, body, at FROM risk_events WHERE sequence >= ? ORDER BY sequence LIMIT ?")
                .bind(first)
                .bind(i64::try_from(RISK_PAGE).unwrap_or(i64::MAX))
                .fetch_all(&self.reader)
                .await
                .map_err(database)?;
        row::events("risk_events", from, rows)
    }

    async fn control_events(&self, from: u64) -> Result<Vec<Recorded<ControlEvent>>, StoreError> {
        self.control_log(from).await
    }

    async fn cursor(&self, chain: &ChainId) -> Result<Option<Cursor>, StoreError> {
        let body: Option<String> = sqlx::query_scalar("SELECT body FROM cursors WHERE chain = ?")
            .bind(chain.as_str())
            .fetch_optional(&self.reader)
            .await
            .map_err(database)?;
        body.map(|body| row::cursor(chain.as_str(), &body)).transpose()
    }

    async fn halted(&self, chain: &ChainId) -> Result<Option<String>, StoreError> {
        let mut conn = self.reader.acquire().await.map_err(database)?;
        halts::halted(&mut conn, chain).await
    }

    async fn effect(&self, id: EffectId) -> Result<Option<LeasedEffect>, StoreError> {
        self.find_effect(id).await
    }

    async fn lease(
        &self,
        executor: &Executor,
        now: UnixSeconds,
        until: UnixSeconds,
        limit: u32,
    ) -> Result<Vec<LeasedEffect>, StoreError> {
        self.lease_due(executor, now, until, limit).await
    }
}

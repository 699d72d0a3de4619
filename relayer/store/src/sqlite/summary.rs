//! Counts and ages for `status`, from one snapshot.

use std::collections::BTreeMap;

use spandrel_core::ledger::StoreError;
use spandrel_verifiers::{ChainId, UnixSeconds};
use sqlx::SqliteConnection;

use super::{Sqlite, database, halts, row};
use crate::json::{from_integer, parse, to_integer};
use crate::summary::{CursorTip, OpenTxs, OutboxDepth, Summary};

impl Sqlite {
    /// The ledger at a glance; ages are measured at `now`.
    ///
    /// # Errors
    /// `Corrupt` when a cursor or a halt flag does not read back.
    pub async fn summary(&self, now: UnixSeconds) -> Result<Summary, StoreError> {
        let mut tx = self.read().await?;
        Ok(Summary {
            transfers: transfers(&mut tx).await?,
            oldest_executed_age: oldest_executed_age(&mut tx, now).await?,
            outbox: outbox(&mut tx, now).await?,
            open_txs: open_txs(&mut tx).await?,
            cursors: cursors(&mut tx).await?,
            halted: halted(&mut tx).await?,
        })
    }
}

async fn transfers(conn: &mut SqliteConnection) -> Result<BTreeMap<String, u64>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT status, count(*) FROM transfers GROUP BY status")
        .fetch_all(conn)
        .await
        .map_err(database)?;
    rows.into_iter().map(|(status, count)| Ok((status, counted("transfers", count)?))).collect()
}

async fn oldest_executed_age(conn: &mut SqliteConnection, now: UnixSeconds) -> Result<Option<u64>, StoreError> {
    let oldest: Option<i64> = sqlx::query_scalar(
        "SELECT max(0, ?1 - min(paid_at)) FROM (SELECT max(event.at) AS paid_at FROM transfers
         JOIN transfer_events event ON event.deposit_id = transfers.id AND event.kind = 'executed'
         WHERE transfers.status = 'executed' GROUP BY transfers.id)",
    )
    .bind(to_integer("summary.now", now)?)
    .fetch_one(conn)
    .await
    .map_err(database)?;
    oldest.map(|age| counted("transfer_events", age)).transpose()
}

async fn outbox(conn: &mut SqliteConnection, now: UnixSeconds) -> Result<BTreeMap<String, OutboxDepth>, StoreError> {
    let rows: Vec<(String, i64, i64, Option<i64>)> = sqlx::query_as(
        "SELECT executor, sum(status = 'waiting'), sum(status = 'leased'),
             max(CASE WHEN overdue_since IS NOT NULL THEN max(0, ?1 - overdue_since)
                      WHEN due_at <= ?1 THEN ?1 - due_at END)
         FROM outbox WHERE status <> 'done' GROUP BY executor",
    )
    .bind(to_integer("summary.now", now)?)
    .fetch_all(conn)
    .await
    .map_err(database)?;
    rows.into_iter()
        .map(|(executor, waiting, leased, age)| {
            let depth = OutboxDepth {
                waiting: counted("outbox", waiting)?,
                leased: counted("outbox", leased)?,
                oldest_due_age: age.map(|age| counted("outbox", age)).transpose()?,
            };
            Ok((executor, depth))
        })
        .collect()
}

async fn open_txs(conn: &mut SqliteConnection) -> Result<Vec<OpenTxs>, StoreError> {
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT chain, signer, count(*), min(nonce) FROM txs WHERE outcome = 'open'
         GROUP BY chain, signer ORDER BY chain, lower(signer)",
    )
    .fetch_all(conn)
    .await
    .map_err(database)?;
    rows.into_iter()
        .map(|(chain, signer, count, lowest)| {
            let what = || format!("txs of {signer}");
            Ok(OpenTxs {
                chain: parse(what, &chain)?,
                signer: parse(what, &signer)?,
                count: counted("txs", count)?,
                lowest_nonce: counted("txs", lowest)?,
            })
        })
        .collect()
}

async fn cursors(conn: &mut SqliteConnection) -> Result<BTreeMap<ChainId, CursorTip>, StoreError> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT chain, body, updated_at FROM cursors").fetch_all(conn).await.map_err(database)?;
    rows.into_iter()
        .map(|(chain, body, updated_at)| {
            let tip = CursorTip::of(&row::cursor(&chain, &body)?, counted("cursors", updated_at)?);
            Ok((parse(|| format!("cursors {chain}"), &chain)?, tip))
        })
        .collect()
}

async fn halted(conn: &mut SqliteConnection) -> Result<BTreeMap<ChainId, String>, StoreError> {
    let chains: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT chain FROM halts").fetch_all(&mut *conn).await.map_err(database)?;
    let mut halted = BTreeMap::new();
    for chain in chains {
        let chain: ChainId = parse(|| format!("halts of {chain}"), &chain)?;
        if let Some(reason) = halts::halted(conn, &chain).await? {
            halted.insert(chain, reason);
        }
    }
    Ok(halted)
}

fn counted(table: &str, value: i64) -> Result<u64, StoreError> {
    from_integer(|| table.to_owned(), value)
}

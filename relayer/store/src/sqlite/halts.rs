//! Halt flags: a log of halts and acknowledgements, of which each chain's last entry counts.

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};
use spandrel_core::ledger::{Halt, StoreError};
use spandrel_verifiers::{ChainId, UnixSeconds};
use sqlx::SqliteConnection;

use super::{Sqlite, database};
use crate::json::{decode, encode, from_integer, to_integer};

/// One entry. Variants are never removed or renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
enum Entry {
    Halted {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Bytes>,
    },
    Acknowledged {
        operator: String,
    },
}

/// Why `chain` is halted, if it is. What does not read back is an error.
pub async fn halted(conn: &mut SqliteConnection, chain: &ChainId) -> Result<Option<String>, StoreError> {
    let last: Option<(i64, String)> =
        sqlx::query_as("SELECT number, body FROM halts WHERE chain = ? ORDER BY number DESC LIMIT 1")
            .bind(chain.as_str())
            .fetch_optional(conn)
            .await
            .map_err(database)?;
    let Some((number, body)) = last else { return Ok(None) };
    Ok(match decode(|| format!("halts {number} of {chain}"), &body)? {
        Entry::Halted { reason, .. } => Some(reason),
        Entry::Acknowledged { .. } => None,
    })
}

/// Halts a chain; one that is halted already gets the newer reason.
pub async fn halt(conn: &mut SqliteConnection, halt: &Halt, now: UnixSeconds) -> Result<(), StoreError> {
    let entry = Entry::Halted { reason: halt.reason.clone(), evidence: halt.evidence.clone() };
    append(conn, &halt.chain, &entry, now).await
}

impl Sqlite {
    /// What the last halt of `chain` that has any evidence was kept with, lifted or not, and when it was written.
    ///
    /// # Errors
    /// `Corrupt` when a halt does not read back.
    pub async fn halt_evidence(&self, chain: &ChainId) -> Result<Option<(UnixSeconds, Bytes)>, StoreError> {
        let mut tx = self.read().await?;
        let rows: Vec<(i64, String, i64)> =
            sqlx::query_as("SELECT number, body, at FROM halts WHERE chain = ? ORDER BY number DESC")
                .bind(chain.as_str())
                .fetch_all(&mut *tx)
                .await
                .map_err(database)?;
        for (number, body, at) in rows {
            let what = || format!("halts {number} of {chain}");
            if let Entry::Halted { evidence: Some(evidence), .. } = decode(what, &body)? {
                return Ok(Some((from_integer(what, at)?, evidence)));
            }
        }
        Ok(None)
    }
}

/// Lifts the halt of `chain`, which is there; `by` says who, and why it is safe.
pub async fn acknowledge(
    conn: &mut SqliteConnection,
    chain: &ChainId,
    by: &str,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    append(conn, chain, &Entry::Acknowledged { operator: by.to_owned() }, now).await?;
    tracing::warn!(%chain, by, "a halt was acknowledged");
    Ok(())
}

async fn append(
    conn: &mut SqliteConnection,
    chain: &ChainId,
    entry: &Entry,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO halts (chain, body, at) VALUES (?, ?, ?)")
        .bind(chain.as_str())
        .bind(encode("halt", entry)?)
        .bind(to_integer("halt.at", now)?)
        .execute(conn)
        .await
        .map_err(database)?;
    Ok(())
}

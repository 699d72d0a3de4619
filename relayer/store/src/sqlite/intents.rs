//! Announced Bitcoin deposits.

use alloy_primitives::{B256, Bytes};
use spandrel_core::ledger::StoreError;
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::bitcoin::DepositTerms;
use sqlx::{Sqlite as Db, Transaction};

use super::{Sqlite, database};
use crate::Intent;
use crate::json::{decode, encode, from_integer, parse, to_integer};

/// `(script, terms, created_at)`.
type IntentRow = (String, String, i64);

impl Sqlite {
    /// Stores that an output with `script` is meant as a deposit on `terms`. Announcing the same again changes
    /// nothing.
    ///
    /// # Errors
    /// `Conflict` when the script is announced with other terms.
    pub async fn add_intent(&self, script: Bytes, terms: DepositTerms, now: UnixSeconds) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        announce(&mut tx, script, terms, now).await?;
        tx.commit().await.map_err(database)
    }

    /// All announced deposits, in the order they were announced.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        let rows: Vec<IntentRow> = sqlx::query_as("SELECT script, terms, created_at FROM intents ORDER BY number")
            .fetch_all(&self.reader)
            .await
            .map_err(database)?;
        rows.into_iter().map(read).collect()
    }

    /// Those announced after the one at `place` that expire at `from` or later, each with its place.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn intents_after(&self, place: u64, from: UnixSeconds) -> Result<Vec<(u64, Intent)>, StoreError> {
        let sql =
            "SELECT number, script, terms, created_at FROM intents WHERE number > ? AND expiry >= ? ORDER BY number";
        let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(sql)
            .bind(to_integer("intent.number", place)?)
            .bind(bounded(from))
            .fetch_all(&self.reader)
            .await
            .map_err(database)?;
        let placed = |(number, script, terms, created_at)| {
            Ok((from_integer(|| format!("intents {script}"), number)?, read((script, terms, created_at))?))
        };
        rows.into_iter().map(placed).collect()
    }

    /// Those whose deposits are to be paid to `recipient` until `expiry`.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn intents_of(&self, recipient: B256, expiry: UnixSeconds) -> Result<Vec<Intent>, StoreError> {
        let sql = "SELECT script, terms, created_at FROM intents WHERE recipient = ? AND expiry = ? ORDER BY number";
        let rows: Vec<IntentRow> = sqlx::query_as(sql)
            .bind(recipient.to_string())
            .bind(bounded(expiry))
            .fetch_all(&self.reader)
            .await
            .map_err(database)?;
        rows.into_iter().map(read).collect()
    }
}

fn bounded(at: UnixSeconds) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// Stores the announcement in `tx`, unless it is there with the same terms.
pub async fn announce(
    tx: &mut Transaction<'static, Db>,
    script: Bytes,
    terms: DepositTerms,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    let row: Option<IntentRow> = sqlx::query_as("SELECT script, terms, created_at FROM intents WHERE script = ?")
        .bind(script.to_string())
        .fetch_optional(&mut **tx)
        .await
        .map_err(database)?;
    if let Some(known) = row.map(read).transpose()? {
        return known.must_have(&terms);
    }
    sqlx::query("INSERT INTO intents (script, terms, created_at, expiry, recipient) VALUES (?, ?, ?, ?, ?)")
        .bind(script.to_string())
        .bind(encode("intent", &terms)?)
        .bind(to_integer("intent.created_at", now)?)
        .bind(bounded(terms.expiry))
        .bind(terms.recipient.to_string())
        .execute(&mut **tx)
        .await
        .map_err(database)?;
    Ok(())
}

fn read((script, terms, created_at): IntentRow) -> Result<Intent, StoreError> {
    let what = || format!("intents {script}");
    Ok(Intent {
        script: parse(what, &script)?,
        terms: decode(what, &terms)?,
        created_at: from_integer(what, created_at)?,
    })
}

//! The transaction journal: nonces are given and signed forms stored before anything is broadcast.

use alloy_primitives::{Address, B256, Bytes};
use spandrel_core::EffectId;
use spandrel_core::journal::{Attempt, Journal, JournaledTx, NewTx, TxState};
use spandrel_core::ledger::StoreError;
use spandrel_verifiers::{ChainId, UnixSeconds};
use sqlx::SqliteConnection;

use super::{Sqlite, database};
use crate::journal_rules::{self, Outcome};
use crate::json::{decode, encode, from_integer, parse, to_integer};

pub const OPEN_OF_ACCOUNT: &str =
    "SELECT number, chain, signer, nonce, contract, input, gas_limit, chain_nonce, state FROM txs
    WHERE chain = ? AND signer = ? AND outcome = 'open' ORDER BY nonce";

const NEWEST_OF_EFFECT: &str =
    "SELECT number, chain, signer, nonce, contract, input, gas_limit, chain_nonce, state FROM txs
    WHERE number = (SELECT max(tx) FROM tx_effects WHERE effect_id = ?)";

const FAILED_OF_EFFECT: &str =
    "SELECT number, chain, signer, nonce, contract, input, gas_limit, chain_nonce, state FROM txs
    WHERE outcome = 'failed' AND number IN (SELECT tx FROM tx_effects WHERE effect_id = ?) ORDER BY number";

const FAILED_CALLS: &str =
    "SELECT number, chain, signer, nonce, contract, input, gas_limit, chain_nonce, state FROM txs
    WHERE chain = ? AND signer = ? AND contract = ? AND input = ? AND outcome = 'failed' ORDER BY number";

/// A row of `txs`, all but `outcome` and `created_at`.
#[derive(sqlx::FromRow)]
struct TxRow {
    number: i64,
    chain: String,
    signer: String,
    nonce: i64,
    contract: String,
    input: String,
    gas_limit: i64,
    chain_nonce: i64,
    state: String,
}

impl Journal for Sqlite {
    async fn open_tx(&self, new: NewTx, now: UnixSeconds) -> Result<JournaledTx, StoreError> {
        journal_rules::well_formed(&new)?;
        let mut tx = self.write().await?;
        for effect in &new.effects {
            if let Some((number, outcome)) = carrier(&mut tx, *effect).await? {
                return Err(journal_rules::carried_already(*effect, number, outcome));
            }
        }
        let nonce = journal_rules::next_nonce(highest_nonce(&mut tx, &new).await?, new.chain_nonce)?;
        let state = TxState::Pending;
        let number = insert(&mut tx, &new, nonce, &state, now).await?;
        tx.commit().await.map_err(database)?;
        Ok(JournaledTx { number, tx: new, nonce, attempts: Vec::new(), state })
    }

    async fn add_attempt(&self, number: i64, attempt: Attempt) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let current = state(&mut tx, number).await?;
        let holder = attempt_by_hash(&mut tx, attempt.hash).await?;
        let holder = holder.as_ref().map(|(number, known)| (*number, known));
        if journal_rules::may_attempt(number, &current, &attempt, holder)? {
            sqlx::query("INSERT INTO tx_attempts (tx, hash, body) VALUES (?, ?, ?)")
                .bind(number)
                .bind(attempt.hash.to_string())
                .bind(encode("attempt", &attempt)?)
                .execute(&mut *tx)
                .await
                .map_err(database)?;
        }
        tx.commit().await.map_err(database)
    }

    async fn set_state(&self, number: i64, next: TxState) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let current = state(&mut tx, number).await?;
        journal_rules::may_follow(number, &current, &next)?;
        if current != next {
            let outcome = Outcome::of(&next);
            sqlx::query("UPDATE txs SET state = ?, outcome = ? WHERE number = ?")
                .bind(encode("transaction state", &next)?)
                .bind(outcome.name())
                .bind(number)
                .execute(&mut *tx)
                .await
                .map_err(database)?;
            if outcome == Outcome::Failed {
                sqlx::query("UPDATE tx_effects SET live = 0 WHERE tx = ?")
                    .bind(number)
                    .execute(&mut *tx)
                    .await
                    .map_err(database)?;
            }
        }
        tx.commit().await.map_err(database)
    }

    async fn open_txs(&self, chain: &ChainId, signer: Address) -> Result<Vec<JournaledTx>, StoreError> {
        let mut tx = self.read().await?;
        let rows: Vec<TxRow> = sqlx::query_as(OPEN_OF_ACCOUNT)
            .bind(chain.as_str())
            .bind(signer.to_string())
            .fetch_all(&mut *tx)
            .await
            .map_err(database)?;
        read_all(&mut tx, rows).await
    }

    async fn tx_of(&self, effect: EffectId) -> Result<Option<JournaledTx>, StoreError> {
        let mut tx = self.read().await?;
        let row: Option<TxRow> = sqlx::query_as(NEWEST_OF_EFFECT)
            .bind(effect.0.to_string())
            .fetch_optional(&mut *tx)
            .await
            .map_err(database)?;
        match row {
            Some(row) => Ok(Some(read(&mut tx, row).await?)),
            None => Ok(None),
        }
    }

    async fn failed_txs_of(&self, effect: EffectId) -> Result<Vec<JournaledTx>, StoreError> {
        let mut tx = self.read().await?;
        let rows: Vec<TxRow> =
            sqlx::query_as(FAILED_OF_EFFECT).bind(effect.0.to_string()).fetch_all(&mut *tx).await.map_err(database)?;
        read_all(&mut tx, rows).await
    }

    async fn failed_calls(
        &self,
        chain: &ChainId,
        signer: Address,
        to: Address,
        input: &Bytes,
    ) -> Result<Vec<JournaledTx>, StoreError> {
        let mut tx = self.read().await?;
        let rows: Vec<TxRow> = sqlx::query_as(FAILED_CALLS)
            .bind(chain.as_str())
            .bind(signer.to_string())
            .bind(to.to_string())
            .bind(input.to_string())
            .fetch_all(&mut *tx)
            .await
            .map_err(database)?;
        read_all(&mut tx, rows).await
    }
}

/// The open or succeeded transaction that carries `effect`.
async fn carrier(conn: &mut SqliteConnection, effect: EffectId) -> Result<Option<(i64, Outcome)>, StoreError> {
    let number: Option<i64> = sqlx::query_scalar("SELECT tx FROM tx_effects WHERE effect_id = ? AND live = 1")
        .bind(effect.0.to_string())
        .fetch_optional(&mut *conn)
        .await
        .map_err(database)?;
    match number {
        Some(number) => Ok(Some((number, Outcome::of(&state(conn, number).await?)))),
        None => Ok(None),
    }
}

async fn highest_nonce(conn: &mut SqliteConnection, new: &NewTx) -> Result<Option<u64>, StoreError> {
    let highest: Option<i64> = sqlx::query_scalar("SELECT max(nonce) FROM txs WHERE chain = ? AND signer = ?")
        .bind(new.chain.as_str())
        .bind(new.signer.to_string())
        .fetch_one(conn)
        .await
        .map_err(database)?;
    highest.map(|nonce| from_integer(|| format!("txs of {}", new.signer), nonce)).transpose()
}

async fn insert(
    conn: &mut SqliteConnection,
    new: &NewTx,
    nonce: u64,
    state: &TxState,
    now: UnixSeconds,
) -> Result<i64, StoreError> {
    let number: i64 = sqlx::query_scalar(
        "INSERT INTO txs (chain, signer, nonce, contract, input, gas_limit, chain_nonce, outcome, state, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
    )
    .bind(new.chain.as_str())
    .bind(new.signer.to_string())
    .bind(to_integer("tx.nonce", nonce)?)
    .bind(new.to.to_string())
    .bind(new.input.to_string())
    .bind(to_integer("tx.gas_limit", new.gas_limit)?)
    .bind(to_integer("tx.chain_nonce", new.chain_nonce)?)
    .bind(Outcome::of(state).name())
    .bind(encode("transaction state", state)?)
    .bind(to_integer("tx.created_at", now)?)
    .fetch_one(&mut *conn)
    .await
    .map_err(database)?;
    for (position, effect) in (0_i64..).zip(&new.effects) {
        sqlx::query("INSERT INTO tx_effects (tx, position, effect_id, live) VALUES (?, ?, ?, 1)")
            .bind(number)
            .bind(position)
            .bind(effect.0.to_string())
            .execute(&mut *conn)
            .await
            .map_err(database)?;
    }
    Ok(number)
}

async fn state(conn: &mut SqliteConnection, number: i64) -> Result<TxState, StoreError> {
    let body: Option<String> = sqlx::query_scalar("SELECT state FROM txs WHERE number = ?")
        .bind(number)
        .fetch_optional(conn)
        .await
        .map_err(database)?;
    let body = body.ok_or_else(|| journal_rules::unknown(number))?;
    decode(|| format!("txs {number}"), &body)
}

async fn attempt_by_hash(conn: &mut SqliteConnection, hash: B256) -> Result<Option<(i64, Attempt)>, StoreError> {
    let row: Option<(i64, String)> = sqlx::query_as("SELECT tx, body FROM tx_attempts WHERE hash = ?")
        .bind(hash.to_string())
        .fetch_optional(conn)
        .await
        .map_err(database)?;
    row.map(|(tx, body)| Ok((tx, decode(|| format!("tx_attempts {hash}"), &body)?))).transpose()
}

async fn read_all(conn: &mut SqliteConnection, rows: Vec<TxRow>) -> Result<Vec<JournaledTx>, StoreError> {
    let mut txs = Vec::with_capacity(rows.len());
    for row in rows {
        txs.push(read(conn, row).await?);
    }
    Ok(txs)
}

async fn read(conn: &mut SqliteConnection, row: TxRow) -> Result<JournaledTx, StoreError> {
    let number = row.number;
    let what = || format!("txs {number}");
    let effects: Vec<String> = sqlx::query_scalar("SELECT effect_id FROM tx_effects WHERE tx = ? ORDER BY position")
        .bind(number)
        .fetch_all(&mut *conn)
        .await
        .map_err(database)?;
    let effects = effects
        .iter()
        .map(|id| parse(|| format!("tx_effects {number}"), id).map(EffectId))
        .collect::<Result<Vec<_>, _>>()?;
    let attempts: Vec<(String, String)> =
        sqlx::query_as("SELECT hash, body FROM tx_attempts WHERE tx = ? ORDER BY number")
            .bind(number)
            .fetch_all(&mut *conn)
            .await
            .map_err(database)?;
    let attempts = attempts
        .iter()
        .map(|(hash, body)| decode(|| format!("tx_attempts {hash}"), body))
        .collect::<Result<Vec<Attempt>, _>>()?;
    Ok(JournaledTx {
        number,
        tx: NewTx {
            chain: parse(what, &row.chain)?,
            signer: parse(what, &row.signer)?,
            effects,
            to: parse(what, &row.contract)?,
            input: parse::<Bytes>(what, &row.input)?,
            gas_limit: from_integer(what, row.gas_limit)?,
            chain_nonce: from_integer(what, row.chain_nonce)?,
        },
        nonce: from_integer(what, row.nonce)?,
        attempts,
        state: decode(what, &row.state)?,
    })
}

//! Orders and the idempotency keys they were placed under, in one transaction.

use alloy_primitives::B256;
use spandrel_core::ledger::StoreError;
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::bitcoin::DepositTerms;
use sqlx::{Sqlite as Db, SqliteExecutor, Transaction};

use super::audit::append;
use super::intents::announce;
use super::open_orders;
use super::{Sqlite, database};
use crate::audit::{order_cancelled, source_tx_corrected};
use crate::json::{decode, encode, from_integer, parse, to_integer};
use crate::order::{NewOrder, Order, OrderId, OrderTerms, Placed};
use crate::refusal::{conflict, corrupt};

/// `(id, terms, api_key, source_tx, cancelled, created_at)`.
type OrderRow = (String, String, String, Option<String>, i64, i64);

/// An order's row behind its place.
type PlacedRow = (i64, String, String, String, Option<String>, i64, i64);

const BY_ID: &str = "SELECT id, terms, api_key, source_tx, cancelled, created_at FROM orders WHERE id = ?";
/// Newest first, from where the page before ended.
pub(super) const OF_KEY: &str = "SELECT number, id, terms, api_key, source_tx, cancelled, created_at FROM orders
    WHERE api_key = ? AND number < ? ORDER BY number DESC LIMIT ?";
const BY_LINK: &str = "SELECT id, terms, api_key, source_tx, cancelled, created_at FROM orders WHERE link = ?";

/// How many seconds an order's expiry may be moved on to be told from other orders.
const MOST_MOVES: u64 = 3600;

/// How often a user may take back where they said the deposit of an order is: each time is a row of the audit log.
const MOST_CORRECTIONS: i64 = 8;

impl Sqlite {
    /// Places an order, or finds the one that its idempotency key placed before. `announce` makes the deposit script of
    /// settled terms, for sources whose deposits must be announced; order, announcement and key are stored together.
    ///
    /// # Errors
    /// What `announce` answers; `Conflict` when too many orders have the same terms.
    pub async fn place_order<E: From<StoreError>>(
        &self,
        new: NewOrder,
        script_of: impl Fn(&OrderTerms) -> Result<Option<(alloy_primitives::Bytes, DepositTerms)>, E> + Send,
        now: UnixSeconds,
    ) -> Result<Placed, E> {
        let mut tx = self.write().await?;
        if let Some(placed) = placed(&mut tx, &new.api_key, &new.idempotency_key, new.request_hash).await? {
            return Ok(placed);
        }
        if let Some(share) = &new.share
            && let Some(until) = open_orders::full(&mut tx, share, now).await?
        {
            return Ok(Placed::TooManyOpen { until });
        }
        let terms = free_link(&mut tx, new.terms.clone()).await?;
        let order = Order {
            id: new.id(&terms),
            api_key: new.api_key.clone(),
            source_tx: None,
            is_cancelled: false,
            created_at: now,
            terms,
        };
        if let Some((script, deposit)) = script_of(&order.terms)? {
            announce(&mut tx, script, deposit, now).await?;
        }
        insert(&mut tx, &order).await?;
        if let Some(share) = &new.share {
            open_orders::hold(&mut tx, share, &order, now).await?;
        }
        sqlx::query(
            "INSERT INTO idempotency (api_key, key, request_hash, order_id, created_at) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&new.api_key)
        .bind(&new.idempotency_key)
        .bind(new.request_hash.to_string())
        .bind(order.id.to_string())
        .bind(to_integer("idempotency.created_at", now)?)
        .execute(&mut *tx)
        .await
        .map_err(database)?;
        tx.commit().await.map_err(database)?;
        Ok(Placed::New(order))
    }

    /// What was placed under an idempotency key before, if anything was.
    ///
    /// # Errors
    /// `Corrupt` when it does not read back.
    pub async fn placed(&self, api_key: &str, key: &str, request_hash: B256) -> Result<Option<Placed>, StoreError> {
        placed(&mut self.read().await?, api_key, key, request_hash).await
    }

    /// One order.
    ///
    /// # Errors
    /// `Corrupt` when it does not read back.
    pub async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        by(&self.reader, BY_ID, &id.to_string()).await
    }

    /// The order that a deposit with this [link](OrderTerms::link) belongs to.
    ///
    /// # Errors
    /// `Corrupt` when it does not read back.
    pub async fn order_by_link(&self, link: B256) -> Result<Option<Order>, StoreError> {
        by(&self.reader, BY_LINK, &link.to_string()).await
    }

    /// Up to `limit` orders of a key, newest first, each with its place; only those before the place `before`, if that is
    /// given.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn orders_of(
        &self,
        api_key: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, Order)>, StoreError> {
        let rows: Vec<PlacedRow> = sqlx::query_as(OF_KEY)
            .bind(api_key)
            .bind(to_integer("cursor", before.unwrap_or(i64::MAX.unsigned_abs()))?)
            .bind(limit)
            .fetch_all(&self.reader)
            .await
            .map_err(database)?;
        let read = |(number, id, terms, api_key, source_tx, cancelled, created_at): PlacedRow| {
            let place = from_integer(|| format!("orders {id}"), number)?;
            Ok((place, read((id, terms, api_key, source_tx, cancelled, created_at))?))
        };
        rows.into_iter().map(read).collect()
    }

    /// Notes where the user says the deposit is. Saying it again changes nothing; what they said before and take back
    /// stands in the audit log.
    ///
    /// # Errors
    /// `Conflict` when it was corrected too often, or there is no such order.
    pub async fn name_source_tx(&self, id: OrderId, source_tx: B256, now: UnixSeconds) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let Some(order) = by(&mut *tx, BY_ID, &id.to_string()).await? else {
            return Err(conflict(format!("order {id}"), "one", "none"));
        };
        let was = match order.source_tx {
            Some(known) if known == source_tx => return Ok(()),
            was => was,
        };
        let named = sqlx::query(
            "UPDATE orders SET source_tx = ?1, corrections = corrections + (source_tx IS NOT NULL)
             WHERE id = ?2 AND (source_tx IS NULL OR corrections < ?3)",
        )
        .bind(source_tx.to_string())
        .bind(id.to_string())
        .bind(MOST_CORRECTIONS)
        .execute(&mut *tx)
        .await
        .map_err(database)?;
        if named.rows_affected() == 0 {
            let what = format!("corrections of the source transaction of {id}");
            return Err(conflict(what, format!("at most {MOST_CORRECTIONS}"), "one more"));
        }
        if let Some(was) = was {
            append(&mut tx, vec![source_tx_corrected(&order, was, source_tx)?], now).await?;
        }
        tx.commit().await.map_err(database)
    }

    /// Calls an order off; whether it was open until now.
    ///
    /// # Errors
    /// `Database` when SQLite fails.
    pub async fn cancel_order(&self, id: OrderId, now: UnixSeconds) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let of: Option<String> =
            sqlx::query_scalar("UPDATE orders SET cancelled = 1 WHERE id = ? AND cancelled = 0 RETURNING api_key")
                .bind(id.to_string())
                .fetch_optional(&mut *tx)
                .await
                .map_err(database)?;
        if let Some(api_key) = &of {
            append(&mut tx, vec![order_cancelled(id, api_key)?], now).await?;
        }
        tx.commit().await.map_err(database)?;
        Ok(of.is_some())
    }
}

async fn placed(
    tx: &mut Transaction<'static, Db>,
    api_key: &str,
    key: &str,
    request_hash: B256,
) -> Result<Option<Placed>, StoreError> {
    let used: Option<(String, String)> =
        sqlx::query_as("SELECT request_hash, order_id FROM idempotency WHERE api_key = ? AND key = ?")
            .bind(api_key)
            .bind(key)
            .fetch_optional(&mut **tx)
            .await
            .map_err(database)?;
    let Some((hash, id)) = used else { return Ok(None) };
    let Some(order) = by(&mut **tx, BY_ID, &id).await? else {
        return Err(corrupt(format!("idempotency {id}"), "its order is gone"));
    };
    Ok(Some(if hash == request_hash.to_string() { Placed::Replayed(order) } else { Placed::KeyReused }))
}

/// The terms with the first expiry, from theirs on, that makes a link of their own.
async fn free_link(tx: &mut Transaction<'static, Db>, mut terms: OrderTerms) -> Result<OrderTerms, StoreError> {
    for _ in 0..MOST_MOVES {
        if by(&mut **tx, BY_LINK, &terms.link().to_string()).await?.is_none() {
            return Ok(terms);
        }
        terms.expiry = terms.expiry.saturating_add(1);
    }
    Err(conflict("orders with these terms", format!("at most {MOST_MOVES}"), MOST_MOVES))
}

async fn insert(tx: &mut Transaction<'static, Db>, order: &Order) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO orders (id, link, terms, api_key, created_at) VALUES (?, ?, ?, ?, ?)")
        .bind(order.id.to_string())
        .bind(order.terms.link().to_string())
        .bind(encode("order", &order.terms)?)
        .bind(&order.api_key)
        .bind(to_integer("order.created_at", order.created_at)?)
        .execute(&mut **tx)
        .await
        .map_err(database)?;
    Ok(())
}

async fn by(from: impl SqliteExecutor<'_>, query: &'static str, key: &str) -> Result<Option<Order>, StoreError> {
    let row: Option<OrderRow> = sqlx::query_as(query).bind(key).fetch_optional(from).await.map_err(database)?;
    row.map(read).transpose()
}

fn read((id, terms, api_key, source_tx, cancelled, created_at): OrderRow) -> Result<Order, StoreError> {
    let what = || format!("orders {id}");
    Ok(Order {
        id: OrderId(parse(what, &id)?),
        terms: decode(what, &terms)?,
        api_key,
        source_tx: source_tx.map(|hash| parse(what, &hash)).transpose()?,
        is_cancelled: cancelled == 1,
        created_at: from_integer(what, created_at)?,
    })
}

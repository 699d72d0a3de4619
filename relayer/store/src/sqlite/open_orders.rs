//! Orders that wait for their deposits, by who holds them.

use spandrel_core::ledger::StoreError;
use spandrel_verifiers::UnixSeconds;
use sqlx::{Sqlite as Db, Transaction};

use super::database;
use crate::json::{from_integer, to_integer};
use crate::order::{Order, OrderShare};

/// A deposit of the same chain, second and recipient takes an order off: somebody paid for it.
const HELD: &str = "SELECT expiry FROM open_orders WHERE holder = ? AND expiry > ?
    AND NOT EXISTS (SELECT 1 FROM transfers WHERE transfers.source_chain = open_orders.source_chain
        AND json_extract(transfers.body, '$.deposit.expiry') = open_orders.expiry
        AND json_extract(transfers.body, '$.deposit.recipient') = open_orders.recipient)
    ORDER BY expiry LIMIT ?";

/// When the first of a holder's orders expires, if as many wait as the holder may have. One that was called off counts until
/// it expires: its script is watched until then.
pub(super) async fn full(
    tx: &mut Transaction<'static, Db>,
    share: &OrderShare,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, StoreError> {
    let held: Vec<i64> = sqlx::query_scalar(HELD)
        .bind(&share.holder)
        .bind(to_integer("open_orders.expiry", now)?)
        .bind(i64::from(share.most.get()))
        .fetch_all(&mut **tx)
        .await
        .map_err(database)?;
    match held.first() {
        Some(first) if held.len() >= share.most.get() as usize => {
            from_integer(|| "open_orders.expiry".to_owned(), *first).map(Some)
        }
        _ => Ok(None),
    }
}

/// Notes who holds an order, and forgets who held those that expired.
pub(super) async fn hold(
    tx: &mut Transaction<'static, Db>,
    share: &OrderShare,
    order: &Order,
    now: UnixSeconds,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM open_orders WHERE expiry <= ?")
        .bind(to_integer("open_orders.expiry", now)?)
        .execute(&mut **tx)
        .await
        .map_err(database)?;
    sqlx::query("INSERT INTO open_orders (order_id, holder, source_chain, expiry, recipient) VALUES (?, ?, ?, ?, ?)")
        .bind(order.id.to_string())
        .bind(&share.holder)
        .bind(order.terms.source_chain.as_str())
        .bind(to_integer("open_orders.expiry", order.terms.expiry)?)
        .bind(order.terms.recipient.to_string())
        .execute(&mut **tx)
        .await
        .map_err(database)?;
    Ok(())
}

//! How the transfer API finds transfers: by the link they share with an order, and in pages.

use alloy_primitives::B256;
use spandrel_core::Transfer;
use spandrel_core::ledger::StoreError;
use sqlx::{QueryBuilder, Sqlite as Db};

use super::row::TransferRow;
use super::{Sqlite, database, row};
use crate::json::{from_integer, to_integer};
use crate::order::OrderTerms;

/// Which transfers a page holds. All that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct PageFilter {
    /// Name of their status.
    pub status: Option<String>,
    /// Who deposited.
    pub sender: Option<B256>,
    /// The source transaction, in wire order.
    pub source_tx: Option<B256>,
    /// Only those before this place: where the page before ended.
    pub before: Option<u64>,
}

/// What may be the deposits of an order: their links decide.
pub(super) const OF_ORDER: &str = "SELECT id, sequence, body FROM transfers WHERE source_chain = ?
    AND json_extract(body, '$.deposit.expiry') = ? AND json_extract(body, '$.deposit.recipient') = ?
    ORDER BY number";

impl Sqlite {
    /// The transfers whose deposits have the link of `terms`, oldest first.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn transfers_of_order(&self, terms: &OrderTerms) -> Result<Vec<Transfer>, StoreError> {
        let rows: Vec<TransferRow> = sqlx::query_as(OF_ORDER)
            .bind(terms.source_chain.as_str())
            .bind(to_integer("order.expiry", terms.expiry)?)
            .bind(terms.recipient.to_string())
            .fetch_all(&self.reader)
            .await
            .map_err(database)?;
        let link = terms.link();
        let transfers: Result<Vec<Transfer>, StoreError> = rows.into_iter().map(row::transfer).collect();
        let mut transfers = transfers?;
        transfers.retain(|transfer| OrderTerms::link_of(&transfer.deposit) == link);
        Ok(transfers)
    }

    /// Up to `limit` transfers, newest first, each with its place.
    ///
    /// # Errors
    /// `Corrupt` when one does not read back.
    pub async fn page(&self, filter: &PageFilter, limit: u32) -> Result<Vec<(u64, Transfer)>, StoreError> {
        let mut query: QueryBuilder<Db> =
            QueryBuilder::new("SELECT number, id, sequence, body FROM transfers WHERE number < ");
        query.push_bind(to_integer("cursor", filter.before.unwrap_or(i64::MAX.unsigned_abs()))?);
        if let Some(status) = &filter.status {
            query.push(" AND status = ").push_bind(status.clone());
        }
        if let Some(sender) = filter.sender {
            query.push(" AND json_extract(body, '$.deposit.sender') = ").push_bind(sender.to_string());
        }
        if let Some(source_tx) = filter.source_tx {
            query
                .push(" AND coalesce(json_extract(body, '$.standing.seen.transaction'), ")
                .push("json_extract(body, '$.standing.was.transaction')) = ")
                .push_bind(source_tx.to_string());
        }
        query.push(" ORDER BY number DESC LIMIT ").push_bind(i64::from(limit));
        let rows: Vec<(i64, String, i64, String)> =
            query.build_query_as().fetch_all(&self.reader).await.map_err(database)?;
        let read = |(number, id, sequence, body): (i64, String, i64, String)| {
            let place = from_integer(|| format!("transfers {id}"), number)?;
            Ok((place, row::transfer((id, sequence, body))?))
        };
        rows.into_iter().map(read).collect()
    }
}

//! Deposits that wait to be taken back.

use std::ops::RangeInclusive;

use spandrel_core::ledger::StoreError;
use spandrel_core::refund::Unpaid;
use spandrel_verifiers::{ChainId, Deposit, UnixSeconds};

use super::row::TransferRow;
use super::{Sqlite, database, row};
use crate::json::to_integer;

const UNPAID: &str = "SELECT id, sequence, body FROM transfers
     WHERE status IN ('rejected', 'failed') AND source_chain = ?
         AND json_extract(body, '$.deposit.expiry') BETWEEN ? AND ?
     ORDER BY number";

impl Unpaid for Sqlite {
    async fn unpaid(&self, source: &ChainId, expired: RangeInclusive<UnixSeconds>) -> Result<Vec<Deposit>, StoreError> {
        let rows: Vec<TransferRow> = sqlx::query_as(UNPAID)
            .bind(source.as_str())
            .bind(to_integer("expired", *expired.start())?)
            .bind(to_integer("expired", *expired.end())?)
            .fetch_all(&self.reader)
            .await
            .map_err(database)?;
        rows.into_iter().map(|found| Ok(row::transfer(found)?.deposit)).collect()
    }
}

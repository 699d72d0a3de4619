//! Deposits that wait to be taken back.

use std::ops::RangeInclusive;

use spandrel_core::ledger::StoreError;
use spandrel_core::refund::{Unpaid, Waiting};
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::row::TransferRow;
use super::{Sqlite, database, row};
use crate::json::to_integer;

const UNPAID: &str = "SELECT id, sequence, body FROM transfers
     WHERE status IN ('rejected', 'failed') AND source_chain = ?1
         AND (json_extract(body, '$.deposit.expiry') BETWEEN ?2 AND ?3
             OR status = 'failed' AND updated_at BETWEEN ?2 AND ?3)
     ORDER BY number";

impl Unpaid for Sqlite {
    async fn unpaid(&self, source: &ChainId, time: RangeInclusive<UnixSeconds>) -> Result<Vec<Waiting>, StoreError> {
        let rows: Vec<TransferRow> = sqlx::query_as(UNPAID)
            .bind(source.as_str())
            .bind(to_integer("time", *time.start())?)
            .bind(to_integer("time", *time.end())?)
            .fetch_all(&self.reader)
            .await
            .map_err(database)?;
        let found = rows.into_iter().map(|found| Ok(Waiting::of(&row::transfer(found)?, &time)));
        found.filter_map(Result::transpose).collect()
    }
}

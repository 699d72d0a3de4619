//! What is still to be done for one transfer, and why it is not done yet.

use serde::Serialize;
use spandrel_core::ledger::StoreError;
use spandrel_verifiers::{DepositId, UnixSeconds};

use super::{Sqlite, database};
use crate::json::from_integer;

/// An effect that is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenEffect {
    /// What it does.
    pub step: String,
    /// Who carries it out.
    pub executor: String,
    /// How often it was begun.
    pub attempt: u64,
    /// When it is begun again; while it is under way, unless it has come to an end by then.
    pub next_try: UnixSeconds,
    /// Whether it is under way.
    pub is_leased: bool,
    /// Since when it does not work; absent when it did not fail, or waits as it should.
    pub overdue_since: Option<UnixSeconds>,
    /// What was said of it last; absent when it was not begun yet.
    pub last_error: Option<String>,
}

/// `(step, executor, attempt, due_at, is_leased, overdue_since, last_error)`.
type Row = (String, String, i64, i64, bool, Option<i64>, Option<String>);

impl Sqlite {
    /// The effects of a transfer that are not done, in the order they were asked for.
    ///
    /// # Errors
    /// `Corrupt` when a number does not read back.
    pub async fn open_effects(&self, deposit: DepositId) -> Result<Vec<OpenEffect>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT step, executor, attempt, due_at, status = 'leased', overdue_since, last_error FROM outbox
             WHERE deposit_id = ? AND status <> 'done' ORDER BY number",
        )
        .bind(deposit.to_string())
        .fetch_all(&self.reader)
        .await
        .map_err(database)?;
        let number = |value| from_integer(|| format!("outbox of {deposit}"), value);
        rows.into_iter()
            .map(|(step, executor, attempt, due_at, is_leased, overdue_since, last_error)| {
                let (attempt, next_try) = (number(attempt)?, number(due_at)?);
                let overdue_since = overdue_since.map(number).transpose()?;
                Ok(OpenEffect { step, executor, attempt, next_try, is_leased, overdue_since, last_error })
            })
            .collect()
    }
}

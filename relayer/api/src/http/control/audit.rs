//! `GET /v1/control/audit`: the audit log in pages, as it can be verified.

use axum::extract::State;
use serde::Serialize;
use spandrel_store::AuditRow;

use super::Control;
use super::transfers::Page;
use crate::Problem;
use crate::http::answer::Query;

#[derive(Serialize)]
pub struct AuditPage {
    rows: Vec<AuditRow>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<u64>,
}

/// Rows from `cursor` on, oldest first.
pub async fn page(State(control): State<Control>, Query(page): Query<Page>) -> Result<axum::Json<AuditPage>, Problem> {
    let limit = page.limit()?;
    let from = page.cursor.unwrap_or(0);
    if i64::try_from(from).is_err() {
        return Err(Problem::invalid("cursor", "a cursor of this service", from));
    }
    let rows = control.store.audit(from, limit).await?;
    let is_full = usize::try_from(limit).is_ok_and(|limit| rows.len() == limit);
    let next_cursor = rows.last().filter(|_| is_full).map(|row| row.sequence.saturating_add(1));
    Ok(axum::Json(AuditPage { rows, next_cursor }))
}

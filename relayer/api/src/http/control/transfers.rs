//! Transfers that wait for somebody: held and quarantined.

use alloy::primitives::U256;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use spandrel_core::{Status, Transfer};
use spandrel_store::PageFilter;
use spandrel_verifiers::{AssetId, ChainId, DepositId};

use super::Control;
use crate::Problem;
use crate::http::answer::Query;

/// Rows on a page when it is not said how many.
const DEFAULT_PAGE: u32 = 50;
/// Most rows on a page.
pub const MAX_PAGE: u32 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// From the page before.
    pub cursor: Option<u64>,
    /// 1 to 200.
    pub limit: Option<u32>,
}

impl Page {
    /// How many rows.
    pub fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(DEFAULT_PAGE) {
            limit @ 1..=MAX_PAGE => Ok(limit),
            found => Err(Problem::invalid("limit", format!("1 to {MAX_PAGE}"), found)),
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Waiting {
    pub(crate) transfers: Vec<Row>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<u64>,
}

#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) id: DepositId,
    pub(crate) source: ChainId,
    pub(crate) destination: ChainId,
    pub(crate) asset: AssetId,
    /// Base units.
    pub(crate) amount: String,
    expiry: u64,
    /// For what it waits.
    pub(crate) reason: String,
    /// Until when at the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<u64>,
    updated_at: u64,
}

/// Held transfers, newest first.
pub async fn held(State(control): State<Control>, Query(page): Query<Page>) -> Result<axum::Json<Waiting>, Problem> {
    list(&control, "held", &page).await
}

/// Quarantined transfers, newest first.
pub async fn quarantined(
    State(control): State<Control>,
    Query(page): Query<Page>,
) -> Result<axum::Json<Waiting>, Problem> {
    list(&control, "quarantined", &page).await
}

async fn list(control: &Control, status: &str, page: &Page) -> Result<axum::Json<Waiting>, Problem> {
    let before = page.cursor.filter(|place| i64::try_from(*place).is_ok());
    Ok(axum::Json(read(control, status, before, page.limit()?).await?))
}

/// The newest transfers of a status that waits for somebody.
pub(crate) async fn waiting(control: &Control, status: &str, limit: u32) -> Result<Waiting, Problem> {
    read(control, status, None, limit).await
}

async fn read(control: &Control, status: &str, before: Option<u64>, limit: u32) -> Result<Waiting, Problem> {
    let filter = PageFilter { status: Some(status.to_owned()), before, ..PageFilter::default() };
    let found = control.store.page(&filter, limit).await?;
    let is_full = usize::try_from(limit).is_ok_and(|limit| found.len() == limit);
    let next_cursor = found.last().filter(|_| is_full).map(|(place, _)| *place);
    let transfers = found.into_iter().map(|(_, transfer)| row(transfer)).collect();
    Ok(Waiting { transfers, next_cursor })
}

fn row(transfer: Transfer) -> Row {
    let (reason, until) = match &transfer.status {
        Status::Held { reason, until } => (reason.to_string(), *until),
        Status::Quarantined { error } => (error.clone(), None),
        other => (other.name().to_owned(), None),
    };
    let deposit = transfer.deposit;
    let amount: U256 = deposit.amount;
    Row {
        id: transfer.id,
        source: deposit.source_chain,
        destination: deposit.destination_chain,
        asset: deposit.asset,
        amount: amount.to_string(),
        expiry: deposit.expiry,
        reason,
        until,
        updated_at: transfer.updated_at,
    }
}

//! Transfers that wait for somebody: held and quarantined.

use alloy::primitives::{B256, U256};
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use serde::{Deserialize, Serialize};
use spandrel_core::ledger::Ledger;
use spandrel_core::{Status, Transfer};
use spandrel_risk::control::Seen;
use spandrel_store::PageFilter;
use spandrel_verifiers::{AssetId, ChainId, DepositId};

use super::Control;
use crate::Problem;
use crate::http::answer::{Path, Query};

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
    /// As `If-Match` takes it, in quotes.
    version: String,
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

/// A waiting transfer, with what happened to it.
#[derive(Serialize)]
pub struct Shown {
    #[serde(flatten)]
    row: Row,
    events: Vec<EventRow>,
}

#[derive(Serialize)]
pub struct EventRow {
    sequence: u64,
    at: u64,
    event: &'static str,
}

/// One transfer, and its version as ETag.
type Versioned = ([(HeaderName, String); 1], axum::Json<Shown>);

/// One held transfer.
pub async fn held_one(State(control): State<Control>, Path(id): Path<String>) -> Result<Versioned, Problem> {
    one(&control, &id, "held", "NOT_HELD").await
}

/// One quarantined transfer.
pub async fn quarantined_one(State(control): State<Control>, Path(id): Path<String>) -> Result<Versioned, Problem> {
    one(&control, &id, "quarantined", "NOT_QUARANTINED").await
}

async fn one(control: &Control, id: &str, status: &str, code: &'static str) -> Result<Versioned, Problem> {
    let word: B256 = id.parse().map_err(|_| Problem::invalid("id", "0x and 64 digits", id))?;
    let id = DepositId(word);
    let found = control.store.transfer(id).await?.filter(|transfer| transfer.status.name() == status);
    let Some(transfer) = found else {
        let detail = format!("expected a transfer that is {status}, found none called {id}");
        return Err(Problem::new(StatusCode::NOT_FOUND, code, detail).about(&id.to_string()));
    };
    let events = control.store.events(id).await?.into_iter().take(transfer.sequence.try_into().unwrap_or(usize::MAX));
    let events = events.map(|event| EventRow { sequence: event.sequence, at: event.at, event: event.body.name() });
    let etag = format!("\"{}\"", Seen::Transfer(transfer.sequence));
    Ok(([(header::ETAG, etag)], axum::Json(Shown { events: events.collect(), row: row(transfer) })))
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
        version: Seen::Transfer(transfer.sequence).to_string(),
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

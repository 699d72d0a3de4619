//! What an operator does to the ledger: acknowledge a halt, send a quarantined transfer back to work.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use spandrel_core::Input;
use spandrel_engine::{Book, Change, Silent};
use spandrel_verifiers::ChainId;

use crate::clock::{SystemClock, unix_now};
use crate::config::Config;
use crate::output::print;
use crate::{status, transfers, wiring};

/// Lets `chain` be followed again. Look at why it was halted first: `spandrel status` shows it.
pub async fn acknowledge(database: &Path, chain: &ChainId, operator: &str, json: bool) -> Result<()> {
    ensure!(!operator.trim().is_empty(), "operator: expected a name, found none");
    status::open(database).await?.acknowledge_halt(chain, operator, unix_now()).await?;
    print(json, &serde_json::json!({ "chain": chain, "acknowledged_by": operator }), || {
        format!("{chain}: acknowledged")
    })
}

/// Sends a quarantined transfer back to work; the running process takes it up from the ledger.
pub async fn requeue(config: &Config, id: &str, json: bool) -> Result<()> {
    let id = transfers::read_id(id)?;
    let store = status::open(&config.database).await?;
    let book = Book::open(store, SystemClock, wiring::policy(config)?, Arc::new(Silent)).await?;
    let changed = book.record(Change::one(id, Input::Requeue)).await?;
    ensure!(!changed.is_empty(), "{id} is not quarantined");
    let status = changed.first().map_or("", |transfer| transfer.status.name());
    print(json, &serde_json::json!({ "transfer": id, "status": status }), || format!("{id}: {status}"))
}

//! `spandrel status` and `spandrel transfer show`: what the ledger says, for people and for machines.

use std::path::Path;

use anyhow::{Context, Result, bail};
use comfy_table::{ContentArrangement, Table, presets::UTF8_BORDERS_ONLY};
use spandrel_core::ledger::Ledger;
use spandrel_store::Sqlite;
use spandrel_verifiers::DepositId;

use crate::clock::unix_now;

/// Opens a ledger that must exist: a status command never creates one.
pub async fn open(database: &Path) -> Result<Sqlite> {
    if !database.exists() {
        bail!("database: expected a ledger at {}, found none", database.display());
    }
    Ok(Sqlite::open(database).await?)
}

/// Prints transfers by state, work waiting, chains followed and halted.
pub async fn status(database: &Path, json: bool) -> Result<()> {
    let summary = open(database).await?.summary(unix_now()).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&summary)?);
        return Ok(());
    }
    let mut chains = table(&["chain", "read to", "final to", "halted"]);
    for (chain, cursor) in &summary.cursors {
        let height = |block: &Option<spandrel_verifiers::follow::BlockRef>| {
            block.map_or_else(|| "-".to_owned(), |block| block.height.to_string())
        };
        let halted = summary.halted.get(chain).cloned().unwrap_or_else(|| "no".to_owned());
        chains.add_row([chain.to_string(), height(&cursor.tip), height(&cursor.finalized), halted]);
    }
    println!("{chains}");
    let mut transfers = table(&["transfers", "count"]);
    for (status, count) in &summary.transfers {
        transfers.add_row([status.clone(), count.to_string()]);
    }
    println!("{transfers}");
    let mut outbox = table(&["waiting for", "effects", "leased", "oldest due"]);
    for (executor, depth) in &summary.outbox {
        let age = depth.oldest_due_age.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s"));
        outbox.add_row([executor.clone(), depth.waiting.to_string(), depth.leased.to_string(), age]);
    }
    println!("{outbox}");
    Ok(())
}

/// Prints one transfer with all its events.
pub async fn show(database: &Path, id: &str, json: bool) -> Result<()> {
    let id = DepositId(id.parse().with_context(|| format!("transfer id: expected 0x and 64 digits, found {id:?}"))?);
    let store = open(database).await?;
    let Some(transfer) = store.transfer(id).await? else { bail!("no transfer {id}") };
    let events = store.events(id).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "transfer": transfer, "events": events }))?);
        return Ok(());
    }
    let deposit = &transfer.deposit;
    println!("transfer   {id}");
    println!("route      {} -> {}", deposit.source_chain, deposit.destination_chain);
    println!("amount     {} of {}", deposit.amount, deposit.asset);
    println!("recipient  {}", deposit.recipient);
    println!("status     {}", transfer.status.name());
    let mut table = table(&["#", "at", "event"]);
    for event in &events {
        let at = humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(event.at));
        table.add_row([event.sequence.to_string(), at.to_string(), event.body.name().to_owned()]);
    }
    println!("{table}");
    Ok(())
}

/// A plain table with a header.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

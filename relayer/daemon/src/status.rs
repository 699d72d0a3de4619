//! `spandrel status`: what the ledger says, for people and for machines.

use std::path::Path;

use anyhow::{Result, bail};
use comfy_table::{ContentArrangement, Table, presets::UTF8_BORDERS_ONLY};
use spandrel_store::Sqlite;

use crate::clock::unix_now;

/// Refuses a path where nothing is.
pub fn require(database: &Path) -> Result<()> {
    if !database.exists() {
        bail!("database: expected a ledger at {}, found none", database.display());
    }
    Ok(())
}

/// Opens a ledger that must exist: a status command never creates one.
pub async fn open(database: &Path) -> Result<Sqlite> {
    require(database)?;
    Ok(Sqlite::open(database).await?)
}

/// Opens a ledger that must exist, to read what its schema says today: nothing is written, not even a migration.
pub async fn look_at(database: &Path) -> Result<Sqlite> {
    require(database)?;
    let schema = Sqlite::schema(database).await?;
    let path = database.display();
    anyhow::ensure!(
        schema.is_current(),
        "{path}: schema: expected version {}, found {}: spandrel db migrate --database {path}",
        schema.known,
        schema.version
    );
    Ok(Sqlite::look_at(database).await?)
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

/// A plain table with a header.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

//! `spandrel status`: what the ledger says, for people and for machines. And how commands open a ledger.

mod report;

use std::path::Path;

use anyhow::{Result, bail};
use comfy_table::{ContentArrangement, Table, presets::UTF8_BORDERS_ONLY};
use spandrel_store::Sqlite;

pub use report::status;

/// Refuses a path where nothing is.
pub fn require(database: &Path) -> Result<()> {
    if !database.exists() {
        bail!("database: expected a ledger at {}, found none", database.display());
    }
    Ok(())
}

/// Opens a ledger that must exist, to write to it.
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

/// A plain table with a header.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    table
}

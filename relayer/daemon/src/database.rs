//! `spandrel db`: the ledger's schema.

use std::path::Path;

use anyhow::Result;
use spandrel_store::Sqlite;

use crate::output::print;
use crate::{progress, status};

/// Runs the migrations that are missing, or says which they are.
pub async fn migrate(database: &Path, dry_run: bool, json: bool) -> Result<()> {
    status::require(database)?;
    let schema = Sqlite::schema(database).await?;
    if !dry_run {
        let bar = progress::bar("migrating", schema.known, json);
        let store = Sqlite::open_telling(database, |version| bar.set_position(version)).await?;
        bar.finish_and_clear();
        store.close().await;
    }
    let to = if dry_run { schema.version } else { schema.known };
    let value = serde_json::json!({
        "dry_run": dry_run, "from": schema.version, "to": to, "known": schema.known, "migrations": schema.missing,
    });
    print(json, &value, || {
        let done = if dry_run { "would run" } else { "ran" };
        let lines: String = schema.missing.iter().map(|name| format!("{done} {name}\n")).collect();
        format!("{lines}{}: version {to} of {}", database.display(), schema.known)
    })
}

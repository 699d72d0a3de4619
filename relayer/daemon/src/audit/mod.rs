//! `spandrel audit`: the audit log, exported and verified offline.
//!
//! An export is a folder: rows as JSON lines, compressed with zstd, some thousands a file, and `manifest.json` with the
//! SHA-256 of each file, the number of rows and the last row's hash. Whatever is changed in it is refused by name. An
//! export that was cut off and given a new manifest, or a ledger that was cut off, is whole in itself: only who kept a
//! later head sees it.

mod changes;
mod check;
mod export;
mod manifest;
mod policies;
mod read;

use std::path::PathBuf;

use alloy_primitives::B256;
use anyhow::Result;
use clap::Subcommand;

use crate::exit::Exit;
use crate::output::print;
use check::{Broken, Log};

/// The audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every row against the one before it, and name the first that does not fit.
    Verify {
        /// A ledger's database file, an export's folder, or a file of rows as JSON lines.
        path: PathBuf,
        /// A row's hash that was noted elsewhere: shows that nothing up to it was cut off or written anew.
        #[arg(long)]
        head: Option<B256>,
    },
    /// Write all rows and a manifest to a folder, and print the last row's hash: keep that elsewhere.
    Export {
        /// Where to; the folder must not exist.
        folder: PathBuf,
        /// The ledger's database file.
        #[arg(long, default_value = "spandrel.sqlite")]
        database: PathBuf,
        /// Rows of one file.
        #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        rows_per_file: u64,
    },
    /// Show what guardians' acts on limits and pauses changed, and each other policy part by part, from what to what, oldest
    /// first. It does not verify the log.
    Changes {
        /// The ledger's database file.
        #[arg(long, default_value = "spandrel.sqlite")]
        database: PathBuf,
    },
}

/// Carries a command out.
pub async fn run(command: AuditCommand, json: bool) -> Result<Exit> {
    match command {
        AuditCommand::Verify { path, head } => {
            let mut log = Log::new(head);
            let checked = read::verify(&path, &mut log, json).await?.and_then(|()| log.finish());
            report(checked, &log, json)
        }
        AuditCommand::Changes { database } => {
            changes::show(&database, json).await?;
            Ok(Exit::Done)
        }
        AuditCommand::Export { folder, database, rows_per_file } => {
            let manifest = export::export(&database, &folder, rows_per_file, json).await?;
            print(json, &manifest, || {
                format!("{} rows in {} files, head {}", manifest.rows, manifest.files.len(), manifest.head)
            })?;
            Ok(Exit::Done)
        }
    }
}

fn report(checked: Result<(), Broken>, log: &Log, json: bool) -> Result<Exit> {
    let (rows, head) = log.head();
    match checked {
        Ok(()) => {
            let value = serde_json::json!({ "whole": true, "rows": rows, "head": head });
            print(json, &value, || format!("{rows} rows, whole, head {head}"))?;
            Ok(Exit::Done)
        }
        Err(broken) => {
            let Broken { what, expected, found } = &broken;
            let value = serde_json::json!({ "whole": false, "what": what, "expected": expected, "found": found });
            print(json, &value, || broken.to_string())?;
            Ok(Exit::Refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use spandrel_core::ledger::{Commit, Ledger};
    use spandrel_risk::{RiskEvent, Scope};
    use spandrel_store::Sqlite;

    use super::*;

    /// Whichever byte of whichever file is changed, and however: what is left is no export.
    #[tokio::test]
    async fn no_flipped_byte_of_an_export_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, export) = (folder.path().join("ledger.sqlite"), folder.path().join("export"));
        let store = Sqlite::open(&ledger).await.unwrap();
        for n in 0..5 {
            let risk = RiskEvent::Paused { scope: Scope::Global, until: 100 + n, reason: format!("drill {n}") };
            let commit = Commit { now: n, expected_risk_sequence: n, risk: vec![risk], ..Commit::default() };
            store.commit(commit).await.unwrap();
        }
        store.close().await;
        let manifest = export::export(&ledger, &export, 2, true).await.unwrap();
        let is_whole = async || {
            let mut log = Log::new(None);
            let checked = read::verify(&export, &mut log, true).await;
            matches!(checked.map(|checked| checked.and_then(|()| log.finish())), Ok(Ok(())))
        };
        assert!(is_whole().await);
        let mut flipped = 0;
        let names = manifest.files.iter().map(|entry| entry.name.clone()).chain([manifest::NAME.to_owned()]);
        for path in names.map(|name| export.join(name)) {
            let whole = fs::read(&path).unwrap();
            for place in 0..whole.len() {
                for bit in [0x01, 0x20, 0x80] {
                    let mut bytes = whole.clone();
                    bytes[place] ^= bit;
                    fs::write(&path, bytes).unwrap();
                    assert!(!is_whole().await, "{}: byte {place} ^ {bit:#x}", path.display());
                    flipped += 1;
                }
            }
            for length in 0..whole.len() {
                fs::write(&path, &whole[..length]).unwrap();
                assert!(!is_whole().await, "{}: cut to {length}", path.display());
            }
            fs::write(&path, &whole).unwrap();
        }
        assert!(is_whole().await && flipped > 3_000, "{flipped}");
    }
}

//! `spandrel audit`: the audit log, exported and verified offline.
//!
//! An export is one JSON object a line, as [`AuditRow`] writes it, from the first row to the last.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy_primitives::B256;
use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use spandrel_store::{AuditBreak, AuditCheck, AuditRow};

use crate::status::open;

/// Rows read at once.
const PAGE: u32 = 1_000;
/// Longest line of an export, bytes: evidence is never in it.
const MAX_LINE: u64 = 1 << 20;
/// Exit code of a log that is not whole.
const BROKEN: u8 = 3;

/// The audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every row against the one before it, and name the first that does not fit.
    Verify {
        /// An export.
        #[arg(required_unless_present = "db", conflicts_with = "db")]
        file: Option<PathBuf>,
        /// A ledger's database file.
        #[arg(long)]
        db: Option<PathBuf>,
        /// The last row's hash as it was noted elsewhere: shows that nothing was cut off or written anew.
        #[arg(long)]
        head: Option<B256>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write all rows to a file, and print the last one's hash: keep that elsewhere.
    Export {
        /// The ledger's database file.
        #[arg(long, default_value = "spandrel.sqlite")]
        db: PathBuf,
        /// Where to; the file must not exist.
        #[arg(long)]
        to: PathBuf,
    },
}

/// Carries a command out.
pub async fn audit(command: AuditCommand) -> Result<ExitCode> {
    match command {
        AuditCommand::Verify { file, db, head, json } => {
            let mut log = Log { seen_head: head.is_none(), head, check: AuditCheck::default() };
            let checked = match (&file, &db) {
                (_, Some(db)) => verify_database(db, &mut log).await?,
                (Some(file), None) => verify_file(file, &mut log)?,
                (None, None) => Ok(()),
            };
            Ok(report(checked, &log, json))
        }
        AuditCommand::Export { db, to } => {
            let (rows, hash) = export(&db, &to).await?;
            println!("{rows} rows, head {hash}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A log being checked, and the hash that must be in it.
struct Log {
    check: AuditCheck,
    head: Option<B256>,
    seen_head: bool,
}

impl Log {
    fn take(&mut self, row: &AuditRow) -> Result<(), AuditBreak> {
        self.check.take(row)?;
        self.seen_head |= self.head == Some(row.hash);
        Ok(())
    }
}

async fn verify_database(path: &Path, log: &mut Log) -> Result<Result<(), AuditBreak>> {
    let store = open(path).await?;
    let mut from = 0;
    loop {
        let rows = store.audit(from, PAGE).await?;
        for row in &rows {
            if let Err(broken) = log.take(row) {
                return Ok(Err(broken));
            }
        }
        match rows.last() {
            Some(last) => from = last.sequence + 1,
            None => return Ok(Ok(())),
        }
    }
}

fn verify_file(path: &Path, log: &mut Log) -> Result<Result<(), AuditBreak>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut reader = BufReader::new(file);
    for number in 1_u64.. {
        let mut line = Vec::new();
        let read = reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        ensure!(line.len() as u64 <= MAX_LINE, "line {number}: expected at most {MAX_LINE} bytes, found more");
        let row: AuditRow =
            serde_json::from_slice(&line).with_context(|| format!("line {number}: expected a row of an audit log"))?;
        if let Err(broken) = log.take(&row) {
            return Ok(Err(broken));
        }
    }
    Ok(Ok(()))
}

fn report(checked: Result<(), AuditBreak>, log: &Log, json: bool) -> ExitCode {
    let (rows, hash) = log.check.head();
    let checked = checked.and_then(|()| match log.head {
        Some(expected) if !log.seen_head => {
            let (expected, found) = (expected.to_string(), hash.to_string());
            Err(AuditBreak { sequence: rows, field: "head", expected, found })
        }
        _ => Ok(()),
    });
    let told = match &checked {
        Ok(()) => serde_json::json!({ "whole": true, "rows": rows, "head": hash }),
        Err(AuditBreak { sequence, field, expected, found }) => serde_json::json!({
            "whole": false, "row": sequence, "field": field, "expected": expected, "found": found,
        }),
    };
    match &checked {
        _ if json => println!("{told:#}"),
        Ok(()) => println!("{rows} rows, whole, head {hash}"),
        Err(broken) => println!("{broken}"),
    }
    if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) }
}

async fn export(database: &Path, to: &Path) -> Result<(u64, B256)> {
    let store = open(database).await?;
    let file = OpenOptions::new().write(true).create_new(true).open(to).with_context(|| to.display().to_string())?;
    let mut writer = BufWriter::new(file);
    let (mut from, mut hash) = (0, B256::ZERO);
    loop {
        let rows = store.audit(from, PAGE).await?;
        for row in &rows {
            serde_json::to_writer(&mut writer, row)?;
            writer.write_all(b"\n")?;
        }
        match rows.last() {
            Some(last) => (from, hash) = (last.sequence + 1, last.hash),
            None => break,
        }
    }
    writer.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok((from, hash))
}

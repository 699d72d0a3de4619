//! Where rows come from when a log is verified. Everything is bounded before it is decoded.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use spandrel_core::ledger::{Ledger, Recorded};
use spandrel_risk::control::{ControlEvent, ControlState, Outcome, configure};
use spandrel_store::{AuditRow, Sqlite, StoreError};

use super::check::{Broken, Log};
use super::manifest::{Manifest, NAME};
use crate::{progress, status};

/// Rows read of a ledger at once.
const PAGE: u32 = 1_000;
/// Longest line, bytes: evidence is never in it.
const MAX_LINE: u64 = 1 << 20;
/// With what a file of SQLite begins.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";
/// Largest window that zstd may ask memory for: 8 MiB.
const MAX_WINDOW_LOG: u32 = 23;

/// Checks the log at `path`.
///
/// # Errors
/// The outer one when it cannot be read, the inner one when it is not whole.
pub async fn verify(path: &Path, log: &mut Log, json: bool) -> Result<Result<(), Broken>> {
    if path.is_dir() {
        return folder(path, log, json);
    }
    let named = || path.display().to_string();
    let mut start = Vec::new();
    File::open(path).with_context(named)?.take(SQLITE.len() as u64).read_to_end(&mut start).with_context(named)?;
    if start == SQLITE {
        return ledger(path, log, json).await;
    }
    lines("", BufReader::new(File::open(path).with_context(named)?), log, &mut |_| {})
}

/// The control log beside the audit log: what processes decide by is what was written down, each of it and nothing else, and
/// no policy came into it that allows more without two people's word and the timelock.
struct Orders {
    stored: std::vec::IntoIter<Recorded<ControlEvent>>,
    state: ControlState,
}

impl Orders {
    async fn of(store: &Sqlite) -> Result<Result<Self, Broken>> {
        match store.control_events(0).await {
            Ok(events) => Ok(Ok(Self { stored: events.into_iter(), state: ControlState::default() })),
            Err(StoreError::Corrupt { what, reason }) => Ok(Err(Broken::new(what, "a row that reads back", reason))),
            Err(error) => Err(error.into()),
        }
    }

    fn take(&mut self, row: &AuditRow) -> Result<(), Broken> {
        if row.kind != "control" {
            return Ok(());
        }
        let what = || format!("row {}: the control log's", row.sequence);
        let Some(event) = self.stored.next() else { return Err(Broken::new(what(), "a row", "none")) };
        let told: Option<ControlEvent> = serde_json::from_str(&row.body).ok();
        if told.as_ref() != Some(&event.body) || row.at != event.at {
            return Err(Broken::new(what(), "what was written down", format!("another at {}", event.sequence)));
        }
        if let ControlEvent::Configured { policy, .. }
        | ControlEvent::Done { outcome: Outcome::PolicyChanged { policy, .. }, .. } = &event.body
            && configure(&self.state, policy, event.at).ok().and_then(|events| events.last().cloned()) != told
        {
            return Err(Broken::new(what(), "a policy that was agreed on", format!("another at {}", event.sequence)));
        }
        self.state.apply(&event.body, event.at);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Broken> {
        match self.stored.next() {
            Some(event) => {
                Err(Broken::new(format!("control log {}", event.sequence), "a row of the audit log", "none"))
            }
            None => Ok(()),
        }
    }
}

async fn ledger(path: &Path, log: &mut Log, json: bool) -> Result<Result<(), Broken>> {
    let store = status::look_at(path).await?;
    let bar = progress::bar("verifying", store.audit_length().await?, json);
    let mut orders = match Orders::of(&store).await? {
        Ok(orders) => orders,
        Err(broken) => return Ok(Err(broken)),
    };
    let mut from = 0;
    let checked = loop {
        let rows = match store.audit(from, PAGE).await {
            Ok(rows) => rows,
            Err(StoreError::Corrupt { what, reason }) => break Err(Broken::new(what, "a row that reads back", reason)),
            Err(error) => return Err(error.into()),
        };
        let Some(last) = rows.last() else { break orders.finish() };
        from = last.sequence.saturating_add(1);
        if let Err(broken) = rows.iter().try_for_each(|row| log.take(row).and_then(|()| orders.take(row))) {
            break Err(broken);
        }
        bar.inc(rows.len() as u64);
    };
    bar.finish_and_clear();
    store.close().await;
    Ok(checked)
}

fn folder(path: &Path, log: &mut Log, json: bool) -> Result<Result<(), Broken>> {
    let manifest = match Manifest::read(path)? {
        Ok(manifest) => manifest,
        Err(broken) => return Ok(Err(broken)),
    };
    if let Err(broken) = manifest.require_files(path)? {
        return Ok(Err(broken));
    }
    let bar = progress::bar("verifying", manifest.rows, json);
    for entry in &manifest.files {
        if let Err(broken) = entry.require_content(path)? {
            return Ok(Err(broken));
        }
        let before = log.head().0;
        let mut decoder = zstd::Decoder::new(File::open(path.join(&entry.name))?)?;
        decoder.window_log_max(MAX_WINDOW_LOG)?;
        if let Err(broken) = lines(&entry.name, BufReader::new(decoder), log, &mut |_| bar.inc(1))? {
            return Ok(Err(broken));
        }
        let rows = log.head().0.saturating_sub(before);
        if let Err(broken) = Broken::unless(format!("{}: rows", entry.name), &entry.rows, &rows) {
            return Ok(Err(broken));
        }
    }
    bar.finish_and_clear();
    let (rows, head) = log.head();
    Ok(Broken::unless(format!("{NAME}: rows"), &rows, &manifest.rows)
        .and_then(|()| Broken::unless(format!("{NAME}: head"), &head, &manifest.head)))
}

/// One row a line.
fn lines(
    name: &str,
    mut reader: impl BufRead,
    log: &mut Log,
    taken: &mut dyn FnMut(&AuditRow),
) -> Result<Result<(), Broken>> {
    let place = |number| if name.is_empty() { format!("line {number}") } else { format!("{name}: line {number}") };
    for number in 1_u64.. {
        let mut line = Vec::new();
        let read = match reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut line) {
            Ok(read) => read,
            Err(error) => return Ok(Err(Broken::new(place(number), "bytes that decode", error))),
        };
        if read == 0 {
            break;
        }
        if line.len() as u64 > MAX_LINE {
            return Ok(Err(Broken::new(place(number), format!("at most {MAX_LINE} bytes"), "more")));
        }
        let row: AuditRow = match serde_json::from_slice(&line) {
            Ok(row) => row,
            Err(error) => return Ok(Err(Broken::new(place(number), "a row of an audit log", error))),
        };
        if let Err(broken) = log.take(&row) {
            return Ok(Err(broken));
        }
        taken(&row);
    }
    Ok(Ok(()))
}

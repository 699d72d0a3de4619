//! Writing an export. Its folder is there whole or not at all: it is written beside its place, synced, and moved there.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use alloy_primitives::B256;
use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use spandrel_store::{AuditRow, Sqlite};

use super::manifest::{Entry, Manifest, NAME, VERSION, file_name};
use crate::{progress, status};

/// Rows read at once.
const PAGE: u32 = 1_000;
/// How hard zstd tries.
const LEVEL: i32 = 6;

/// Writes the whole audit log of the ledger at `database` into a new folder.
pub async fn export(database: &Path, folder: &Path, rows_per_file: u64, json: bool) -> Result<Manifest> {
    ensure!(!folder.exists(), "folder: expected none at {}, found one", folder.display());
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let store = status::look_at(database).await?;
    let unfinished = tempfile::Builder::new()
        .prefix(".spandrel-audit-")
        .tempdir_in(beside)
        .with_context(|| beside.display().to_string())?;
    let manifest = write(&store, unfinished.path(), rows_per_file, json).await?;
    store.close().await;
    std::fs::rename(unfinished.path(), folder).with_context(|| folder.display().to_string())?;
    // It is at its place now: nothing is left to be removed.
    drop(unfinished.keep());
    File::open(beside)?.sync_all()?;
    Ok(manifest)
}

async fn write(store: &Sqlite, folder: &Path, rows_per_file: u64, json: bool) -> Result<Manifest> {
    let bar = progress::bar("exporting", store.audit_length().await?, json);
    let mut manifest = Manifest { version: VERSION, rows: 0, head: B256::ZERO, files: Vec::new() };
    let mut file: Option<Rows> = None;
    loop {
        let rows = store.audit(manifest.rows, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let open = match file.take() {
                Some(open) if open.rows < rows_per_file => open,
                full => {
                    manifest.files.extend(full.map(Rows::finish).transpose()?);
                    Rows::create(folder, row.sequence)?
                }
            };
            file = Some(open.with(row)?);
            manifest.rows += 1;
            manifest.head = row.hash;
            bar.inc(1);
        }
    }
    manifest.files.extend(file.map(Rows::finish).transpose()?);
    let mut out = File::create_new(folder.join(NAME))?;
    out.write_all(&manifest.to_bytes()?)?;
    out.sync_all()?;
    File::open(folder)?.sync_all()?;
    bar.finish_and_clear();
    Ok(manifest)
}

/// A file being written.
struct Rows {
    name: String,
    rows: u64,
    encoder: zstd::Encoder<'static, Hashed>,
}

/// A file that hashes what is written to it.
struct Hashed {
    file: File,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Rows {
    fn create(folder: &Path, first: u64) -> Result<Self> {
        let name = file_name(first);
        let file = File::create_new(folder.join(&name)).with_context(|| name.clone())?;
        let encoder = zstd::Encoder::new(Hashed { file, hasher: Sha256::new(), bytes: 0 }, LEVEL)?;
        Ok(Self { name, rows: 0, encoder })
    }

    fn with(mut self, row: &AuditRow) -> Result<Self> {
        serde_json::to_writer(&mut self.encoder, row)?;
        self.encoder.write_all(b"\n")?;
        self.rows += 1;
        Ok(self)
    }

    fn finish(self) -> Result<Entry> {
        let Self { name, rows, encoder } = self;
        let Hashed { file, hasher, bytes } = encoder.finish()?;
        file.sync_all()?;
        Ok(Entry { name, rows, bytes, sha256: B256::from_slice(&hasher.finalize()) })
    }
}

//! What an export holds. Its file has one form: whatever is changed in it, be it a blank, is no manifest any more.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use alloy_primitives::B256;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::check::Broken;

/// Its name in the folder.
pub const NAME: &str = "manifest.json";
/// The only version so far.
pub const VERSION: u32 = 1;
/// Largest manifest: some hundred thousand files.
const MAX_MANIFEST: u64 = 32 << 20;

/// An export's table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`VERSION`].
    pub version: u32,
    /// How many rows all files have.
    pub rows: u64,
    /// The last row's hash; zero when there is none.
    pub head: B256,
    /// The files, in the order of their rows.
    pub files: Vec<Entry>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name, see [`file_name`].
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// Its size, compressed.
    pub bytes: u64,
    /// SHA-256 of it, compressed.
    pub sha256: B256,
}

/// The name of the file that begins with row `first`.
pub fn file_name(first: u64) -> String {
    format!("rows-{first:012}.jsonl.zst")
}

impl Manifest {
    /// Its one form.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads the manifest of `folder`.
    ///
    /// # Errors
    /// The outer one when the file cannot be read, the inner one when it is no manifest.
    pub fn read(folder: &Path) -> Result<Result<Self, Broken>> {
        let path = folder.join(NAME);
        let length = fs::metadata(&path).with_context(|| path.display().to_string())?.len();
        if length > MAX_MANIFEST {
            return Ok(Err(Broken::new(NAME, format!("at most {MAX_MANIFEST} bytes"), length)));
        }
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let manifest: Self = match serde_json::from_slice(&bytes) {
            Ok(manifest) => manifest,
            Err(error) => return Ok(Err(Broken::new(NAME, "a manifest of an export", error))),
        };
        let own = manifest.to_bytes()?;
        if own != bytes {
            let place = own.iter().zip(&bytes).take_while(|(own, found)| own == found).count();
            return Ok(Err(Broken::new(NAME, "the one form of what it says", format!("another from byte {place} on"))));
        }
        Ok(Broken::unless(format!("{NAME}: version"), &VERSION, &manifest.version).map(|()| manifest))
    }

    /// Checks that `folder` has the files that it names, in their order, and no others.
    pub fn require_files(&self, folder: &Path) -> Result<Result<(), Broken>> {
        let mut first = 0_u64;
        for (place, entry) in self.files.iter().enumerate() {
            let checked = Broken::unless(format!("{NAME}: files[{place}].name"), &file_name(first), &entry.name);
            if checked.is_err() {
                return Ok(checked);
            }
            first = first.saturating_add(entry.rows);
        }
        for found in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let name = found?.file_name().to_string_lossy().into_owned();
            if name != NAME && !self.files.iter().any(|entry| entry.name == name) {
                return Ok(Err(Broken::new("files", "only those that the manifest names", name)));
            }
        }
        Ok(Ok(()))
    }
}

impl Entry {
    /// Checks size and hash of the file, before anything in it is read.
    pub fn require_content(&self, folder: &Path) -> Result<Result<(), Broken>> {
        let path = folder.join(&self.name);
        let name = &self.name;
        let Ok(mut file) = File::open(&path) else { return Ok(Err(Broken::new(name, "a file", "none"))) };
        let length = file.metadata()?.len();
        if length != self.bytes {
            return Ok(Err(Broken::new(format!("{name}: bytes"), self.bytes, length)));
        }
        let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut buffer).with_context(|| path.display().to_string())?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            hasher.update(part);
        }
        let found = B256::from_slice(&hasher.finalize());
        Ok(Broken::unless(format!("{name}: sha256"), &self.sha256, &found))
    }
}

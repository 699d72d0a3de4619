//! Where the vectors are, how they are read, and what a suite counts.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use alloy_primitives::Bytes;
use serde::de::DeserializeOwned;
use spandrel_verifiers::VerifyError;

use crate::vector_coverage::first_missing;

/// The folder or file `name` of the shared vectors: in `SPANDREL_VECTORS`, or beside the repository. `None`, with a word
/// on the output, when it is not there, or not all of it that tests name.
pub fn vectors(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from).or_else(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
    });
    let Some((root, found)) = root.map(|root| (root.clone(), root.join(name))).filter(|(_, found)| found.exists())
    else {
        println!("skipped: vectors {name} not found");
        return None;
    };
    let (chain, set) = name.split_once('/').unwrap_or((name, ""));
    let missing =
        if set.is_empty() { None } else { first_missing(&root.join(chain), set, crate::coverage::read(chain)) };
    if let Some(start) = missing {
        println!("skipped: vectors {name}: no {start}");
        return None;
    }
    Some(found)
}

/// The folder of a chain, if it has all of these sets.
pub fn vectors_with(chain: &str, sets: &[&str]) -> Option<PathBuf> {
    let has = |set: &&str| vectors(&format!("{chain}/{set}")).is_some();
    sets.iter().all(has).then(|| vectors(chain))?
}

pub fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    std::fs::read(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

pub fn json<T: DeserializeOwned>(path: impl AsRef<Path>) -> T {
    serde_json::from_slice(&bytes(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

pub fn yaml<T: DeserializeOwned>(path: impl AsRef<Path>) -> T {
    serde_yaml::from_slice(&bytes(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// What stands in a folder, in order; nothing, with a word on the output, when it is not there.
pub fn files(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.as_ref()) else {
        println!("skipped: vectors {} not found", folder.as_ref().display());
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What stands in a folder and is read as this, in JSON or YAML, in order. Any other file is another kind's.
pub fn readable<T: DeserializeOwned>(folder: impl AsRef<Path>) -> Vec<(PathBuf, T)> {
    let read = |path: PathBuf| {
        let bytes = path.is_file().then(|| bytes(&path))?;
        let is_yaml = path.extension().is_some_and(|ending| ending == "yaml");
        let content = if is_yaml { serde_yaml::from_slice(&bytes).ok() } else { serde_json::from_slice(&bytes).ok() };
        Some((path, content?))
    };
    files(folder).into_iter().filter_map(read).collect()
}

/// Files in JSON or YAML under a folder, however deep.
pub fn texts(folder: PathBuf) -> Vec<PathBuf> {
    let found = |path: PathBuf| match path.extension().and_then(|ending| ending.to_str()) {
        Some("json" | "yaml") => vec![path],
        _ if path.is_dir() => texts(path),
        _ => Vec::new(),
    };
    files(folder).into_iter().flat_map(found).collect()
}

/// Every file of this name under `folder`, however deep.
pub fn find(folder: &Path, name: &str) -> Vec<PathBuf> {
    let found = |path: PathBuf| match path.is_dir() {
        true => find(&path, name),
        false if path.file_name().is_some_and(|file| file == name) => vec![path],
        false => vec![],
    };
    files(folder).into_iter().flat_map(found).collect()
}

/// Runs the case of each file, which is its folder. One that fails hides no other.
///
/// # Panics
/// At the end, when one did.
pub fn run_each(files: Vec<PathBuf>, mut run: impl FnMut(&Path)) {
    let folders = files.iter().filter_map(|file| file.parent());
    let failed: Vec<&Path> = folders.filter(|case| catch_unwind(AssertUnwindSafe(|| run(case))).is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Every folder of this name under `root`, however deep.
pub fn folders(root: &Path, name: &str) -> Vec<PathBuf> {
    let found = |path: PathBuf| match path.file_name().is_some_and(|folder| folder == name) {
        true => vec![path],
        false => folders(&path, name),
    };
    files(root).into_iter().filter(|path| path.is_dir()).flat_map(found).collect()
}

/// Passed, refused as expected, and skipped with a reason; printed when dropped.
pub struct Tally {
    suite: Option<&'static str>,
    passed: usize,
    refused: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub fn new(suite: &'static str) -> Self {
        let mut tally = Self::silent();
        tally.suite = Some(suite);
        tally
    }

    /// One that counts and prints nothing.
    pub fn silent() -> Self {
        Self { suite: None, passed: 0, refused: 0, skipped: BTreeMap::new() }
    }

    pub fn pass(&mut self) {
        self.passed += 1;
    }

    pub fn count(&mut self, passed: usize, refused: usize) {
        self.passed += passed;
        self.refused += refused;
    }

    pub fn passed(&self) -> usize {
        self.passed
    }

    pub fn refused(&self) -> usize {
        self.refused
    }

    /// Counts a refusal, which must name `field`.
    pub fn refuse<T: std::fmt::Debug>(&mut self, result: Result<T, VerifyError>, field: &str) {
        let error = result.expect_err(field);
        assert_eq!(error.field, field, "{error}");
        self.refused += 1;
    }

    pub fn refuse_any<T: std::fmt::Debug>(&mut self, result: Result<T, VerifyError>) {
        result.unwrap_err();
        self.refused += 1;
    }

    pub fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let Some(suite) = self.suite else { return };
        println!("{suite}: {} passed, {} refused as expected", self.passed, self.refused);
        for (reason, count) in &self.skipped {
            println!("{suite}: {count} skipped: {reason}");
        }
    }
}

/// Hex with or without `0x`.
pub fn hex_bytes(text: &str) -> Bytes {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

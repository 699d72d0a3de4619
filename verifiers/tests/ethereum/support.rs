//! Where the vectors are, how they are read, and what a suite counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy_primitives::Bytes;
use serde::de::DeserializeOwned;
use spandrel_verifiers::VerifyError;

/// The folder `name` of the shared vectors: in `SPANDREL_VECTORS`, or beside the repository. `None`, with a word on
/// the output, when it is not there.
pub fn vectors(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from).or_else(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
    });
    let folder = root.map(|root| root.join(name)).filter(|folder| folder.exists());
    if folder.is_none() {
        println!("skipped: vectors {name} not found");
    }
    folder
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

pub fn files(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
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

/// Passed, refused as expected, and skipped with a reason; printed when dropped.
pub struct Tally {
    suite: &'static str,
    passed: usize,
    refused: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub fn new(suite: &'static str) -> Self {
        Self { suite, passed: 0, refused: 0, skipped: BTreeMap::new() }
    }

    pub fn pass(&mut self) {
        self.passed += 1;
    }

    pub fn passed(&self) -> usize {
        self.passed
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
        println!("{}: {} passed, {} refused as expected", self.suite, self.passed, self.refused);
        for (reason, count) in &self.skipped {
            println!("{}: {count} skipped: {reason}", self.suite);
        }
    }
}

/// Hex with or without `0x`.
pub fn hex_bytes(text: &str) -> Bytes {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

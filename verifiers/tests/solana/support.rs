//! Where the vectors are, how they are read, and what a suite counts.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::solana::from_base58;

/// The folder `name` of the vectors: in `SPANDREL_VECTORS`, or beside the repository.
fn folder(name: &str) -> Option<PathBuf> {
    let beside = || {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
    };
    let root = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from).or_else(beside);
    root.map(|root| root.join(name)).filter(|folder| folder.is_dir())
}

/// Every file under `set` whose name ends with `ending`, with its path; a line that says so when there is none.
pub fn files(set: &str, ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    if let Some(folder) = folder(set) {
        walk(&folder, ending, &mut found);
    }
    if found.is_empty() {
        println!("skipped: no {set}/**/*{ending}");
    }
    found.sort();
    found
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push((path.to_string_lossy().into_owned(), std::fs::read(&path).unwrap()));
        }
    }
}

pub fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

pub fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

pub fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

pub fn hash(value: &Value) -> B256 {
    B256::from_slice(&unhex(value))
}

pub fn base58(value: &Value) -> B256 {
    from_base58("vector", value.as_str().unwrap()).unwrap()
}

/// Bytes in base64, as RPC nodes give them.
pub fn unbase64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets = text.bytes().filter(|letter| *letter != b'=');
    let sextets: Vec<u32> =
        sextets.map(|letter| LETTERS.iter().position(|known| *known == letter).unwrap() as u32).collect();
    let group = |group: &[u32]| {
        let bits = group.iter().fold(0, |bits, sextet| bits << 6 | sextet) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    sextets.chunks(4).flat_map(group).collect()
}

/// Passed, refused as expected, and skipped with a reason; printed when dropped.
pub struct Tally {
    suite: &'static str,
    pub passed: usize,
    pub refused: usize,
    skipped: BTreeMap<String, usize>,
}

impl Tally {
    pub fn new(suite: &'static str) -> Self {
        Self { suite, passed: 0, refused: 0, skipped: BTreeMap::new() }
    }

    pub fn pass(&mut self) {
        self.passed += 1;
    }

    /// Counts a refusal, which must name `field`.
    pub fn refuse<T: std::fmt::Debug>(&mut self, result: Result<T, VerifyError>, field: &str) {
        let error = result.expect_err(field);
        assert_eq!(error.field, field, "{error}");
        self.refused += 1;
    }

    pub fn skip(&mut self, reason: &str) {
        *self.skipped.entry(reason.to_owned()).or_default() += 1;
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

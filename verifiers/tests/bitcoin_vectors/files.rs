//! Where the vectors are, how they are read, and the count of what came of them.

use std::io::Read;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, Bytes, U256};
use serde_json::Value;
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, Header, HeaderChain, target_of, work_of};

use crate::vector_coverage::is_home;

/// The folder of Bitcoin vectors: under `SPANDREL_VECTORS`, or beside the repository.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from);
    let beside = || {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        above.map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
    };
    named.or_else(beside).map(|folder| folder.join("bitcoin"))
}

/// The bytes of a vector file; None, and a line that says so, when it is not there.
pub fn read(name: &str) -> Option<Vec<u8>> {
    let bytes = folder().and_then(|folder| std::fs::read(folder.join(name)).ok());
    if bytes.is_none() {
        println!("skipped: bitcoin/{name} not found");
    }
    bytes
}

/// Names of the files under `set` that end in `ending`, in order; none, and a line that says so, when the set is not
/// there.
pub fn files_under(set: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let Some(root) = folder() else {
        println!("skipped: bitcoin/{set} not found");
        return found;
    };
    let mut folders = vec![root.join(set)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(name) = path.strip_prefix(&root).ok().and_then(Path::to_str) {
                found.extend(name.ends_with(ending).then(|| name.to_owned()));
            }
        }
    }
    if found.is_empty() {
        println!("skipped: bitcoin/{set} not found");
    }
    found.sort();
    found
}

pub fn read_json(name: &str) -> Option<Value> {
    read(name).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

pub fn read_bz2(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    bzip2::read::BzDecoder::new(&read(name)?[..]).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

/// Decoded hex, with or without `0x`.
pub fn unhex(value: &Value) -> Bytes {
    let text = value.as_str().unwrap();
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).unwrap().into()
}

pub fn hash_of(value: &Value) -> B256 {
    B256::from_slice(&unhex(value))
}

/// Headers from a list of objects with a `hex` field.
pub fn hex_fields(list: &Value) -> Vec<Bytes> {
    list.as_array().unwrap().iter().map(|item| unhex(&item["hex"])).collect()
}

/// A chain anchored at `header`. What a fixture leaves out is filled in: ten earlier blocks a minute apart where
/// `previous` is short, and a chain work of as many blocks of the same target.
pub fn anchored(
    params: ChainParams,
    height: u64,
    header: &Bytes,
    period_start: &Bytes,
    previous: &[Bytes],
) -> HeaderChain {
    let parsed = Header::parse(header).unwrap();
    let period = Header::parse(period_start).unwrap();
    let mut times: Vec<u32> = previous.iter().map(|bytes| Header::parse(bytes).unwrap().time).collect();
    let wanted = 10.min(height as usize);
    while times.len() < wanted {
        times.insert(0, times.first().unwrap_or(&parsed.time) - 60);
    }
    let anchor = Anchor {
        height,
        header: header.clone(),
        chain_work: work_of(target_of(parsed.bits).unwrap()) * U256::from(height + 1),
        period_start_time: period.time,
        period_start_bits: period.bits,
        previous_times: times[times.len() - wanted..].to_vec(),
    };
    HeaderChain::new(params, anchor).unwrap()
}

pub fn from_genesis(params: ChainParams) -> HeaderChain {
    let anchor = Anchor::genesis(&params).unwrap();
    HeaderChain::new(params, anchor).unwrap()
}

/// How many cases of a set did what they should.
pub struct Tally {
    set: &'static str,
    pub passed: usize,
    pub refused: usize,
    pub skipped: usize,
}

impl Tally {
    pub fn new(set: &'static str) -> Self {
        Self { set, passed: 0, refused: 0, skipped: 0 }
    }

    /// Counts a case by whether it was taken, and insists that it should have been.
    pub fn expect<T: std::fmt::Debug, E: std::fmt::Debug>(&mut self, case: &str, is_valid: bool, result: Result<T, E>) {
        assert_eq!(result.is_ok(), is_valid, "{}, {case}: {result:?}", self.set);
        if is_valid {
            self.passed += 1;
        } else {
            self.refused += 1;
        }
    }

    /// Counts a case that is not run, and says why.
    pub fn skip(&mut self, case: &str, why: &str) {
        println!("skipped: {}, {case}: {why}", self.set);
        self.skipped += 1;
    }

    /// Prints the counts, if anything was found to count.
    pub fn report_any(&self) {
        if self.passed + self.refused + self.skipped > 0 {
            self.report();
        }
    }

    pub fn report(&self) {
        let Self { set, passed, refused, skipped } = self;
        println!("{set}: {passed} passed, {refused} refused as expected, {skipped} skipped");
        assert!(passed + refused > 0 || !is_home(), "{set} has no case");
    }
}

//! Where the vectors are, how they are read, and what a suite counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

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

pub fn read_json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What every JSON file under `folder` holds that has this shape, in order. Any other is another kind's.
pub fn cases(folder: &Path, is_shape: impl Fn(&Value) -> bool) -> Vec<(PathBuf, Value)> {
    let read = |path: PathBuf| {
        let value = serde_json::from_slice(&std::fs::read(&path).unwrap()).ok().filter(&is_shape)?;
        Some((path, value))
    };
    json_files(folder).into_iter().filter_map(read).collect()
}

/// Every file under `folder` that ends in `.json`, in order.
pub fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(json_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Passed, refused as expected, and skipped with a reason; printed when dropped.
pub struct Tally {
    suite: &'static str,
    pub passed: usize,
    pub refused: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    pub fn new(suite: &'static str) -> Self {
        Self { suite, passed: 0, refused: 0, skipped: BTreeMap::new() }
    }

    /// Counts what is printed elsewhere.
    pub fn silent() -> Self {
        Self::new("")
    }

    pub fn pass(&mut self) {
        self.passed += 1;
    }

    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    pub fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if self.suite.is_empty() {
            return;
        }
        println!("{}: {} passed, {} refused as expected", self.suite, self.passed, self.refused);
        for (reason, count) in &self.skipped {
            println!("{}: {count} skipped: {reason}", self.suite);
        }
    }
}

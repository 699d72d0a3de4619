//! Files of unknown names among the vectors, by where they stand and how their names end.

use std::path::Path;

use crate::vector_coverage::{Kind, Ran};

/// What tests look for under any name.
pub const KINDS: &[Kind] = &[
    Kind { name: "a block's votes", run: |path, _| ends(path, &["_votes.json"]) },
    Kind { name: "a block's shreds", run: |path, _| ends(path, &["shreds.json.gz"]) },
    Kind { name: "a bank's accounts or manifest", run: |path, _| ends(path, &["manifest.bin.gz", "accounts.json.gz"]) },
];

fn ends(path: &Path, endings: &[&str]) -> Option<Ran> {
    let name = path.file_name()?.to_str()?;
    endings.iter().any(|ending| name.ends_with(ending)).then_some(Ran::Elsewhere)
}

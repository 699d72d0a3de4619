//! The same files under other names, in one folder, and some of them twice.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::corpus::{Kind, of_kind};
use crate::support::files;

/// What each suite counts when these tests are run over a folder of vectors: passed and refused.
fn counts(vectors: Option<&Path>) -> BTreeMap<String, (usize, usize)> {
    let mut run = Command::new(std::env::current_exe().unwrap());
    run.args(["--nocapture", "--test-threads=1", "--skip", "renamed", "recorded::", "signatures::malleability"]);
    if let Some(folder) = vectors {
        run.env("SPANDREL_VECTORS", folder);
    }
    let output = run.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let count = |line: &str| {
        let (suite, counted) = line.split_once(": ")?;
        let (passed, refused) = counted.strip_suffix(" refused as expected")?.split_once(" passed, ")?;
        // Behind the name of the test that prints it.
        let suite = suite.rsplit(" ... ").next()?.to_owned();
        Some((suite, (passed.parse().ok()?, refused.parse().ok()?)))
    };
    text.lines().filter_map(count).collect()
}

#[test]
fn files_under_other_names_are_run_and_counted_the_same() {
    let all = files("solana", "");
    if all.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("solana/elsewhere");
    std::fs::create_dir_all(&root).unwrap();
    for (place, (_, bytes)) in all.iter().enumerate() {
        std::fs::write(root.join(format!("{place:03}")), bytes).unwrap();
    }
    let (home, mut renamed) = (counts(None), counts(Some(folder.path())));
    assert!(home.len() > 8, "{home:?}");
    assert_eq!(renamed, home);
    // One more of a kind is run as well, if there is one.
    let Some((_, one)) = of_kind(Kind::VoteAccount).pop() else { return };
    std::fs::write(root.join("one more"), one).unwrap();
    let before = renamed["vote accounts"];
    renamed = counts(Some(folder.path()));
    assert_eq!(renamed["vote accounts"], (before.0 + 1, before.1 + 5));
}

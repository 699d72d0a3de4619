//! A refusal says what was found, and not only that it was something else.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Whether a last argument in `line` is a text that speaks of another thing than the expected one.
fn is_vague(line: &str) -> bool {
    line.match_indices(", \"").any(|(at, start)| {
        let Some((text, behind)) = line[at + start.len()..].split_once('"') else { return false };
        let mut words = text.split(|letter: char| !letter.is_alphanumeric());
        behind.starts_with(')') && words.any(|word| matches!(word, "another" | "other" | "others"))
    })
}

#[test]
fn no_refusal_says_only_that_another_was_found() {
    assert!(is_vague(r#"VerifyError::invalid("key", "the first", "another"))"#));
    assert!(!is_vague(r#"VerifyError::invalid("key", "another block", found)"#));
    let mut paths = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    assert!(paths.len() > 100, "{paths:?}");
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let vague: Vec<&str> = code
            .lines()
            .filter(|line| line.contains("VerifyError") || line.contains("malformed"))
            .filter(|line| is_vague(line))
            .collect();
        assert!(vague.is_empty(), "{}: {vague:?}", path.display());
    }
}

//! No public decoder of the verifiers is without a fuzz target.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What makes a value of outside bytes or text.
const NAMES: [&str; 8] = ["decode", "parse", "read", "from_bytes", "from_ssz", "from_json", "from_base58", "proof_ops"];

/// Decoders that targets reach through another, and through which. The last takes any bytes of its length.
const WITHIN: &[(&str, &str)] = &[
    ("Commit::decode", "ClientHeader::decode"),
    ("Header::decode", "ClientHeader::decode"),
    ("CommitmentProof::decode", "verify_membership"),
    ("ExistenceProof::decode", "verify_membership"),
    ("NonExistenceProof::decode", "verify_absence"),
    ("SyncCommittee::decode_ssz", "T::decode_ssz"),
    ("ExecutionPayloadHeader::decode_ssz", "T::decode_ssz"),
    ("BeaconBlockHeader::decode_ssz", "T::decode_ssz"),
    ("LightClientHeader::decode_ssz", "T::decode_ssz"),
    ("Node::decode", "trie::value"),
    ("Path::decode", "trie::value"),
    ("Shred::parse_each", "Shred::parse"),
    ("Lattice::from_bytes", ""),
];

fn sources(folder: PathBuf) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: PathBuf| match path.is_dir() {
        true => sources(path),
        false => vec![(path.clone(), std::fs::read_to_string(&path).unwrap())],
    };
    entries.flat_map(read).filter(|(path, _)| path.extension().is_some_and(|kind| kind == "rs")).collect()
}

/// The letters that a name may have, from the start of `text` on.
fn name(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The type that an `impl` line is of.
fn type_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("impl")?;
    // Parameters of the `impl` itself.
    let rest = if rest.starts_with('<') { rest.split_once("> ")?.1 } else { rest.trim_start() };
    Some(name(rest.rsplit_once(" for ").map_or(rest, |(_, of)| of)))
}

/// The public decoders of a file, each behind its type, if it has one. Tests stand at the end.
fn decoders(text: &str) -> Vec<String> {
    let (mut found, mut of) = (Vec::new(), None);
    for line in text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")) {
        of = if line == "}" { None } else { type_of(line).or(of) };
        let Some(function) = line.trim_start().strip_prefix("pub fn ").map(name) else { continue };
        if NAMES.iter().any(|part| function.contains(part)) {
            found.push(of.map_or(function.to_owned(), |of| format!("{of}::{function}")));
        }
    }
    found
}

/// Whether `text` names it, and not something that begins or ends so.
fn names(text: &str, wanted: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    text.match_indices(wanted)
        .any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + wanted.len()..].chars().next()))
}

#[test]
fn every_public_decoder_has_a_fuzz_target() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets: String = sources(here.join("src/targets")).into_iter().map(|(_, text)| text).collect();
    let within: BTreeMap<&str, &str> = WITHIN.iter().copied().collect();
    let (mut known, mut missing) = (0, Vec::new());
    for (path, text) in sources(here.join("../src")) {
        for decoder in decoders(&text) {
            known += 1;
            let is_fuzzed = match within.get(decoder.as_str()) {
                Some(by) => by.is_empty() || names(&targets, by),
                None => names(&targets, &decoder),
            };
            if !is_fuzzed {
                missing.push(format!("{decoder} of {}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "no target: {missing:#?}");
    assert!(known > 30, "{known} decoders were found");
}

#[test]
fn what_is_reached_through_another_is_still_there() {
    let found: Vec<String> = sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"))
        .iter()
        .flat_map(|(_, text)| decoders(text))
        .collect();
    for (decoder, _) in WITHIN {
        assert!(found.iter().any(|found| found == decoder), "{decoder}");
    }
}

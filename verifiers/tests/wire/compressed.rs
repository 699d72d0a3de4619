//! Compressed ICS-23 batches: their sizes are bounded before anything is put together.

use spandrel_verifiers::cosmos::ics23::{CommitmentProof, MAX_DEPTH, MAX_ENTRIES, MAX_PROOF_LENGTH};

use crate::cosmos::store::field;

const KEY: &[u8] = b"key";
/// Most steps that entries share.
const MAX_LOOKUP: usize = 1 << 14;

/// An entry for `key`: the steps at `path`, by their places.
fn entry(key: &[u8], path: &[u8]) -> Vec<u8> {
    let existence = [field(1, key), field(2, b"value"), field(4, path)].concat();
    field(1, &field(1, &existence))
}

fn batch(entries: &[Vec<u8>], steps: usize) -> Vec<u8> {
    let step = field(2, &[8, 1]);
    field(4, &[entries.concat(), step.repeat(steps)].concat())
}

/// The field that a batch is refused for; none, if it is read.
fn refused(bytes: &[u8]) -> Option<String> {
    CommitmentProof::decode(bytes, KEY).err().map(|error| error.field)
}

#[test]
fn as_many_entries_and_steps_are_read_as_the_limits_allow() {
    let own = entry(KEY, &[0]);
    let others = |count: usize| vec![entry(b"other", &[]); count];
    let all = |count: usize| batch(&[others(count), vec![own.clone()]].concat(), 1);
    assert_eq!(refused(&all(MAX_ENTRIES - 1)), None);
    assert_eq!(refused(&all(MAX_ENTRIES)).as_deref(), Some("compressed.entries"));
    assert_eq!(refused(&batch(std::slice::from_ref(&own), MAX_LOOKUP)), None);
    assert_eq!(refused(&batch(&[own], MAX_LOOKUP + 1)).as_deref(), Some("compressed.lookup_inners"));
    let path = |length: usize| batch(&[entry(KEY, &vec![0; length])], 1);
    assert_eq!(refused(&path(MAX_DEPTH)), None);
    assert_eq!(refused(&path(MAX_DEPTH + 1)).as_deref(), Some("compressed.exist.path"));
}

#[test]
fn a_step_that_is_not_there_is_not_looked_up() {
    assert_eq!(refused(&batch(&[entry(KEY, &[1])], 2)), None);
    assert_eq!(refused(&batch(&[entry(KEY, &[2])], 2)).as_deref(), Some("compressed.exist.path"));
    assert_eq!(refused(&batch(&[entry(KEY, &[0])], 0)).as_deref(), Some("compressed.exist.path"));
}

/// What many entries share is put together for one key alone: a small proof does not become a large one.
#[test]
fn only_the_entries_of_the_key_are_inflated() {
    let longest = vec![0; MAX_DEPTH];
    let bytes = batch(&[vec![entry(b"other", &longest); MAX_ENTRIES - 1], vec![entry(KEY, &longest)]].concat(), 1);
    match CommitmentProof::decode(&bytes, KEY).unwrap() {
        CommitmentProof::Batch(entries) => assert_eq!(entries.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proof_that_is_too_long_is_refused_by_its_length() {
    let long = batch(&[entry(KEY, &[0]), field(1, &vec![0; MAX_PROOF_LENGTH])], 1);
    assert_eq!(refused(&long).as_deref(), Some("proof"));
}

//! Compressed ICS-23 batches: one form of each, and sizes bounded before anything is put together.

use spandrel_verifiers::cosmos::ics23::{CommitmentProof, MAX_DEPTH, MAX_ENTRIES, MAX_PROOF_LENGTH};

use crate::cosmos::store::{field, varint};
use crate::proofs::{compressed, inflated};

const KEY: &[u8] = b"key";
/// Most steps that entries share.
const MAX_LOOKUP: usize = 1 << 14;

/// A proof that `key` exists: the steps at `path`, by their places.
fn existence(key: &[u8], path: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let path: Vec<u8> = path.into_iter().flat_map(|place| varint(place as u64)).collect();
    [field(1, key), field(2, b"value"), field(4, &path)].concat()
}

fn entry(key: &[u8], path: impl IntoIterator<Item = usize>) -> Vec<u8> {
    field(1, &field(1, &existence(key, path)))
}

/// The step of this number, which no other is like.
fn step(number: usize) -> Vec<u8> {
    field(2, &[&[8, 1][..], &field(2, &(number as u16).to_be_bytes())].concat())
}

fn batch(entries: &[Vec<u8>], steps: impl IntoIterator<Item = usize>) -> Vec<u8> {
    field(4, &[entries.concat(), steps.into_iter().flat_map(step).collect()].concat())
}

/// The field that a batch is refused for; none, if it is read.
fn refused(bytes: &[u8]) -> Option<String> {
    CommitmentProof::decode(bytes, KEY).err().map(|error| error.field)
}

#[test]
fn as_many_entries_and_steps_are_read_as_the_limits_allow() {
    let own = entry(KEY, [0]);
    let others = |count: usize| vec![entry(b"other", []); count];
    let all = |count: usize| batch(&[others(count), vec![own.clone()]].concat(), [0]);
    assert_eq!(refused(&all(MAX_ENTRIES - 1)), None);
    assert_eq!(refused(&all(MAX_ENTRIES)).as_deref(), Some("compressed.entries"));
    let steps = |count: usize| {
        let path = |start| entry(KEY, start..count.min(start + MAX_DEPTH));
        batch(&(0..count).step_by(MAX_DEPTH).map(path).collect::<Vec<_>>(), 0..count)
    };
    assert_eq!(refused(&steps(MAX_LOOKUP)), None);
    assert_eq!(refused(&steps(MAX_LOOKUP + 1)).as_deref(), Some("compressed.lookup_inners"));
    let path = |length: usize| batch(&[entry(KEY, vec![0; length])], [0]);
    assert_eq!(refused(&path(MAX_DEPTH)), None);
    assert_eq!(refused(&path(MAX_DEPTH + 1)).as_deref(), Some("compressed.exist.path"));
}

#[test]
fn a_step_that_is_not_there_is_not_looked_up() {
    assert_eq!(refused(&batch(&[entry(KEY, [0, 1])], 0..2)), None);
    assert_eq!(refused(&batch(&[entry(KEY, [0, 1, 2])], 0..2)).as_deref(), Some("compressed.exist.path"));
    assert_eq!(refused(&batch(&[entry(KEY, [0])], [])).as_deref(), Some("compressed.exist.path"));
}

/// The same entries, with their steps in another order, twice, or beside some that nobody names; and entries for other
/// keys, which nothing would be put together of.
#[test]
fn a_compressed_batch_has_one_form() {
    let nonexist = |sides: &[Vec<u8>]| field(1, &field(2, &[field(1, KEY), sides.concat()].concat()));
    let between = nonexist(&[field(2, &existence(b"k", [2, 0])), field(3, &existence(b"l", [3, 0]))]);
    let form = batch(&[entry(b"other", [0]), entry(KEY, [1, 0]), between.clone()], 0..4);
    assert_eq!(refused(&form), None);
    assert_eq!(compressed(&inflated(&form)), form);
    let places = "compressed.exist.path";
    let swapped = nonexist(&[field(2, &existence(b"k", [3, 0])), field(3, &existence(b"l", [2, 0]))]);
    for (what, bytes, field) in [
        ("out of order", batch(&[entry(b"other", [1]), entry(KEY, [0, 1])], [1, 0]), places),
        (
            "out of order, in an absence",
            batch(&[entry(b"other", [0]), entry(KEY, [1, 0]), swapped], [0, 1, 3, 2]),
            places,
        ),
        ("one twice", batch(&[entry(b"other", [0]), entry(KEY, [1, 2])], [0, 1, 0]), "compressed.lookup_inners"),
        ("one that nobody names", batch(&[entry(b"other", [0]), entry(KEY, [0])], 0..2), "compressed.lookup_inners"),
    ] {
        let again = compressed(&inflated(&bytes));
        assert_eq!(refused(&again), None, "{what}");
        assert_ne!(again, bytes, "{what}");
        assert_eq!(refused(&bytes).as_deref(), Some(field), "{what}");
    }
    let beside = |other: &[u8]| refused(&batch(&[field(1, &field(1, other)), entry(KEY, [0])], [0]));
    assert_eq!(beside(&existence(b"other", [])), None);
    assert_eq!(beside(&existence(b"other", [7])).as_deref(), Some(places));
    assert_eq!(beside(&[existence(b"other", []), field(9, b"x")].concat()).as_deref(), Some("compressed.exist"));
}

/// What many entries share is put together for one key alone: a small proof does not become a large one.
#[test]
fn only_the_entries_of_the_key_are_inflated() {
    let longest = || vec![0; MAX_DEPTH];
    let others = vec![entry(b"other", longest()); MAX_ENTRIES - 1];
    let bytes = batch(&[others, vec![entry(KEY, longest())]].concat(), [0]);
    match CommitmentProof::decode(&bytes, KEY).unwrap() {
        CommitmentProof::Batch(entries) => assert_eq!(entries.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proof_that_is_too_long_is_refused_by_its_length() {
    let long = batch(&[entry(KEY, [0]), field(1, &vec![0; MAX_PROOF_LENGTH])], [0]);
    assert_eq!(refused(&long).as_deref(), Some("proof"));
}

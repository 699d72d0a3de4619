//! Every way of this machine, and the wide kernel on arrays, against `alloy-primitives`.

use proptest::prelude::*;

use super::wide::Wide;
use super::*;
use crate::groups::hash_each;
use crate::words::model::Model;

type Way = (&'static str, Box<dyn Fn(&[&[u8]], &mut [Hash])>);

fn ways() -> Vec<Way> {
    let mut ways: Vec<Way> = vec![
        ("by choice", Box::new(hash_portion)),
        ("arrays of 8", Box::new(|messages, hashes| hash_each::<_, 8, _>(Wide(Model), messages, hashes))),
        ("arrays of 3", Box::new(|messages, hashes| hash_each::<_, 3, _>(Wide(Model), messages, hashes))),
    ];
    #[cfg(target_arch = "x86_64")]
    {
        use crate::words::{Avx2, Avx512};
        if let Some(words) = Avx2::detect() {
            ways.push(("AVX2", Box::new(move |messages, hashes| hash_each(Wide(words), messages, hashes))));
        }
        if let Some(words) = Avx512::detect() {
            ways.push(("AVX-512", Box::new(move |messages, hashes| hash_each(Wide(words), messages, hashes))));
        }
    }
    ways
}

fn require_equal<M: AsRef<[u8]>>(messages: &[M]) {
    let expected: Vec<_> = messages.iter().map(|message| keccak256(message).0).collect();
    for (name, hash) in ways() {
        let mut hashes = vec![[0xee; 32]; messages.len()];
        in_portions(messages, &mut hashes, hash);
        assert_eq!(hashes, expected, "{name}, {} messages", messages.len());
    }
}

/// Bytes that differ from message to message.
fn message(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (seed * 31 + at * 7 + (at >> 8)) as u8).collect()
}

/// Shorter where each instruction is interpreted.
const LONGEST: usize = if cfg!(miri) { 140 } else { 600 };

#[test]
fn hashes_are_those_of_keccak_at_every_length() {
    require_equal(&(0..LONGEST).map(|length| message(length, length)).collect::<Vec<_>>());
    for length in (0..LONGEST).step_by(if cfg!(miri) { 135 } else { 1 }) {
        require_equal(&(0..9).map(|seed| message(seed, length)).collect::<Vec<_>>());
    }
}

#[test]
fn hashes_are_those_of_keccak_for_every_count() {
    for count in (0..=40).step_by(if cfg!(miri) { 13 } else { 1 }) {
        require_equal(&(0..count).map(|seed| message(seed, 532)).collect::<Vec<_>>());
        require_equal(&(0..count).map(|seed| message(seed, seed * 97 % 600)).collect::<Vec<_>>());
    }
}

#[test]
fn more_messages_than_are_sorted_together_keep_their_order() {
    let count = if cfg!(miri) { 258 } else { 1_000 };
    require_equal(&(0..count).map(|seed| message(seed, 199 * seed % 557)).collect::<Vec<_>>());
}

#[test]
fn the_known_answers_stand() {
    let known = |hashes: Vec<Hash>| hashes.into_iter().map(alloy_primitives::hex::encode).collect::<Vec<_>>();
    assert_eq!(
        known(keccak256_each(&["", "abc"])),
        [
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
            "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 200 }))]
    #[test]
    fn hashes_are_those_of_keccak_for_any_messages(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..50)
    ) {
        require_equal(&messages);
    }
}

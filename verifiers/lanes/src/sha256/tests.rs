//! Every way of this machine, and the wide kernel on arrays, against `sha2`.

use proptest::prelude::*;

use super::*;
use crate::words::model::Model;

type Way<K> = (&'static str, Box<dyn Fn(&[<K as Kind>::Message<'_>], &mut [Hash])>);

fn ways<K: Kind>() -> Vec<Way<K>> {
    let mut ways: Vec<Way<K>> = vec![
        ("by choice", Box::new(dispatch::<K>)),
        ("arrays of 16", Box::new(|messages, hashes| K::hash::<_, 16>(Wide(Model), messages, hashes))),
        ("arrays of 3", Box::new(|messages, hashes| K::hash::<_, 3>(Wide(Model), messages, hashes))),
    ];
    #[cfg(target_arch = "x86_64")]
    {
        use crate::words::{Avx2, Avx512};
        if let Some(words) = Avx2::detect() {
            ways.push(("AVX2", Box::new(move |messages, hashes| K::hash(Wide(words), messages, hashes))));
        }
        if let Some(words) = Avx512::detect() {
            ways.push(("AVX-512", Box::new(move |messages, hashes| K::hash(Wide(words), messages, hashes))));
        }
        if let Some(sha) = ShaNi::detect() {
            ways.push(("SHA, 1", Box::new(move |messages, hashes| K::hash::<_, 1>(sha, messages, hashes))));
            ways.push(("SHA, 2", Box::new(move |messages, hashes| K::hash::<_, 2>(sha, messages, hashes))));
            ways.push(("SHA, 4", Box::new(move |messages, hashes| K::hash::<_, 4>(sha, messages, hashes))));
        }
    }
    ways
}

fn require_equal<const TWICE: bool>(messages: &[impl AsRef<[u8]>]) {
    let expected: Vec<_> = messages.iter().map(|message| plain(message.as_ref(), TWICE)).collect();
    for (name, hash) in ways::<Each<TWICE>>() {
        let mut hashes = vec![[0xee; 32]; messages.len()];
        in_portions(messages, &mut hashes, hash);
        assert_eq!(hashes, expected, "{name}, {} messages", messages.len());
    }
}

fn require_pairs_equal<const TWICE: bool>(pairs: &[[u8; 64]]) {
    let expected: Vec<_> = pairs.iter().map(|pair| plain(pair, TWICE)).collect();
    for (name, hash) in ways::<Pairs<TWICE>>() {
        let mut hashes = vec![[0xee; 32]; pairs.len()];
        hash(pairs, &mut hashes);
        assert_eq!(hashes, expected, "{name}, {} pairs", pairs.len());
    }
}

fn require_padded_equal<const LENGTH: usize>(messages: &[FixedBytes<LENGTH>]) {
    let padded = |message: &FixedBytes<LENGTH>| plain(&[message.as_slice(), &[0; 64][LENGTH..]].concat(), false);
    let expected: Vec<_> = messages.iter().map(padded).collect();
    for (name, hash) in ways::<ZeroPadded<LENGTH>>() {
        let mut hashes = vec![[0xee; 32]; messages.len()];
        hash(messages, &mut hashes);
        assert_eq!(hashes, expected, "{name}, {} messages of {LENGTH}", messages.len());
    }
}

fn require_all_equal(messages: &[impl AsRef<[u8]>]) {
    require_equal::<false>(messages);
    require_equal::<true>(messages);
}

/// Bytes that differ from message to message.
fn message(seed: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (seed * 31 + at * 7 + (at >> 8)) as u8).collect()
}

/// Shorter where each instruction is interpreted.
const LONGEST: usize = if cfg!(miri) { 130 } else { 600 };

#[test]
fn hashes_are_those_of_sha2_at_every_length() {
    require_all_equal(&(0..LONGEST).map(|length| message(length, length)).collect::<Vec<_>>());
    for length in (0..LONGEST).step_by(if cfg!(miri) { 61 } else { 1 }) {
        require_all_equal(&(0..17).map(|seed| message(seed, length)).collect::<Vec<_>>());
    }
}

#[test]
fn hashes_are_those_of_sha2_for_every_count() {
    for count in (0..=40).step_by(if cfg!(miri) { 13 } else { 1 }) {
        require_all_equal(&(0..count).map(|seed| message(seed, 80)).collect::<Vec<_>>());
        require_all_equal(&(0..count).map(|seed| message(seed, seed * 97 % 300)).collect::<Vec<_>>());
        let pairs: Vec<[u8; 64]> = (0..count).map(|seed| message(seed, 64).try_into().unwrap()).collect();
        require_pairs_equal::<false>(&pairs);
        require_pairs_equal::<true>(&pairs);
        let keys = |seed| FixedBytes::<48>::from_slice(&message(seed, 48));
        require_padded_equal(&(0..count).map(keys).collect::<Vec<_>>());
        require_padded_equal(&pairs.iter().map(|pair| FixedBytes(*pair)).collect::<Vec<_>>());
        assert_eq!(sha256_pairs(&pairs), sha256_each(&pairs));
        assert_eq!(sha256d_pairs(&pairs), sha256d_each(&pairs));
    }
}

#[test]
fn more_messages_than_are_sorted_together_keep_their_order() {
    let count = if cfg!(miri) { 258 } else { 1_000 };
    require_all_equal(&(0..count).map(|seed| message(seed, 199 * seed % 257)).collect::<Vec<_>>());
}

#[test]
fn the_known_answers_stand() {
    let known = |hashes: Vec<Hash>| hashes.into_iter().map(alloy_primitives::hex::encode).collect::<Vec<_>>();
    assert_eq!(
        known(sha256_each(&["", "abc"])),
        [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        ]
    );
    assert_eq!(
        known(sha256d_each(&["hello"; 2])),
        ["9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"; 2]
    );
}

#[test]
#[should_panic(expected = "a place for each hash")]
fn a_hash_without_a_place_is_no_silent_loss() {
    sha256_each_into(&["", ""], &mut [Hash::default()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 200 }))]
    #[test]
    fn hashes_are_those_of_sha2_for_any_messages(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..70)
    ) {
        require_all_equal(&messages);
    }
}

//! SHA-256 (FIPS 180-4), once and twice, of many messages.

mod constants;
#[cfg(target_arch = "x86_64")]
mod instructions;
mod sha;
#[cfg(test)]
mod tests;
mod wide;

use alloy_primitives::FixedBytes;
use sha2::{Digest, Sha256};

#[cfg(target_arch = "x86_64")]
pub(crate) use self::instructions::ShaNi;
use self::sha::{Block, Sha, Sha256Of, hash_pairs};
#[cfg(target_arch = "x86_64")]
use self::wide::Wide;
use crate::Hash;
use crate::groups::{hash_each, in_portions};
#[cfg(target_arch = "x86_64")]
use crate::path::Path;

/// How many messages the SHA instructions work on in turns.
const STREAMS: usize = 2;

/// SHA-256 of each message.
pub fn sha256_each<M: AsRef<[u8]>>(messages: &[M]) -> Vec<Hash> {
    made(messages, sha256_each_into)
}

/// [`sha256_each`], into `hashes`.
///
/// # Panics
/// When there are not as many places as messages.
pub fn sha256_each_into<M: AsRef<[u8]>>(messages: &[M], hashes: &mut [Hash]) {
    in_portions(messages, hashes, dispatch::<Each<false>>);
}

/// SHA-256 of the SHA-256 of each message (Bitcoin).
pub fn sha256d_each<M: AsRef<[u8]>>(messages: &[M]) -> Vec<Hash> {
    made(messages, sha256d_each_into)
}

/// [`sha256d_each`], into `hashes`.
///
/// # Panics
/// When there are not as many places as messages.
pub fn sha256d_each_into<M: AsRef<[u8]>>(messages: &[M], hashes: &mut [Hash]) {
    in_portions(messages, hashes, dispatch::<Each<true>>);
}

/// SHA-256 of each pair of 32-byte nodes: one level of a binary tree.
pub fn sha256_pairs(pairs: &[[u8; 64]]) -> Vec<Hash> {
    made(pairs, sha256_pairs_into)
}

/// [`sha256_pairs`], into `hashes`. A row of nodes is a row of pairs by `row.as_flattened().as_chunks().0`.
///
/// # Panics
/// When there are not as many places as pairs.
pub fn sha256_pairs_into(pairs: &[[u8; 64]], hashes: &mut [Hash]) {
    dispatch::<Pairs<false>>(pairs, hashes);
}

/// SHA-256 of each message with zeros behind it up to 64 bytes, into `hashes`: what SSZ makes of 33 to 64 bytes.
///
/// # Panics
/// When there are not as many places as messages.
pub fn sha256_zero_padded_into<const LENGTH: usize>(messages: &[FixedBytes<LENGTH>], hashes: &mut [Hash]) {
    const { assert!(LENGTH <= 64) };
    dispatch::<ZeroPadded<LENGTH>>(messages, hashes);
}

/// SHA-256 of the SHA-256 of each pair of 32-byte nodes: one level of Bitcoin's tree.
pub fn sha256d_pairs(pairs: &[[u8; 64]]) -> Vec<Hash> {
    made(pairs, sha256d_pairs_into)
}

/// [`sha256d_pairs`], into `hashes`.
///
/// # Panics
/// When there are not as many places as pairs.
pub fn sha256d_pairs_into(pairs: &[[u8; 64]], hashes: &mut [Hash]) {
    dispatch::<Pairs<true>>(pairs, hashes);
}

fn made<M>(messages: &[M], into: impl Fn(&[M], &mut [Hash])) -> Vec<Hash> {
    let mut hashes = vec![Hash::default(); messages.len()];
    into(messages, &mut hashes);
    hashes
}

/// A kind of messages, and whether they are hashed twice.
trait Kind: 'static {
    type Message<'a>: AsRef<[u8]>;
    const IS_TWICE: bool;
    fn hash_one(message: &Self::Message<'_>) -> Hash {
        plain(message.as_ref(), Self::IS_TWICE)
    }
    fn hash<S: Sha<N>, const N: usize>(sha: S, messages: &[Self::Message<'_>], hashes: &mut [Hash]);
}

/// Any messages, [`crate::groups::SORTED`] of them at most.
struct Each<const TWICE: bool>;

impl<const TWICE: bool> Kind for Each<TWICE> {
    type Message<'a> = &'a [u8];
    const IS_TWICE: bool = TWICE;
    fn hash<S: Sha<N>, const N: usize>(sha: S, messages: &[&[u8]], hashes: &mut [Hash]) {
        hash_each(Sha256Of::<S, TWICE>(sha), messages, hashes);
    }
}

/// Pairs of nodes.
struct Pairs<const TWICE: bool>;

impl<const TWICE: bool> Kind for Pairs<TWICE> {
    type Message<'a> = [u8; 64];
    const IS_TWICE: bool = TWICE;
    fn hash<S: Sha<N>, const N: usize>(sha: S, pairs: &[[u8; 64]], hashes: &mut [Hash]) {
        hash_pairs(Sha256Of::<S, TWICE>(sha), pairs, hashes);
    }
}

/// Messages that fill a block together with zeros.
struct ZeroPadded<const LENGTH: usize>;

impl<const LENGTH: usize> Kind for ZeroPadded<LENGTH> {
    type Message<'a> = FixedBytes<LENGTH>;
    const IS_TWICE: bool = false;
    fn hash_one(message: &FixedBytes<LENGTH>) -> Hash {
        plain(message.block(&mut [0; 64]), false)
    }
    fn hash<S: Sha<N>, const N: usize>(sha: S, messages: &[FixedBytes<LENGTH>], hashes: &mut [Hash]) {
        hash_pairs(Sha256Of::<S, false>(sha), messages, hashes);
    }
}

fn plain(message: &[u8], is_twice: bool) -> Hash {
    let once = Sha256::digest(message);
    if is_twice { Sha256::digest(once).into() } else { once.into() }
}

/// Hashes `messages` by the way that is best for so many.
fn dispatch<K: Kind>(messages: &[K::Message<'_>], hashes: &mut [Hash]) {
    assert_eq!(messages.len(), hashes.len(), "a place for each hash");
    #[cfg(target_arch = "x86_64")]
    let (messages, hashes) = by_instructions::<K>(messages, hashes);
    for (message, hash) in messages.iter().zip(hashes) {
        *hash = K::hash_one(message);
    }
}

/// Hashes what the processor's wide words and SHA instructions are good for; returns what is left.
#[cfg(target_arch = "x86_64")]
fn by_instructions<'a, 'm, K: Kind>(
    mut messages: &'a [K::Message<'m>],
    mut hashes: &'a mut [Hash],
) -> (&'a [K::Message<'m>], &'a mut [Hash]) {
    use crate::words::{Avx2, Avx512};

    let instructions = ShaNi::detect().filter(|_| Path::ShaNi.is_open());
    if let Some(words) = Avx512::detect().filter(|_| Path::Avx512.is_open() && messages.len() > 1) {
        let rest = if instructions.is_some() { messages.len() % 16 } else { 0 };
        let (wide, narrow) = messages.split_at(messages.len() - rest);
        let (wide_hashes, narrow_hashes) = hashes.split_at_mut(wide.len());
        K::hash(Wide(words), wide, wide_hashes);
        (messages, hashes) = (narrow, narrow_hashes);
    }
    if messages.len() < 2 {
        return (messages, hashes);
    }
    if let Some(instructions) = instructions {
        K::hash::<_, STREAMS>(instructions, messages, hashes);
    } else if let Some(words) = Avx2::detect().filter(|_| Path::Avx2.is_open()) {
        K::hash(Wide(words), messages, hashes);
    } else {
        return (messages, hashes);
    }
    (&[], &mut [])
}

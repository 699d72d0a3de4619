//! Keccak-256, as Ethereum uses it, of many messages.

#[cfg(test)]
mod tests;
mod wide;

use alloy_primitives::keccak256;

#[cfg(target_arch = "x86_64")]
use self::wide::Wide;
use crate::Hash;
#[cfg(target_arch = "x86_64")]
use crate::groups::hash_each;
use crate::groups::in_portions;
#[cfg(target_arch = "x86_64")]
use crate::path::Path;

/// Keccak-256 of each message (Ethereum).
pub fn keccak256_each<M: AsRef<[u8]>>(messages: &[M]) -> Vec<Hash> {
    let mut hashes = vec![Hash::default(); messages.len()];
    keccak256_each_into(messages, &mut hashes);
    hashes
}

/// [`keccak256_each`], into `hashes`.
///
/// # Panics
/// When there are not as many places as messages.
pub fn keccak256_each_into<M: AsRef<[u8]>>(messages: &[M], hashes: &mut [Hash]) {
    in_portions(messages, hashes, hash_portion);
}

/// Hashes one portion by the way that is best for so many.
fn hash_portion(messages: &[&[u8]], hashes: &mut [Hash]) {
    #[cfg(target_arch = "x86_64")]
    if messages.len() > 1 {
        use crate::words::{Avx2, Avx512};
        if let Some(words) = Avx512::detect().filter(|_| Path::Avx512.is_open()) {
            return hash_each(Wide(words), messages, hashes);
        }
        if let Some(words) = Avx2::detect().filter(|_| Path::Avx2.is_open()) {
            return hash_each(Wide(words), messages, hashes);
        }
    }
    for (message, hash) in messages.iter().zip(hashes) {
        *hash = keccak256(message).0;
    }
}

//! Hashes of many messages at once. A result per message, in order, equal to the single hash.

use alloy_primitives::keccak256;
use sha2::{Digest, Sha256};

/// SHA-256 of each message.
pub fn sha256_each(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    messages.iter().map(|message| Sha256::digest(message).into()).collect()
}

/// SHA-256 of each pair of 32-byte nodes: one level of a binary tree.
pub fn sha256_pairs(pairs: &[[u8; 64]]) -> Vec<[u8; 32]> {
    pairs.iter().map(|pair| Sha256::digest(pair).into()).collect()
}

/// SHA-256 of the SHA-256 of each message (Bitcoin).
pub fn sha256d_each(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    messages.iter().map(|message| Sha256::digest(Sha256::digest(message)).into()).collect()
}

/// Keccak-256 of each message (Ethereum).
pub fn keccak256_each(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    messages.iter().map(|message| keccak256(message).0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hash_equals_the_single_one() {
        let messages: Vec<Vec<u8>> = (0..300).map(|length| vec![length as u8; length]).collect();
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        for (index, message) in messages.iter().enumerate() {
            let once: [u8; 32] = Sha256::digest(message).into();
            assert_eq!(sha256_each(&messages)[index], once);
            assert_eq!(sha256d_each(&messages)[index], <[u8; 32]>::from(Sha256::digest(once)));
            assert_eq!(keccak256_each(&messages)[index], keccak256(message).0);
        }
        let pairs = [[7; 64], [8; 64]];
        assert_eq!(sha256_pairs(&pairs), sha256_each(&[&pairs[0], &pairs[1]]));
    }
}

//! The 80-byte block header.

use alloy_primitives::{B256, U256};

use super::hashing::sha256d;
use super::params::ChainParams;
use super::work::target_within_limit;
use crate::VerifyError;

/// Length of a header.
pub const HEADER_LENGTH: usize = 80;

/// A decoded block header with its hash. All hashes are in wire order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// `sha256d` of the 80 bytes.
    pub hash: B256,
    /// Version.
    pub version: i32,
    /// Hash of the parent block.
    pub parent: B256,
    /// Merkle root over the txids.
    pub merkle_root: B256,
    /// Unix seconds, by the miner's word.
    pub time: u32,
    /// Compact target.
    pub bits: u32,
    /// Nonce.
    pub nonce: u32,
}

impl Header {
    /// Decodes exactly 80 bytes. Errors name `header`.
    pub fn parse(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut header = Self::hashed(bytes, [0; 32])?;
        header.hash = sha256d(bytes);
        Ok(header)
    }

    /// [`Self::parse`] of bytes whose `sha256d` is known to be `hash`.
    #[inline]
    pub(super) fn hashed(bytes: &[u8], hash: [u8; 32]) -> Result<Self, VerifyError> {
        let whole: &[u8; HEADER_LENGTH] = bytes.try_into().map_err(|_| wrong_length(bytes.len()))?;
        Self::fields(whole, hash).ok_or_else(|| wrong_length(bytes.len()))
    }

    /// [`Self::hashed`] if the hash meets the target that `target_of` makes of the header's compact one. What it returns
    /// is put together last, where the caller wants it: headers come by the thousand, and moving them costs.
    #[inline]
    pub(super) fn worked(
        bytes: &[u8],
        hash: [u8; 32],
        target_of: impl FnOnce(u32) -> Result<U256, VerifyError>,
    ) -> Result<Self, VerifyError> {
        let whole: &[u8; HEADER_LENGTH] = bytes.try_into().map_err(|_| wrong_length(bytes.len()))?;
        let bits = whole.last_chunk::<8>().and_then(|last| last.first_chunk::<4>());
        let bits = bits.ok_or_else(|| wrong_length(bytes.len()))?;
        require_at_most(target_of(u32::from_le_bytes(*bits))?, hash)?;
        Self::fields(whole, hash).ok_or_else(|| wrong_length(bytes.len()))
    }

    #[inline]
    fn fields(whole: &[u8; HEADER_LENGTH], hash: [u8; 32]) -> Option<Self> {
        let (version, rest) = whole.split_first_chunk::<4>()?;
        let (parent, rest) = rest.split_first_chunk::<32>()?;
        let (merkle_root, rest) = rest.split_first_chunk::<32>()?;
        let (time, rest) = rest.split_first_chunk::<4>()?;
        let (bits, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, _) = rest.split_first_chunk::<4>()?;
        Some(Self {
            hash: hash.into(),
            version: i32::from_le_bytes(*version),
            parent: B256::from(parent),
            merkle_root: B256::from(merkle_root),
            time: u32::from_le_bytes(*time),
            bits: u32::from_le_bytes(*bits),
            nonce: u32::from_le_bytes(*nonce),
        })
    }

    /// The 80 bytes again.
    pub fn encode(&self) -> Vec<u8> {
        [
            &self.version.to_le_bytes()[..],
            self.parent.as_slice(),
            self.merkle_root.as_slice(),
            &self.time.to_le_bytes(),
            &self.bits.to_le_bytes(),
            &self.nonce.to_le_bytes(),
        ]
        .concat()
    }

    /// Checks that the hash meets the target the header states, and that the target is within the network's limit.
    /// Returns the target. Errors name `bits` or `hash`.
    pub fn check_work(&self, params: &ChainParams) -> Result<U256, VerifyError> {
        let target = target_within_limit(params, self.bits)?;
        self.check_hash(target)?;
        Ok(target)
    }

    /// Checks that the hash meets `target`. Errors name `hash`.
    #[inline]
    pub(super) fn check_hash(&self, target: U256) -> Result<(), VerifyError> {
        require_at_most(target, self.hash.0)
    }
}

#[inline]
fn require_at_most(target: U256, hash: [u8; 32]) -> Result<(), VerifyError> {
    let value = U256::from_le_bytes(hash);
    if value > target { Err(too_great(value, target)) } else { Ok(()) }
}

#[cold]
fn wrong_length(found: usize) -> VerifyError {
    VerifyError::malformed("header", format!("{HEADER_LENGTH} bytes"), found)
}

#[cold]
fn too_great(value: U256, target: U256) -> VerifyError {
    VerifyError::invalid("hash", format!("at most {target:#066x}"), format!("{value:#066x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_genesis_header_parses_and_encodes_unchanged() {
        let bytes = ChainParams::mainnet().genesis_header();
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.version, header.time, header.bits, header.nonce), (1, 1231006505, 0x1d00ffff, 2083236893));
        assert_eq!(header.encode(), bytes);
        header.check_work(&ChainParams::mainnet()).unwrap();
        let easier = Header { bits: 0x1d01_0000, ..header };
        assert_eq!(easier.check_work(&ChainParams::mainnet()).unwrap_err().field, "bits");
        let unworked = Header { hash: B256::repeat_byte(0x7f), ..header };
        assert_eq!(unworked.check_work(&ChainParams::mainnet()).unwrap_err().field, "hash");
    }

    proptest! {
        #[test]
        fn only_eighty_bytes_are_a_header(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            match Header::parse(&bytes) {
                Ok(header) => prop_assert_eq!(header.encode(), bytes),
                Err(error) => prop_assert!(bytes.len() != HEADER_LENGTH && error.field == "header"),
            }
        }
    }
}

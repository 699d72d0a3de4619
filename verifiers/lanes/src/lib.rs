//! Hashes of many messages at once. A result per message, in order, equal to the single hash. And, in [`ed25519`], the
//! equation of four signatures at once.
//!
//! Three ways, chosen by what the processor has (looked up once):
//!
//! | path | SHA-256 | Keccak-256 | needs |
//! |---|---|---|---|
//! | [`Path::Avx512`] | 16 messages in 512-bit words | 8 messages | AVX-512F |
//! | [`Path::ShaNi`] | streams of SHA instructions, interleaved | - | SHA, SSE4.1 |
//! | [`Path::Avx2`] | 8 messages in 256-bit words | 4 messages | AVX2 |
//! | [`Path::Plain`] | one after another, by `sha2` | by `alloy-primitives` | - |
//!
//! SHA-256 takes SHA instructions where they exist, since they beat 256-bit words, and 512-bit words where they do not
//! or where there are enough messages to fill them. A few messages left over go the way that is best for a few.
//! The feature `plain` leaves only the last way. Messages of different lengths may be mixed: they are grouped by length first.
//!
//! The wide kernels are written once, over the operations of `words`; what differs between processors is one
//! instruction an operation. The tests run the same kernels on plain arrays too. `unsafe` is in `words::avx2`,
//! `words::avx512` and `sha256::instructions`, nowhere else, and rests on one fact: a value of a type such as `Avx2` is
//! made only after the processor was found to have AVX2.

pub mod ed25519;
mod groups;
mod keccak;
mod path;
mod sha256;
mod words;

pub use keccak::{keccak256_each, keccak256_each_into};
pub use path::{Path, keccak256_path, restrict_to, sha256_path};
pub use sha256::{
    sha256_each, sha256_each_into, sha256_pairs, sha256_pairs_into, sha256_zero_padded_into, sha256d_each,
    sha256d_each_into, sha256d_pairs, sha256d_pairs_into,
};

/// A SHA-256 or Keccak-256 hash.
pub type Hash = [u8; 32];

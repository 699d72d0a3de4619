//! SSZ: strict decoding, encoding and Merkleization, for containers whose layout depends on fork and preset.
//!
//! Source: consensus-specs `ssz/simple-serialize.md`, `ssz/merkle-proofs.md`. Nothing is read past its bounds,
//! offsets must be exactly where the layout puts them, and no byte may be left over.

mod merkle;
mod reader;
mod writer;

pub(crate) use merkle::two_chunk_vector_root;
pub use merkle::{branch, chunks, hash_pair, merkleize, mix_in_length, verify_branch};
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;

use alloy_primitives::B256;

/// A value with a hash tree root.
pub trait HashTreeRoot {
    /// `hash_tree_root` of the SSZ specification.
    fn hash_tree_root(&self) -> B256;
}

/// Leaf chunk of a `uint64`: little-endian, padded.
pub fn uint64_chunk(value: u64) -> B256 {
    let mut chunk = [0; 32];
    for (to, from) in chunk.iter_mut().zip(value.to_le_bytes()) {
        *to = from;
    }
    B256::new(chunk)
}

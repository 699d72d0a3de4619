//! Generalized indices: where a leaf sits in an SSZ Merkle tree (consensus-specs `ssz/merkle-proofs.md`).

/// A generalized index: 1 is the root, the children of `i` are `2i` and `2i + 1`. Always a constant of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gindex(u64);

impl Gindex {
    /// The node `index`; zero is taken for the root.
    pub const fn new(index: u64) -> Self {
        Self(if index == 0 { 1 } else { index })
    }

    /// Length of a branch to this node: `floor(log2(index))`.
    pub const fn depth(self) -> usize {
        self.0.ilog2() as usize
    }

    /// Whether the node `height` levels above this one (0: itself) is a right child.
    pub const fn is_right(self, height: usize) -> bool {
        height < 64 && self.0.wrapping_shr(height as u32) & 1 == 1
    }
}

//! SHA-256 Merkle trees: roots, branches and their verification.

use std::sync::LazyLock;

use alloy_primitives::{B256, FixedBytes};
use sha2::{Digest, Sha256};
use spandrel_lanes::{Hash, sha256_pairs_into, sha256_zero_padded_into};

use crate::VerifyError;
use crate::ethereum::gindex::Gindex;

/// `sha256(left ‖ right)`.
pub fn hash_pair(left: B256, right: B256) -> B256 {
    let mut hasher = Sha256::new();
    hasher.update(left);
    hasher.update(right);
    B256::new(hasher.finalize().into())
}

/// Roots of the trees without leaves, by depth.
static EMPTY: LazyLock<[B256; 64]> = LazyLock::new(|| {
    let mut next = B256::ZERO;
    [(); 64].map(|()| {
        let node = next;
        next = hash_pair(node, node);
        node
    })
});

/// Makes of `nodes` the level above them, with `zero` beside an odd last one. `above` is room for it.
fn hash_level(nodes: &mut Vec<Hash>, above: &mut Vec<Hash>, zero: B256) {
    if nodes.len() & 1 == 1 {
        nodes.push(zero.0);
    }
    let pairs = nodes.as_flattened().as_chunks().0;
    above.resize(pairs.len(), Hash::default());
    sha256_pairs_into(pairs, above);
    std::mem::swap(nodes, above);
}

/// Root of a vector of values of `N` bytes, two chunks each: `N` is 33 to 64. Public keys have 48.
pub fn two_chunk_vector_root<const N: usize>(values: &[FixedBytes<N>]) -> B256 {
    const { assert!(N > 32 && N <= 64) };
    let mut roots = vec![Hash::default(); values.len()];
    sha256_zero_padded_into(values, &mut roots);
    let depth = values.len().next_power_of_two().ilog2() as usize;
    climb(roots, depth, |_| ())
}

/// Root of `leaves` in a tree of `2^depth` leaves, the missing ones zero. More leaves than fit make a deeper tree,
/// and so another root.
pub fn merkleize(leaves: &[B256], depth: usize) -> B256 {
    climb(as_hashes(leaves), depth, |_| ())
}

fn as_hashes(leaves: &[B256]) -> Vec<Hash> {
    leaves.iter().map(|leaf| leaf.0).collect()
}

/// Siblings of leaf `index`, lowest first, in a tree of `2^depth` leaves: what [`verify_branch`] takes.
pub fn branch(leaves: &[B256], depth: usize, index: usize) -> Vec<B256> {
    let mut siblings = Vec::with_capacity(depth);
    let mut position = index;
    climb(as_hashes(leaves), depth, |layer| {
        siblings.push(layer.get(position ^ 1));
        position /= 2;
    });
    siblings
}

/// Checks that `leaf` stands at `index` under `root`: the branch is exactly as long as the index is deep.
///
/// Source: consensus-specs `is_valid_merkle_branch`, `ssz/merkle-proofs.md`.
///
/// # Errors
/// `Invalid`, naming `field`: a branch is right or wrong as a whole, and no node of it is named.
pub fn verify_branch(field: &str, leaf: B256, branch: &[B256], index: Gindex, root: B256) -> Result<(), VerifyError> {
    if branch.len() != index.depth() {
        return Err(VerifyError::invalid(field, format!("{} nodes", index.depth()), branch.len()));
    }
    let mut node = leaf;
    for (height, sibling) in branch.iter().enumerate() {
        node = if index.is_right(height) { hash_pair(*sibling, node) } else { hash_pair(node, *sibling) };
    }
    if node != root {
        return Err(VerifyError::invalid(field, format!("a branch of {leaf} to {root}"), node));
    }
    Ok(())
}

/// Splits bytes into 32-byte chunks, the last padded with zeros.
pub fn chunks(bytes: &[u8]) -> Vec<B256> {
    bytes.chunks(32).map(B256::right_padding_from).collect()
}

/// `sha256(root ‖ length)`: the root of a list.
pub fn mix_in_length(root: B256, length: usize) -> B256 {
    hash_pair(root, super::uint64_chunk(length as u64))
}

/// One level of a tree: the nodes that are there, and what stands for all others.
struct Layer<'a> {
    nodes: &'a [[u8; 32]],
    zero: B256,
}

impl Layer<'_> {
    fn get(&self, position: usize) -> B256 {
        self.nodes.get(position).map_or(self.zero, |node| B256::new(*node))
    }
}

fn climb(mut nodes: Vec<Hash>, depth: usize, mut visit: impl FnMut(Layer<'_>)) -> B256 {
    let mut above = Vec::with_capacity(nodes.len().div_ceil(2));
    let mut height = 0_usize;
    let zero_at = |height: usize| EMPTY.get(height).copied().unwrap_or_default();
    while height < depth || nodes.len() > 1 {
        let zero = zero_at(height);
        visit(Layer { nodes: &nodes, zero });
        hash_level(&mut nodes, &mut above, zero);
        height = height.saturating_add(1);
    }
    nodes.first().map_or_else(|| zero_at(height), |node| B256::new(*node))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u8) -> Vec<B256> {
        (0..count).map(|n| B256::repeat_byte(n + 1)).collect()
    }

    #[test]
    fn every_leaf_has_a_branch_to_the_root_and_to_no_other_place() {
        for count in 0..=8 {
            let (leaves, depth) = (leaves(count), 3);
            let root = merkleize(&leaves, depth);
            for index in 0..8 {
                let leaf = leaves.get(index).copied().unwrap_or_default();
                let path = branch(&leaves, depth, index);
                for place in 0..8 {
                    let checked = verify_branch("branch", leaf, &path, Gindex::new(8 + place), root);
                    let same = leaf == leaves.get(place as usize).copied().unwrap_or_default()
                        && path == branch(&leaves, depth, place as usize);
                    assert_eq!(checked.is_ok(), same, "{count} leaves, {index} at {place}");
                }
            }
        }
    }

    #[test]
    fn a_branch_of_another_length_is_refused() {
        let leaves = leaves(8);
        let root = merkleize(&leaves, 3);
        let path = branch(&leaves, 3, 5);
        let index = Gindex::new(13);
        verify_branch("branch", leaves[5], &path, index, root).unwrap();
        let longer = [path.clone(), vec![B256::ZERO]].concat();
        for wrong in [&path[..2], &longer[..], &[]] {
            assert_eq!(verify_branch("branch", leaves[5], wrong, index, root).unwrap_err().expected, "3 nodes");
        }
        // An index with the same low bits but one bit more: the overflowing generalized index of a forged proof.
        assert!(verify_branch("branch", leaves[5], &path, Gindex::new(13 + 16), root).is_err());
    }

    #[test]
    fn absent_leaves_are_zero_chunks_at_every_depth() {
        let mut padded = leaves(5);
        padded.resize(8, B256::ZERO);
        assert_eq!(merkleize(&leaves(5), 3), merkleize(&padded, 3));
        assert_eq!(merkleize(&[], 1), hash_pair(B256::ZERO, B256::ZERO));
        assert_ne!(merkleize(&leaves(5), 3), merkleize(&leaves(5), 4));
        assert_ne!(merkleize(&leaves(5), 2), merkleize(&leaves(4), 2));
    }
}

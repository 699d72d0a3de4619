//! The Merkle trees of shreds and of Alpenglow blocks.
//!
//! Leaves and nodes are hashed under different prefixes; a node is made of the first 20 bytes of its children, and the
//! last of an odd row is joined with itself (Agave `shred/merkle_tree.rs`). Twenty bytes are 2^80 work for a leader who
//! wants two shreds with one proof: an honest leader's shreds cannot be replaced, a bad leader's block is bound only as
//! strongly as that.

use std::collections::HashMap;

use alloy_primitives::B256;
use spandrel_lanes::sha256_each;

use super::bank::sha256;

/// Bytes of a node that enter its parent, and of an entry of a proof.
pub const NODE_LENGTH: usize = 20;

/// An entry of a proof: the front of a sibling.
pub type Sibling = [u8; NODE_LENGTH];

/// So many leaves are copied behind their prefix at once: evidence of any size takes no more memory for that.
const COPIED: usize = 256;

const LEAF_PREFIX: &[u8] = b"\x00SOLANA_MERKLE_SHREDS_LEAF";
const NODE_PREFIX: &[u8] = b"\x01SOLANA_MERKLE_SHREDS_NODE";

/// The leaves of these shreds' bytes. Neighbours of the same bytes are hashed once.
pub(super) fn leaves(contents: &[&[u8]]) -> Vec<B256> {
    let runs: Vec<&[&[u8]]> = contents.chunk_by(|one, next| one == next).collect();
    let distinct: Vec<&[u8]> = runs.iter().filter_map(|run| run.first().copied()).collect();
    #[cfg(test)]
    crate::counted::add(&crate::counted::SHRED_LEAVES, distinct.len());
    let hash = |contents: &[&[u8]]| {
        hash_each(&contents.iter().map(|content| [LEAF_PREFIX, content].concat()).collect::<Vec<_>>())
    };
    let hashes = distinct.chunks(COPIED).flat_map(hash);
    runs.iter().zip(hashes).flat_map(|(run, leaf)| std::iter::repeat_n(leaf, run.len())).collect()
}

/// Nodes that are hashed together, each distinct one once.
#[derive(Default)]
struct Nodes {
    messages: Vec<Vec<u8>>,
    places: HashMap<[Sibling; 2], usize>,
}

impl Nodes {
    /// Which of them is the node over these two.
    fn over(&mut self, left: Sibling, right: Sibling) -> usize {
        let message = [NODE_PREFIX, &left, &right].concat();
        let next = self.messages.len();
        // Mostly that of the neighbour.
        if self.messages.last() == Some(&message) {
            return next.saturating_sub(1);
        }
        let place = *self.places.entry([left, right]).or_insert(next);
        if place == next {
            self.messages.push(message);
        }
        place
    }

    fn hash(&self) -> Vec<B256> {
        #[cfg(test)]
        crate::counted::add(&crate::counted::SHRED_NODES, self.messages.len());
        hash_each(&self.messages)
    }
}

/// The root above each leaf at its index, level by level; None when an index does not fit in a tree of its proof's
/// depth. Each distinct node of a level is hashed once, whoever meets at it.
pub(super) fn fold_each(branches: &[(B256, u32, &[Sibling])]) -> Vec<Option<B256>> {
    let mut roots: Vec<B256> = branches.iter().map(|(leaf, _, _)| *leaf).collect();
    let depth = branches.iter().map(|(_, _, proof)| proof.len()).max().unwrap_or_default();
    for level in 0..depth {
        let mut nodes = Nodes::default();
        let mut places = Vec::with_capacity(branches.len());
        for (place, (root, (_, index, proof))) in roots.iter().zip(branches).enumerate() {
            let Some(sibling) = proof.get(level) else { continue };
            let is_right =
                u32::try_from(level).ok().and_then(|level| index.checked_shr(level)).is_some_and(|i| i & 1 == 1);
            let node = front(root);
            let over = if is_right { nodes.over(*sibling, node) } else { nodes.over(node, *sibling) };
            places.push((place, over));
        }
        let parents = nodes.hash();
        for (place, over) in places {
            if let (Some(root), Some(parent)) = (roots.get_mut(place), parents.get(over)) {
                *root = *parent;
            }
        }
    }
    let fits = |index: u32, proof: &[Sibling]| {
        u32::try_from(proof.len()).is_ok_and(|depth| index.checked_shr(depth).unwrap_or_default() == 0)
    };
    branches.iter().zip(roots).map(|((_, index, proof), root)| fits(*index, proof).then_some(root)).collect()
}

/// The roots of trees over these leaves; None without leaves. Each distinct node of a level is hashed once, whichever
/// trees it is of.
fn roots(mut rows: Vec<Vec<B256>>) -> Vec<Option<B256>> {
    while rows.iter().any(|row| row.len() > 1) {
        let mut nodes = Nodes::default();
        let above: Vec<Option<Vec<usize>>> = rows
            .iter()
            .map(|row| {
                let pairs = row.chunks(2).filter_map(|pair| Some((front(pair.first()?), front(pair.last()?))));
                (row.len() > 1).then(|| pairs.map(|(left, right)| nodes.over(left, right)).collect())
            })
            .collect();
        let parents = nodes.hash();
        for (row, above) in rows.iter_mut().zip(above) {
            if let Some(above) = above {
                *row = above.into_iter().filter_map(|place| parents.get(place).copied()).collect();
            }
        }
    }
    rows.into_iter().map(|mut row| row.pop()).collect()
}

/// What the id of an Alpenglow block is made of: roots of its FEC sets, slot and id of its parent.
pub(super) type DoubleTree<'a> = (&'a [B256], u64, B256);

/// Root of the tree over each block's FEC-set roots and, as the last leaf, its parent: the block ids. None when there
/// are more sets than 32 bits count.
pub(super) fn double_roots(trees: &[DoubleTree<'_>]) -> Vec<Option<B256>> {
    let row = |(fec_set_roots, parent_slot, parent_block_id): &DoubleTree<'_>| {
        let Ok(count) = u32::try_from(fec_set_roots.len()) else { return Vec::new() };
        let parent = sha256(&[&parent_slot.to_le_bytes(), parent_block_id.as_slice(), &count.to_le_bytes()]);
        [fec_set_roots, &[parent][..]].concat()
    };
    roots(trees.iter().map(row).collect())
}

fn front(node: &B256) -> Sibling {
    *node.0.first_chunk().unwrap_or(&[0; NODE_LENGTH])
}

fn hash_each(messages: &[Vec<u8>]) -> Vec<B256> {
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    sha256_each(&messages).into_iter().map(B256::new).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::counted::{SHRED_NODES, counting};

    fn root(leaves: Vec<B256>) -> Option<B256> {
        roots(vec![leaves])[0]
    }

    fn double_root(fec_set_roots: &[B256], parent_slot: u64, parent_block_id: B256) -> Option<B256> {
        double_roots(&[(fec_set_roots, parent_slot, parent_block_id)])[0]
    }

    fn fold(leaf: B256, index: u32, proof: &[Sibling]) -> Option<B256> {
        fold_each(&[(leaf, index, proof)])[0]
    }

    fn proof_of(leaves: &[B256], mut index: usize) -> Vec<Sibling> {
        let (mut row, mut proof) = (leaves.to_vec(), Vec::new());
        while row.len() > 1 {
            let sibling = row.get(index ^ 1).unwrap_or(&row[row.len() - 1]);
            proof.push(front(sibling));
            row = row
                .chunks(2)
                .map(|pair| root(pair.iter().chain(pair.last()).take(2).copied().collect()).unwrap())
                .collect();
            index /= 2;
        }
        proof
    }

    #[test]
    fn every_leaf_folds_to_the_root_at_its_own_place_alone() {
        for count in 1..=40_usize {
            let contents: Vec<[u8; 1]> = (0..count as u8).map(|n| [n]).collect();
            let contents: Vec<&[u8]> = contents.iter().map(|content| &content[..]).collect();
            let leaves = leaves(&contents);
            let root = root(leaves.clone()).unwrap();
            for index in 0..count {
                let proof = proof_of(&leaves, index);
                for other in 0..64 {
                    let found = fold(leaves[index], other, &proof) == Some(root);
                    // Beyond the last leaf the row repeats itself; no leaf says that it stands there.
                    let twin = other >= count as u32;
                    assert!(found == (other == index as u32) || twin, "{index} of {count} at {other}");
                }
            }
        }
    }

    /// Of every tree, whole and in part: as many nodes are hashed as there are.
    #[test]
    fn shreds_of_one_set_hash_each_distinct_node_once() {
        for count in 1..=64_usize {
            let contents: Vec<[u8; 1]> = (0..count as u8).map(|n| [n]).collect();
            let contents: Vec<&[u8]> = contents.iter().map(|content| &content[..]).collect();
            let leaves = leaves(&contents);
            let root = root(leaves.clone()).unwrap();
            let proofs: Vec<_> = (0..count).map(|index| proof_of(&leaves, index)).collect();
            for taken in [count.div_ceil(2), count] {
                let branches: Vec<_> = (0..taken).map(|n| (leaves[n], n as u32, proofs[n].as_slice())).collect();
                let (roots, hashed) = counting(&SHRED_NODES, || fold_each(&branches));
                assert!(roots.iter().all(|found| *found == Some(root)));
                let places = |(_, index, proof): &(B256, u32, &[Sibling])| {
                    let index = *index;
                    (1..=proof.len()).map(move |level| (level, index >> level)).collect::<Vec<_>>()
                };
                assert_eq!(hashed, branches.iter().flat_map(places).collect::<BTreeSet<_>>().len(), "of {count}");
            }
        }
    }

    #[test]
    fn an_index_beyond_the_tree_is_no_place() {
        assert_eq!(fold(B256::ZERO, 1, &[]), None);
        assert_eq!(fold(B256::ZERO, 2, &[[0; 20]]), None);
        assert!(fold(B256::ZERO, u32::MAX, &[[0; 20]; 32]).is_some());
    }

    #[test]
    fn the_count_of_sets_is_bound_by_the_block_id() {
        // With an even number of sets the parent's leaf is joined with itself: only its count tells it from another.
        let roots = [B256::repeat_byte(1), B256::repeat_byte(2)];
        let id = double_root(&roots, 7, B256::repeat_byte(9)).unwrap();
        let parent = sha256(&[&7_u64.to_le_bytes(), &[9; 32], &2_u32.to_le_bytes()]);
        assert_eq!(root(vec![roots[0], roots[1], parent, parent]), Some(id));
        assert_ne!(double_root(&[roots[0], roots[1], parent], 7, B256::repeat_byte(9)), Some(id));
    }
}

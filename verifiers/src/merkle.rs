//! The bridge's own batch trees over deposit ids.
//!
//! Leaf `keccak256(0x00 ‖ id)`, node `keccak256(0x01 ‖ left ‖ right)`, an odd node is promoted. A leaf can never
//! equal a node; the count is bound by the signed batch, and a path has exactly the length its index asks for.

use alloy_primitives::{B256, keccak256};
use rs_merkle::{Hasher, MerkleTree};

use crate::{DepositId, VerifyError};

/// Most deposits one batch may hold.
pub const MAX_BATCH: usize = 256;

#[derive(Clone)]
struct Keccak;

impl Hasher for Keccak {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> Self::Hash {
        keccak256(data).0
    }

    fn concat_and_hash(left: &Self::Hash, right: Option<&Self::Hash>) -> Self::Hash {
        match right {
            Some(right) => node(left.into(), right.into()).0,
            None => *left,
        }
    }
}

/// Hash of a leaf.
pub fn leaf(id: DepositId) -> B256 {
    keccak256([&[0x00][..], id.0.as_slice()].concat())
}

fn node(left: B256, right: B256) -> B256 {
    keccak256([&[0x01][..], left.as_slice(), right.as_slice()].concat())
}

/// A batch of deposit ids under one root.
pub struct BatchTree {
    tree: MerkleTree<Keccak>,
    count: usize,
}

impl BatchTree {
    /// Builds the tree over 1 to [`MAX_BATCH`] ids, in order.
    pub fn new(ids: &[DepositId]) -> Result<Self, VerifyError> {
        if ids.is_empty() || ids.len() > MAX_BATCH {
            return Err(VerifyError::malformed("batch.count", format!("1 to {MAX_BATCH}"), ids.len()));
        }
        let leaves: Vec<[u8; 32]> = ids.iter().map(|id| leaf(*id).0).collect();
        Ok(Self { tree: MerkleTree::from_leaves(&leaves), count: ids.len() })
    }

    /// The root that is signed.
    pub fn root(&self) -> B256 {
        self.tree.root().map(B256::from).unwrap_or_default()
    }

    /// How many leaves there are; signed beside the root.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Siblings from leaf `index` to the root.
    pub fn path(&self, index: usize) -> Vec<B256> {
        if index >= self.count {
            return Vec::new();
        }
        self.tree.proof(&[index]).proof_hashes().iter().map(B256::from).collect()
    }
}

/// Checks that `id` is leaf `index` of `count` under `root`: the Rust twin of `BatchProof.verify` in Solidity.
pub fn verify(root: B256, count: usize, index: usize, id: DepositId, path: &[B256]) -> Result<(), VerifyError> {
    if root.is_zero() {
        return Err(VerifyError::invalid("batch.root", "a non-zero root", root));
    }
    if count == 0 || count > MAX_BATCH {
        return Err(VerifyError::invalid("batch.count", format!("1 to {MAX_BATCH}"), count));
    }
    if index >= count {
        return Err(VerifyError::invalid("batch.index", format!("below {count}"), index));
    }
    let mut hash = leaf(id);
    let mut siblings = path.iter();
    let (mut position, mut last) = (index, count.saturating_sub(1));
    while last > 0 {
        let is_promoted = position == last && position.is_multiple_of(2);
        if !is_promoted {
            let Some(sibling) = siblings.next() else {
                return Err(VerifyError::invalid("batch.path", "one more sibling", path.len()));
            };
            hash = if position.is_multiple_of(2) { node(hash, *sibling) } else { node(*sibling, hash) };
        }
        position /= 2;
        last /= 2;
    }
    if siblings.next().is_some() {
        return Err(VerifyError::invalid("batch.path", "no unused sibling", path.len()));
    }
    if hash != root {
        return Err(VerifyError::invalid("batch.root", root, hash));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(count: usize) -> Vec<DepositId> {
        (0..count).map(|n| DepositId(keccak256([n as u8, (n >> 8) as u8]))).collect()
    }

    #[test]
    fn every_leaf_of_every_size_verifies_and_only_at_its_place() {
        for count in 1..=33 {
            let ids = ids(count);
            let tree = BatchTree::new(&ids).unwrap();
            for (index, id) in ids.iter().enumerate() {
                let path = tree.path(index);
                verify(tree.root(), count, index, *id, &path).unwrap();
                for other in (0..count).filter(|other| *other != index) {
                    assert!(verify(tree.root(), count, other, *id, &path).is_err());
                }
            }
        }
    }

    #[test]
    fn forged_shapes_are_refused() {
        let ids = ids(5);
        let tree = BatchTree::new(&ids).unwrap();
        let path = tree.path(1);
        let refused = |root, count, index, path: &[B256]| verify(root, count, index, ids[1], path).unwrap_err().field;
        assert_eq!(refused(B256::ZERO, 5, 1, &path), "batch.root");
        assert_eq!(refused(tree.root(), 0, 0, &path), "batch.count");
        assert_eq!(refused(tree.root(), 5, 5, &path), "batch.index");
        assert_eq!(refused(tree.root(), 1, 1, &path), "batch.index");
        assert_eq!(refused(tree.root(), 5, 1, &path[1..]), "batch.path");
        let longer = [path.clone(), vec![B256::ZERO]].concat();
        assert_eq!(refused(tree.root(), 5, 1, &longer), "batch.path");
        // An inner node passed off as a leaf: the prefixes keep them apart.
        let inner = DepositId(path[1]);
        assert!(verify(tree.root(), 5, 0, inner, &path[1..]).is_err());
        assert!(BatchTree::new(&[]).is_err());
    }

    proptest! {
        #[test]
        fn a_flipped_bit_in_a_path_is_refused(count in 2usize..64, pick: prop::sample::Index, bit in 0usize..256) {
            let ids = ids(count);
            let tree = BatchTree::new(&ids).unwrap();
            let index = pick.index(count);
            let mut path = tree.path(index);
            let at = bit % path.len();
            path[at].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify(tree.root(), count, index, ids[index], &path).is_err());
        }
    }
}

//! Merkle paths of a Bitcoin block: building them, and checking that a path leads to exactly one place of one tree.
//!
//! A node is `sha256d(left ‖ right)`; the last node of an odd row is paired with itself. Two consequences are guarded
//! against here: a doubled node may stand only on the right edge (CVE-2012-2459), and an index must fit the depth.
//! That leaves and inner nodes hash alike (CVE-2017-12842) is guarded against in [`super::verify`]: no 64-byte
//! transaction, and a coinbase path of the same depth. All hashes are in wire order.

use alloy_primitives::B256;
use bitcoin::Txid;
use bitcoin::hashes::{Hash, HashEngine, sha256d};

use crate::VerifyError;

/// Deepest tree a block can have: 1,000,000 non-witness bytes hold at most 16,666 transactions of 60 bytes, which is
/// 15 levels.
pub const MAX_DEPTH: usize = 15;

/// `sha256d(left ‖ right)`.
pub(super) fn node(left: B256, right: B256) -> B256 {
    let mut engine = sha256d::Hash::engine();
    engine.input(left.as_slice());
    engine.input(right.as_slice());
    B256::new(sha256d::Hash::from_engine(engine).to_byte_array())
}

/// `sha256d(bytes)` in wire order: a txid (of a transaction without witness) or a block hash (of a header).
pub fn sha256d(bytes: &[u8]) -> B256 {
    B256::new(sha256d::Hash::hash(bytes).to_byte_array())
}

/// Siblings from transaction `index` of a block up to its Merkle root, lowest first; empty for a block of one
/// transaction, or when `index` is out of range.
pub fn merkle_path(txids: &[Txid], index: usize) -> Vec<B256> {
    let mut row: Vec<B256> = txids.iter().map(|txid| B256::new(txid.to_byte_array())).collect();
    let mut path = Vec::new();
    let mut position = index;
    if index >= row.len() {
        return path;
    }
    while row.len() > 1 {
        let sibling = row.get(position ^ 1).or_else(|| row.get(position));
        path.extend(sibling.copied());
        row = parents(&row);
        position /= 2;
    }
    path
}

/// Merkle root over a block's txids, coinbase first; zero for none.
pub fn merkle_root(txids: &[Txid]) -> B256 {
    let mut row: Vec<B256> = txids.iter().map(|txid| B256::new(txid.to_byte_array())).collect();
    while row.len() > 1 {
        row = parents(&row);
    }
    row.first().copied().unwrap_or_default()
}

fn parents(row: &[B256]) -> Vec<B256> {
    row.chunks(2)
        .filter_map(|pair| match pair {
            [left, right] => Some(node(*left, *right)),
            [last] => Some(node(*last, *last)),
            _ => None,
        })
        .collect()
}

/// Checks that `leaf` is transaction `index` of the tree under `root`.
///
/// Refused: more than [`MAX_DEPTH`] siblings (`path`); an index that the depth cannot hold (`index`); a node doubled
/// anywhere but on the tree's right edge (`index`, CVE-2012-2459), or not doubled above one that is (`index or path`);
/// another root (`path`).
pub fn verify_path(root: B256, leaf: B256, index: u32, path: &[B256]) -> Result<(), VerifyError> {
    let found = fold_path(leaf, index, path)?;
    if found != root {
        return Err(VerifyError::invalid("path", format!("a path to the Merkle root {root}"), found));
    }
    Ok(())
}

/// The root that `leaf` at `index` leads to over `path`, with every shape rule of [`verify_path`] checked.
pub(super) fn fold_path(leaf: B256, index: u32, path: &[B256]) -> Result<B256, VerifyError> {
    if path.len() > MAX_DEPTH {
        return Err(VerifyError::malformed("path", format!("at most {MAX_DEPTH} siblings"), path.len()));
    }
    let capacity = 1u32.checked_shl(u32::try_from(path.len()).unwrap_or(u32::MAX)).unwrap_or(u32::MAX);
    if index >= capacity {
        return Err(VerifyError::invalid("index", format!("below {capacity}, for {} siblings", path.len()), index));
    }
    let mut hash = leaf;
    let mut position = index;
    let mut is_last_of_row = false;
    for (level, sibling) in path.iter().enumerate() {
        let is_left = position.is_multiple_of(2);
        let is_doubled = *sibling == hash;
        // Only the last node of a row is doubled: never a right child, never the only node of a row, and once a node
        // is last, so is every node above it.
        if is_doubled && (!is_left || position == 0) {
            let expected = format!("a place on the right edge, where level {level} of the path doubles a node");
            return Err(VerifyError::invalid("index", expected, index));
        }
        if is_last_of_row && is_left && !is_doubled {
            let expected = format!("a doubled node at level {level}, as below it");
            return Err(VerifyError::invalid("index or path", expected, sibling));
        }
        is_last_of_row |= is_doubled;
        hash = if is_left { node(hash, *sibling) } else { node(*sibling, hash) };
        position /= 2;
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn txids(count: usize) -> Vec<Txid> {
        (0..count).map(|n| Txid::hash(&(n as u64).to_le_bytes())).collect()
    }

    fn leaf(txids: &[Txid], index: usize) -> B256 {
        B256::new(txids[index].to_byte_array())
    }

    #[test]
    fn every_transaction_of_every_small_block_verifies_at_its_place_only() {
        for count in 1..=33 {
            let txids = txids(count);
            let root = merkle_root(&txids);
            let reference = bitcoin::merkle_tree::calculate_root(txids.iter().map(|t| t.to_raw_hash())).unwrap();
            assert_eq!(root.0, reference.to_byte_array());
            for index in 0..count {
                let path = merkle_path(&txids, index);
                for claimed in 0..(1u32 << path.len()) + 1 {
                    let verdict = verify_path(root, leaf(&txids, index), claimed, &path);
                    assert_eq!(verdict.is_ok(), claimed as usize == index, "{index} of {count} claimed at {claimed}");
                }
            }
        }
    }

    #[test]
    fn a_doubled_tail_proves_nothing_twice() {
        // CVE-2012-2459: seven transactions and the same seven with the last one repeated share a root.
        let seven = txids(7);
        let mut eight = seven.clone();
        eight.push(seven[6]);
        assert_eq!(merkle_root(&seven), merkle_root(&eight));
        let forged = merkle_path(&eight, 7);
        let error = verify_path(merkle_root(&seven), leaf(&eight, 7), 7, &forged).unwrap_err();
        assert_eq!(error.field, "index");
        // Six transactions: the doubled inner node (positions 6 and 7) is no place either.
        let six = txids(6);
        let mut doubled = six.clone();
        doubled.extend([six[4], six[5]]);
        assert_eq!(merkle_root(&six), merkle_root(&doubled));
        for index in [6, 7] {
            let forged = merkle_path(&doubled, index);
            assert!(verify_path(merkle_root(&six), leaf(&doubled, index), index as u32, &forged).is_err());
        }
    }

    #[test]
    fn an_index_beyond_the_depth_and_a_path_beyond_the_limit_are_refused() {
        let txids = txids(5);
        let path = merkle_path(&txids, 1);
        let refused =
            |index, path: &[B256]| verify_path(merkle_root(&txids), leaf(&txids, 1), index, path).unwrap_err().field;
        assert_eq!(refused(1 + 8, &path), "index");
        assert_eq!(refused(u32::MAX, &path), "index");
        assert_eq!(refused(1, &vec![B256::ZERO; MAX_DEPTH + 1]), "path");
        assert_eq!(refused(1, &path[..2]), "path");
        assert!(merkle_path(&txids, 5).is_empty());
    }

    #[test]
    fn a_doubled_node_stands_only_on_the_right_edge_and_stays_there() {
        let [leaf, other] = [B256::repeat_byte(1), B256::repeat_byte(2)];
        let pair = node(leaf, leaf);
        assert_eq!(verify_path(pair, leaf, 0, &[leaf]).unwrap_err().field, "index", "a row of one is the root");
        // A doubled leaf 4 is the last of five; the node above it, the last of three, must be doubled too.
        let honest = node(other, node(pair, pair));
        verify_path(honest, leaf, 4, &[leaf, pair, other]).unwrap();
        let forged = node(other, node(pair, other));
        assert_eq!(verify_path(forged, leaf, 4, &[leaf, other, other]).unwrap_err().field, "index or path");
    }

    #[test]
    fn a_path_deeper_than_any_block_is_refused_even_when_it_adds_up() {
        let path: Vec<B256> = (1..=MAX_DEPTH as u8 + 1).map(B256::repeat_byte).collect();
        let root = |path: &[B256]| path.iter().fold(B256::ZERO, |below, sibling| node(below, *sibling));
        verify_path(root(&path[1..]), B256::ZERO, 0, &path[1..]).unwrap();
        assert_eq!(verify_path(root(&path), B256::ZERO, 0, &path).unwrap_err().field, "path");
    }

    proptest! {
        #[test]
        fn a_flipped_bit_in_a_path_is_refused(count in 2usize..200, pick: prop::sample::Index, bit in 0usize..256, level: prop::sample::Index) {
            let txids = txids(count);
            let index = pick.index(count);
            let mut path = merkle_path(&txids, index);
            let at = level.index(path.len());
            path[at].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_path(merkle_root(&txids), leaf(&txids, index), index as u32, &path).is_err());
        }
    }
}

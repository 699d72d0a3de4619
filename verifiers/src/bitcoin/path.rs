//! Merkle paths, one or many: that a path leads to exactly one place of one tree.
//!
//! Two consequences of Bitcoin's tree are guarded against here: a doubled node may stand only on the right edge
//! (CVE-2012-2459), and an index must fit the depth. That leaves and inner nodes hash alike (CVE-2017-12842) is guarded
//! against in [`super::verify`]: no 64-byte transaction, and a coinbase path of the same depth. All hashes are in wire
//! order.
//!
//! Of many paths each distinct node is hashed once, level by level, many at a time; the verdict on each is the one it
//! gets alone, whatever the others are. Only a node that two threads' portions share is hashed once for each.
//!
//! A forged path adds nodes of its own, one a level. With `l` forged paths of `h` levels among honest ones of `d` distinct
//! nodes a portion hashes at most `d + l·h + l·h / 4`: an honest node again for every four false ones in its place.

use alloy_primitives::B256;
use rayon::prelude::*;
use spandrel_lanes::sha256d_pairs;

use super::merkle::{joined, node};
use crate::VerifyError;

/// Deepest tree a block can have: 1,000,000 non-witness bytes hold at most 16,666 transactions of 60 bytes, which is
/// 15 levels.
pub const MAX_DEPTH: usize = 15;

/// Paths that one thread climbs together.
const PORTION: usize = 512;

/// How many different pairs that are said to stand in one place are kept to compare with. Only one can be right.
const RIVALS: usize = 4;

/// A claim that `leaf` is transaction `index` of the tree under `root`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MerkleProof<'a> {
    /// The tree's root.
    pub root: B256,
    /// The txid.
    pub leaf: B256,
    /// Place of the transaction in its block.
    pub index: u32,
    /// Siblings from the leaf up, lowest first.
    pub path: &'a [B256],
}

/// Checks that `leaf` is transaction `index` of the tree under `root`.
///
/// Refused: more than [`MAX_DEPTH`] siblings (`path`); an index that the depth cannot hold (`index`); a node doubled
/// anywhere but on the tree's right edge (`index`, CVE-2012-2459), or not doubled above one that is (`index or path`);
/// another root (`path`).
pub fn verify_path(root: B256, leaf: B256, index: u32, path: &[B256]) -> Result<(), VerifyError> {
    require_root(root, fold_path(leaf, index, path))
}

/// [`verify_path`] of each proof, in order.
pub fn verify_paths(proofs: &[MerkleProof<'_>]) -> Vec<Result<(), VerifyError>> {
    proofs.iter().zip(fold_paths(proofs)).map(|(proof, found)| require_root(proof.root, found)).collect()
}

fn require_root(root: B256, found: Result<B256, VerifyError>) -> Result<(), VerifyError> {
    match found? {
        found if found == root => Ok(()),
        found => Err(VerifyError::invalid("path", format!("a path to the Merkle root {root}"), found)),
    }
}

/// The root that `leaf` at `index` leads to over `path`, with every shape rule of [`verify_path`] checked.
pub(super) fn fold_path(leaf: B256, index: u32, path: &[B256]) -> Result<B256, VerifyError> {
    let mut climb = Climb::new(leaf, index, path)?;
    while let Some([left, right]) = climb.next_pair()? {
        climb.at = node(left, right);
    }
    Ok(climb.at)
}

/// [`fold_path`] of each proof, in order.
pub(super) fn fold_paths(proofs: &[MerkleProof<'_>]) -> Vec<Result<B256, VerifyError>> {
    // Neighbours in a tree stand side by side on every level, so what they share is found by comparing neighbours.
    let mut order: Vec<(usize, &MerkleProof<'_>)> = proofs.iter().enumerate().collect();
    order.sort_unstable_by_key(|(_, proof)| (proof.root, proof.path.len(), proof.index));
    let folded: Vec<_> = match order.len() <= PORTION || rayon::current_num_threads() == 1 {
        true => fold_portion(&order),
        false => order.par_chunks(PORTION).flat_map_iter(fold_portion).collect(),
    };
    let mut in_order: Vec<(usize, _)> = order.iter().map(|(at, _)| *at).zip(folded).collect();
    in_order.sort_unstable_by_key(|(at, _)| *at);
    in_order.into_iter().map(|(_, found)| found).collect()
}

fn fold_portion(proofs: &[(usize, &MerkleProof<'_>)]) -> Vec<Result<B256, VerifyError>> {
    let starts = proofs.iter().map(|(_, proof)| Climb::new(proof.leaf, proof.index, proof.path));
    let mut climbs: Vec<_> = starts.collect();
    loop {
        let mut pairs: Vec<[u8; 64]> = Vec::new();
        let mut positions: Vec<u32> = Vec::new();
        let mut above = Vec::new();
        for climb in &mut climbs {
            let pair = match climb.as_mut().ok().map(Climb::next_pair) {
                Some(Ok(Some(pair))) => joined(pair),
                Some(Err(error)) => {
                    *climb = Err(error);
                    continue;
                }
                Some(Ok(None)) | None => continue,
            };
            if let Ok(climb) = climb {
                let rivals = pairs.iter().zip(&positions).enumerate().rev().take(RIVALS);
                let same_place = rivals.take_while(|(_, (_, position))| **position == climb.position);
                let met = same_place.into_iter().find(|(_, (met, _))| **met == pair).map(|(place, _)| place);
                above.push((&mut climb.at, met.unwrap_or(pairs.len())));
                if met.is_none() {
                    pairs.push(pair);
                    positions.push(climb.position);
                }
            }
        }
        if pairs.is_empty() {
            break;
        }
        #[cfg(test)]
        crate::counted::add(&crate::counted::MERKLE_NODES, pairs.len());
        let nodes = sha256d_pairs(&pairs);
        for (at, place) in above {
            if let Some(node) = nodes.get(place) {
                *at = B256::new(*node);
            }
        }
    }
    climbs.into_iter().map(|climb| climb.map(|climb| climb.at)).collect()
}

/// On the way from a leaf to the root.
struct Climb<'a> {
    /// The node reached.
    at: B256,
    position: u32,
    is_last_of_row: bool,
    level: usize,
    index: u32,
    path: &'a [B256],
}

impl<'a> Climb<'a> {
    fn new(leaf: B256, index: u32, path: &'a [B256]) -> Result<Self, VerifyError> {
        if path.len() > MAX_DEPTH {
            return Err(VerifyError::malformed("path", format!("at most {MAX_DEPTH} siblings"), path.len()));
        }
        let capacity = 1u32.checked_shl(u32::try_from(path.len()).unwrap_or(u32::MAX)).unwrap_or(u32::MAX);
        if index >= capacity {
            return Err(VerifyError::invalid("index", format!("below {capacity}, for {} siblings", path.len()), index));
        }
        Ok(Self { at: leaf, position: index, is_last_of_row: false, level: 0, index, path })
    }

    /// The node reached and its sibling, in order: their hash is to be put in `at`. None at the root.
    fn next_pair(&mut self) -> Result<Option<[B256; 2]>, VerifyError> {
        let Some(sibling) = self.path.get(self.level) else { return Ok(None) };
        let is_left = self.position.is_multiple_of(2);
        let is_doubled = *sibling == self.at;
        // Only the last node of a row is doubled: never a right child, never the only node of a row, and once a node
        // is last, so is every node above it.
        if is_doubled && (!is_left || self.position == 0) {
            let level = self.level;
            let expected = format!("a place on the right edge, where level {level} of the path doubles a node");
            return Err(VerifyError::invalid("index", expected, self.index));
        }
        if self.is_last_of_row && is_left && !is_doubled {
            let expected = format!("a doubled node at level {}, as below it", self.level);
            return Err(VerifyError::invalid("index or path", expected, sibling));
        }
        self.is_last_of_row |= is_doubled;
        self.position /= 2;
        self.level = self.level.saturating_add(1);
        Ok(Some(if is_left { [self.at, *sibling] } else { [*sibling, self.at] }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::bitcoin::merkle::{merkle_path, merkle_root};
    use crate::counted::{MERKLE_NODES, counting};
    use bitcoin::Txid;
    use bitcoin::hashes::Hash;
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

    /// Root, leaf, index and path.
    type Owned = (B256, B256, u32, Vec<B256>);

    fn borrowed((root, leaf, index, path): &Owned) -> MerkleProof<'_> {
        MerkleProof { root: *root, leaf: *leaf, index: *index, path }
    }

    /// Every proof of blocks of the given sizes, with the root of each.
    fn all_proofs(counts: &[usize]) -> Vec<Owned> {
        let mut proofs = Vec::new();
        for (block, count) in counts.iter().enumerate() {
            let txids: Vec<Txid> = (0..*count).map(|n| Txid::hash(&[block as u8, n as u8])).collect();
            let root = merkle_root(&txids);
            proofs.extend((0..*count).map(|n| (root, leaf(&txids, n), n as u32, merkle_path(&txids, n))));
        }
        proofs
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

        /// Shuffled and spoiled proofs of several trees: the verdict on each is the one it gets alone.
        #[test]
        fn many_paths_are_judged_like_one(
            counts in prop::collection::vec(1usize..40, 1..5),
            picks in prop::collection::vec((any::<prop::sample::Index>(), 0u8..12, any::<prop::sample::Index>()), 0..120),
        ) {
            let honest = all_proofs(&counts);
            let spoiled = picks.iter().map(|(pick, kind, place)| {
                let (mut root, mut leaf, mut index, mut path) = honest[pick.index(honest.len())].clone();
                let at = place.index(256);
                match kind {
                    0 => root.0[at / 8] ^= 1 << (at % 8),
                    1 => leaf.0[at / 8] ^= 1 << (at % 8),
                    2 => index ^= 1 << (at % 32),
                    3 => path.truncate(place.index(path.len() + 1)),
                    4 => path.extend([root; 20].iter().take(at)),
                    5 if !path.is_empty() => path[0] = leaf,
                    6 if !path.is_empty() => { let n = path.len(); path[place.index(n)].0[0] ^= 1 }
                    _ => {}
                }
                (root, leaf, index, path)
            });
            let spoiled: Vec<_> = spoiled.collect();
            let proofs: Vec<MerkleProof> = spoiled.iter().map(borrowed).collect();
            let verdicts = verify_paths(&proofs);
            prop_assert_eq!(verdicts.len(), proofs.len());
            for (proof, verdict) in proofs.iter().zip(verdicts) {
                prop_assert_eq!(verdict, verify_path(proof.root, proof.leaf, proof.index, proof.path));
            }
        }
    }

    /// What a portion hashes for the proofs, which it has in the order of [`fold_paths`].
    fn hashed(proofs: &[Owned]) -> usize {
        let proofs: Vec<_> = proofs.iter().map(borrowed).collect();
        let mut order: Vec<_> = proofs.iter().enumerate().collect();
        order.sort_by_key(|(_, proof)| (proof.root, proof.path.len(), proof.index));
        let (found, hashed) = counting(&MERKLE_NODES, || fold_portion(&order));
        for ((_, proof), found) in order.iter().zip(found) {
            assert_eq!(found, fold_path(proof.leaf, proof.index, proof.path));
        }
        hashed
    }

    #[test]
    fn each_distinct_node_is_hashed_once_and_forged_paths_cost_no_more_than_the_stated_bound() {
        let honest = all_proofs(&[1, 2, 3, 40, 64, 65]);
        let places = |(root, _, index, path): &Owned| {
            let (root, index) = (*root, *index);
            (1..=path.len()).map(move |level| (root, level, index >> level)).collect::<Vec<_>>()
        };
        let distinct = honest.iter().flat_map(places).collect::<BTreeSet<_>>().len();
        assert_eq!(hashed(&honest), distinct);
        for (forged_each, level) in [(1, 0), (1, 2), (3, 0), (4, 1), (5, 2), (9, 0)] {
            let (mut all, mut forged) = (Vec::new(), 0);
            for (place, item) in honest.iter().enumerate() {
                for n in 0..forged_each {
                    let mut other = item.clone();
                    let Some(sibling) = other.3.get_mut(level) else { continue };
                    *sibling = B256::left_padding_from(&[1, place as u8, n]);
                    forged += other.3.len();
                    all.push(other);
                }
                all.push(item.clone());
            }
            let hashed = hashed(&all);
            assert!(hashed <= distinct + forged + forged / RIVALS, "{hashed}: {distinct} and {forged}");
        }
    }

    #[test]
    fn more_paths_than_one_thread_climbs_keep_their_order() {
        let proofs = all_proofs(&[255; 5]);
        let proofs: Vec<_> = proofs.iter().map(borrowed).collect();
        let roots: Vec<_> = proofs.iter().map(|proof| Ok(proof.root)).collect();
        assert_eq!(fold_paths(&proofs), roots);
    }
}

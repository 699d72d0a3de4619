//! The Merkle tree of a Bitcoin block: its nodes, its root, and the path of each transaction.
//!
//! A node is `sha256d(left ‖ right)`; the last node of an odd row is paired with itself. All hashes are in wire order.

use alloy_primitives::B256;
use bitcoin::Txid;
use bitcoin::hashes::{Hash, HashEngine, sha256d};
use spandrel_lanes::sha256d_pairs;

/// `sha256d(left ‖ right)`.
pub(super) fn node(left: B256, right: B256) -> B256 {
    #[cfg(test)]
    crate::counted::add(&crate::counted::MERKLE_NODES, 1);
    let mut engine = sha256d::Hash::engine();
    engine.input(left.as_slice());
    engine.input(right.as_slice());
    B256::new(sha256d::Hash::from_engine(engine).to_byte_array())
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

/// `left ‖ right`, of which a node is the hash.
pub(super) fn joined([left, right]: [B256; 2]) -> [u8; 64] {
    let mut pair = [0; 64];
    let (first, second) = pair.split_at_mut(32);
    first.copy_from_slice(left.as_slice());
    second.copy_from_slice(right.as_slice());
    pair
}

fn parents(row: &[B256]) -> Vec<B256> {
    let pairs = row.chunks(2).filter_map(|pair| match pair {
        [left, right] => Some(joined([*left, *right])),
        [last] => Some(joined([*last, *last])),
        _ => None,
    });
    sha256d_pairs(&pairs.collect::<Vec<_>>()).into_iter().map(B256::new).collect()
}

//! A small IAVL tree of version 5 under an app hash, and proofs of its keys as protobuf. IAVL writes height, size and
//! version as zigzag varints, so that each stands here doubled.

use sha2::{Digest, Sha256};

/// A leaf and its way to the root: prefixes and suffixes.
#[derive(Clone)]
pub struct Leaf {
    /// The key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    prefix: Vec<u8>,
    path: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The app hash and the `MerkleProof` of each key of a store `ibc` with the keys `key0` to `key6`.
pub fn app() -> ([u8; 32], Vec<(Leaf, Vec<u8>)>) {
    let leaf =
        |key: Vec<u8>, value: Vec<u8>, prefix: &[u8]| Leaf { key, value, prefix: prefix.to_vec(), path: Vec::new() };
    let mut leaves: Vec<_> =
        (0..7_u8).map(|n| leaf(format!("key{n}").into_bytes(), vec![n + 1; 32], &[0, 2, 10])).collect();
    let (root, _) = climb(&mut leaves, true);
    let mut stores = vec![leaf(b"bank".to_vec(), vec![1; 32], &[0]), leaf(b"ibc".to_vec(), root.to_vec(), &[0])];
    let (app_hash, _) = climb(&mut stores, false);
    let of_store = field(1, &field(1, &stores[1].existence()));
    let with_proof = |leaf: Leaf| {
        let proof = [field(1, &field(1, &leaf.existence())), of_store.clone()].concat();
        (leaf, proof)
    };
    (app_hash, leaves.into_iter().map(with_proof).collect())
}

fn climb(leaves: &mut [Leaf], is_iavl: bool) -> ([u8; 32], u8) {
    if let [leaf] = leaves {
        return (leaf.hash(), 0);
    }
    let size = leaves.len() as u8;
    let (left, right) = leaves.split_at_mut(leaves.len() / 2);
    let ((left_hash, left_height), (right_hash, right_height)) = (climb(left, is_iavl), climb(right, is_iavl));
    let height = left_height.max(right_height) + 1;
    let (start, length): (Vec<u8>, &[u8]) =
        if is_iavl { (vec![height * 2, size * 2, 10], &[32]) } else { (vec![1], &[]) };
    for leaf in left {
        leaf.path.push(([&start, length].concat(), [length, &right_hash].concat()));
    }
    for leaf in right {
        leaf.path.push(([&start, length, &left_hash, length].concat(), Vec::new()));
    }
    (sha(&[&start, length, &left_hash, length, &right_hash]), height)
}

fn sha(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut length = Vec::new();
    let mut rest = bytes.len();
    while rest >= 0x80 {
        length.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    length.push(rest as u8);
    if bytes.is_empty() { Vec::new() } else { [&[number << 3 | 2], &length[..], bytes].concat() }
}

impl Leaf {
    fn hash(&self) -> [u8; 32] {
        sha(&[&self.prefix, &[self.key.len() as u8], &self.key, &[32], &sha(&[&self.value])])
    }

    fn existence(&self) -> Vec<u8> {
        let leaf = [&[8, 1, 24, 1, 32, 1][..], &field(5, &self.prefix)].concat();
        let path = self
            .path
            .iter()
            .flat_map(|(prefix, suffix)| field(4, &[&[8, 1][..], &field(2, prefix), &field(3, suffix)].concat()));
        [field(1, &self.key), field(2, &self.value), field(3, &leaf), path.collect()].concat()
    }
}

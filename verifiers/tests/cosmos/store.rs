//! Stores whose proofs can be made: an IAVL tree of given pairs, and the tree of stores under an app hash.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use sha2::{Digest, Sha256};

/// A step as proofs write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub prefix: Vec<u8>,
    pub suffix: Vec<u8>,
}

/// A leaf and its way to the root, as proofs write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub prefix: Vec<u8>,
    pub path: Vec<Step>,
}

/// How a tree writes its nodes.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Iavl,
    Simple,
}

pub struct Tree {
    pub root: B256,
    pub leaves: Vec<Leaf>,
}

pub fn sha(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A message's field of bytes; left out when empty.
pub fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() {
        return Vec::new();
    }
    [&[number << 3 | 2][..], &varint(bytes.len() as u64), bytes].concat()
}

/// Height, size and version of an IAVL node.
pub fn numbers(height: u64, size: u64) -> Vec<u8> {
    [varint(height * 2), varint(size * 2), varint(2 * 77)].concat()
}

impl Tree {
    pub fn new(kind: Kind, pairs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let prefix = if kind == Kind::Iavl { numbers(0, 1) } else { vec![0] };
        let mut leaves: Vec<Leaf> = pairs
            .iter()
            .map(|(key, value)| Leaf {
                key: key.clone(),
                value: value.clone(),
                prefix: prefix.clone(),
                path: Vec::new(),
            })
            .collect();
        let (root, _) = build(kind, &mut leaves);
        Self { root: root.into(), leaves }
    }

    pub fn leaf(&self, key: &[u8]) -> &Leaf {
        self.leaves.iter().find(|leaf| leaf.key == key).unwrap()
    }

    /// The proof that `key` has no value.
    pub fn absence(&self, key: &[u8]) -> Vec<u8> {
        let left = self.leaves.iter().rfind(|leaf| leaf.key.as_slice() < key);
        let right = self.leaves.iter().find(|leaf| leaf.key.as_slice() > key);
        absence(key, left, right)
    }
}

/// `CommitmentProof` of an absence between two leaves.
pub fn absence(key: &[u8], left: Option<&Leaf>, right: Option<&Leaf>) -> Vec<u8> {
    let side = |number, leaf: Option<&Leaf>| leaf.map(|leaf| field(number, &leaf.existence())).unwrap_or_default();
    field(2, &[field(1, key), side(2, left), side(3, right)].concat())
}

fn build(kind: Kind, leaves: &mut [Leaf]) -> ([u8; 32], u64) {
    if let [leaf] = leaves {
        return (leaf.hash(), 0);
    }
    let size = leaves.len() as u64;
    let middle = match kind {
        Kind::Iavl => leaves.len() / 2,
        Kind::Simple => leaves.len().next_power_of_two() / 2,
    };
    let (left, right) = leaves.split_at_mut(middle);
    let ((left_hash, left_height), (right_hash, right_height)) = (build(kind, left), build(kind, right));
    let height = left_height.max(right_height) + 1;
    let (start, length): (Vec<u8>, &[u8]) = match kind {
        Kind::Iavl => (numbers(height, size), &[32]),
        Kind::Simple => (vec![1], &[]),
    };
    for leaf in left {
        let (prefix, suffix) = ([&start, length].concat(), [length, &right_hash].concat());
        leaf.path.push(Step { prefix, suffix });
    }
    for leaf in right {
        leaf.path.push(Step { prefix: [&start, length, &left_hash, length].concat(), suffix: Vec::new() });
    }
    (sha(&[&start, length, &left_hash, length, &right_hash]), height)
}

impl Leaf {
    pub fn hash(&self) -> [u8; 32] {
        sha(&[&self.prefix, &varint(self.key.len() as u64), &self.key, &[32], &sha(&[&self.value])])
    }

    /// `ExistenceProof`.
    pub fn existence(&self) -> Vec<u8> {
        let leaf = [&[8, 1, 24, 1, 32, 1][..], &field(5, &self.prefix)].concat();
        let path = self
            .path
            .iter()
            .flat_map(|step| field(4, &[&[8, 1][..], &field(2, &step.prefix), &field(3, &step.suffix)].concat()));
        [field(1, &self.key), field(2, &self.value), field(3, &leaf), path.collect()].concat()
    }

    /// `CommitmentProof`.
    pub fn proof(&self) -> Vec<u8> {
        field(1, &self.existence())
    }
}

/// Two levels: pairs of the store `ibc`, and the app hash over it and three other stores.
pub struct App {
    pub ibc: Tree,
    pub stores: Tree,
}

impl App {
    pub fn new(pairs: &BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        Self::over(Tree::new(Kind::Iavl, pairs))
    }

    /// With `ibc` as that store.
    pub fn over(ibc: Tree) -> Self {
        let mut roots: BTreeMap<Vec<u8>, Vec<u8>> =
            ["acc", "bank", "staking"].map(|name| (name.as_bytes().to_vec(), sha(&[name.as_bytes()]).to_vec())).into();
        roots.insert(b"ibc".to_vec(), ibc.root.to_vec());
        Self { ibc, stores: Tree::new(Kind::Simple, &roots) }
    }

    pub fn app_hash(&self) -> B256 {
        self.stores.root
    }

    /// `MerkleProof` of a key in the store `ibc`.
    pub fn membership(&self, key: &[u8]) -> Vec<u8> {
        [field(1, &self.ibc.leaf(key).proof()), field(1, &self.stores.leaf(b"ibc").proof())].concat()
    }

    /// `MerkleProof` that a key is not in the store `ibc`.
    pub fn non_membership(&self, key: &[u8]) -> Vec<u8> {
        [field(1, &self.ibc.absence(key)), field(1, &self.stores.leaf(b"ibc").proof())].concat()
    }
}

/// `count` pairs of the size of packet commitments.
pub fn commitments(count: u64) -> BTreeMap<Vec<u8>, Vec<u8>> {
    (1..=count)
        .map(|sequence| {
            let key = spandrel_verifiers::cosmos::commitment_key("07-tendermint-0", sequence);
            (key, sha(&[&sequence.to_be_bytes()]).to_vec())
        })
        .collect()
}

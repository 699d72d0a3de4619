//! Roots: of one proof, and of many, level by level. Nodes of one level are hashed together, and one at which proofs
//! meet is hashed once.

use alloy_primitives::B256;
use sha2::{Digest, Sha256};
use spandrel_lanes::{Hash, sha256_each};

use super::decode::{ExistenceProof, InnerOp};
use crate::protobuf::put_varint;

/// With how many different nodes before it a node is compared. Those between two that meet are of forged proofs.
const RIVALS: usize = 4;

/// The root of `proof`, whose operations were checked: SHA-256 throughout.
pub(super) fn root(proof: &ExistenceProof<'_>) -> B256 {
    let value = Sha256::digest(proof.value);
    let mut length = Vec::new();
    put_key_length(&mut length, proof);
    let leaf =
        leaf_parts(proof, &length, value.as_slice()).into_iter().fold(Sha256::new(), Sha256::chain_update).finalize();
    let climb = |node, step: &InnerOp<'_>| {
        Sha256::new().chain_update(step.prefix).chain_update(node).chain_update(step.suffix).finalize()
    };
    B256::new(proof.path.iter().fold(leaf, climb).into())
}

/// What a leaf's hash is of: prefix, key behind its length, hash of the value behind its length.
fn leaf_parts<'a>(proof: &ExistenceProof<'a>, length: &'a [u8], value: &'a [u8]) -> [&'a [u8]; 5] {
    let prefix = proof.leaf.as_ref().map_or(&[][..], |leaf| leaf.prefix);
    [prefix, length, proof.key, &[32], value]
}

/// Writes the length of the key into `length`.
fn put_key_length(length: &mut Vec<u8>, proof: &ExistenceProof<'_>) {
    length.clear();
    put_varint(length, u64::try_from(proof.key.len()).unwrap_or(u64::MAX));
}

/// Messages, one behind the other.
#[derive(Default)]
struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Messages {
    fn push(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        self.ends.push(self.bytes.len());
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Takes the last one back.
    fn pop(&mut self) {
        self.ends.pop();
        self.bytes.truncate(self.ends.last().copied().unwrap_or_default());
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.bytes.get(start..*self.ends.get(index)?)
    }

    fn hash(&self) -> Vec<Hash> {
        #[cfg(test)]
        crate::counted::add(&crate::counted::STORE_NODES, self.ends.len());
        sha256_each(&(0..self.ends.len()).map(|index| self.get(index).unwrap_or_default()).collect::<Vec<_>>())
    }
}

/// A proof on its way up.
struct Climb<'p, 'a> {
    place: usize,
    /// The steps to come.
    path: &'p [InnerOp<'a>],
    /// How many of the last steps it has in common with the climb before it.
    shared: usize,
}

/// A node to be hashed in a round, as message of the same index.
struct Asked {
    /// By which proof.
    place: usize,
    /// How many of the last steps that proof has in common with the one that asks for the node before.
    shared: usize,
}

/// The root of each proof, all operations of which were checked, in order. With each comes how many of its last steps
/// are the last steps of the proof before it.
///
/// Where two proofs have the same preimage and the same steps to come, they have the same root, and only the first
/// climbs on.
pub(super) fn roots(proofs: &[(&ExistenceProof<'_>, usize)]) -> Vec<B256> {
    let mut nodes = hash_leaves(proofs);
    let mut follows: Vec<usize> = (0..proofs.len()).collect();
    let climbs =
        proofs.iter().zip(0..).map(|((proof, shared), place)| Climb { place, path: &proof.path, shared: *shared });
    let mut climbs: Vec<Climb<'_, '_>> = climbs.collect();
    let highest = climbs.iter().map(|climb| climb.path.len()).max().unwrap_or_default();
    let (mut messages, mut asked) = (Messages::default(), Vec::new());
    for left in (0..highest).rev() {
        messages.clear();
        asked.clear();
        // How many of the last steps are common to all climbs from the last that asked to this one; and the least of
        // what those had that follow another from now on.
        let (mut common, mut dropped) = (0, usize::MAX);
        climbs.retain_mut(|climb| {
            climb.shared = climb.shared.min(dropped);
            dropped = usize::MAX;
            common = common.min(climb.shared);
            let Some((step, rest)) = climb.path.split_first().filter(|(_, rest)| rest.len() == left) else {
                return true;
            };
            let Some(node) = nodes.get(climb.place) else { return false };
            messages.push(&[step.prefix, node, step.suffix]);
            if let Some(first) = met(&messages, &asked, common, left) {
                messages.pop();
                if let Some(follows) = follows.get_mut(climb.place) {
                    *follows = first;
                }
                dropped = climb.shared;
                return false;
            }
            asked.push(Asked { place: climb.place, shared: common });
            (climb.path, common) = (rest, usize::MAX);
            true
        });
        for (asked, hash) in asked.iter().zip(messages.hash()) {
            if let Some(node) = nodes.get_mut(asked.place) {
                *node = hash;
            }
        }
    }
    // Each follows one before it, whose root is known by then.
    for (place, first) in follows.into_iter().enumerate() {
        if let Some(node) = nodes.get(first).copied().filter(|_| first != place)
            && let Some(follower) = nodes.get_mut(place)
        {
            *follower = node;
        }
    }
    nodes.into_iter().map(B256::new).collect()
}

/// The proof that asks for the node of the last of `messages` already and has the same `left` steps to come. `common`
/// of its last steps the asking proof has in common with the last of `asked`.
fn met(messages: &Messages, asked: &[Asked], mut common: usize, left: usize) -> Option<usize> {
    let wanted = messages.get(asked.len())?;
    for (index, before) in asked.iter().enumerate().rev().take(RIVALS) {
        if common < left {
            return None;
        }
        if messages.get(index) == Some(wanted) {
            return Some(before.place);
        }
        common = common.min(before.shared);
    }
    None
}

/// SHA-256 of each leaf.
fn hash_leaves(proofs: &[(&ExistenceProof<'_>, usize)]) -> Vec<Hash> {
    let values: Vec<&[u8]> = proofs.iter().map(|(proof, _)| proof.value).collect();
    let (mut messages, mut length) = (Messages::default(), Vec::new());
    for ((proof, _), value) in proofs.iter().zip(sha256_each(&values)) {
        put_key_length(&mut length, proof);
        messages.push(&leaf_parts(proof, &length, &value));
    }
    messages.hash()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmos::ics23::LeafOp;

    fn proof<'a>(key: &'a [u8], path: &[InnerOp<'a>]) -> ExistenceProof<'a> {
        ExistenceProof {
            key,
            value: b"v",
            leaf: Some(LeafOp { prefix: &[0], ..Default::default() }),
            path: path.to_vec(),
        }
    }

    #[test]
    fn shared_nodes_change_no_root() {
        let steps: Vec<Vec<u8>> = (0..6_u8).map(|n| vec![n + 1; 3]).collect();
        let step = |n: usize| InnerOp { hash: 1, prefix: &steps[n], suffix: &[] };
        let proofs = [
            proof(b"a", &[step(0), step(1), step(2)]),
            proof(b"a", &[step(0), step(1), step(2)]),
            proof(b"a", &[step(0), step(1), step(3)]),
            proof(b"b", &[step(0), step(1), step(2), step(4)]),
            proof(b"b", &[step(0)]),
            proof(b"a", &[step(0), step(1)]),
            proof(b"c", &[]),
        ];
        let same_end = |one: &ExistenceProof<'_>, other: &ExistenceProof<'_>| {
            one.path.iter().rev().zip(other.path.iter().rev()).take_while(|(one, other)| one == other).count()
        };
        let shared = [0].into_iter().chain(proofs.windows(2).map(|pair| same_end(&pair[0], &pair[1])));
        let together = roots(&proofs.iter().zip(shared).collect::<Vec<_>>());
        for (proof, together) in proofs.iter().zip(together) {
            let value = Sha256::digest(b"v");
            let leaf = [&[0, proof.key.len() as u8][..], proof.key, &[32], &value].concat();
            let by_hand = proof
                .path
                .iter()
                .fold(Sha256::digest(leaf), |node, step| Sha256::digest([step.prefix, &node, step.suffix].concat()));
            assert_eq!(together.as_slice(), by_hand.as_slice());
            assert_eq!(root(proof), together);
        }
    }
}

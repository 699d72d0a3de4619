//! Roots of many proofs, level by level: nodes of one level are hashed together, and one that many proofs share is
//! hashed once.

use alloy_primitives::B256;
use alloy_primitives::map::HashMap;
use spandrel_lanes::sha256_each;

use super::decode::{ExistenceProof, InnerOp};
use crate::protobuf::put_varint;

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

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn hash(&self) -> Vec<[u8; 32]> {
        let mut start = 0;
        let messages: Vec<&[u8]> = self
            .ends
            .iter()
            .map(|end| self.bytes.get(std::mem::replace(&mut start, *end)..*end).unwrap_or_default())
            .collect();
        sha256_each(&messages)
    }
}

/// A proof on its way up: the node reached, and how many steps were taken.
struct Climb<'p, 'a> {
    proof: &'p ExistenceProof<'a>,
    node: [u8; 32],
    taken: usize,
    /// The proof that goes the same way from here, whose root is this one's.
    follows: Option<usize>,
}

/// What a node's hash is of.
type Preimage<'a> = ([u8; 32], &'a [u8], &'a [u8]);

/// The root of each of `proofs`, whose operations were checked: SHA-256 throughout.
pub(super) fn roots(proofs: &[&ExistenceProof<'_>]) -> Vec<B256> {
    let leaves = hash_leaves(proofs);
    let mut climbs: Vec<Climb<'_, '_>> =
        proofs.iter().zip(leaves).map(|(proof, node)| Climb { proof, node, taken: 0, follows: None }).collect();
    let mut known: HashMap<Preimage<'_>, [u8; 32]> = HashMap::default();
    loop {
        // Which proof asks for which node of this round.
        let mut asked: HashMap<Preimage<'_>, (usize, usize)> = HashMap::default();
        let mut messages = Messages::default();
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        let mut is_done = true;
        for index in 0..climbs.len() {
            let Some(next) = climbs.get(index).and_then(Climb::next) else { continue };
            is_done = false;
            if let Some(node) = known.get(&next) {
                let node = *node;
                if let Some(climb) = climbs.get_mut(index) {
                    climb.reach(node);
                }
                continue;
            }
            match asked.get(&next).copied() {
                Some((slot, first)) => {
                    let is_same_way = climbs
                        .get(index)
                        .zip(climbs.get(first))
                        .is_some_and(|(this, first)| this.rest() == first.rest());
                    match climbs.get_mut(index) {
                        Some(climb) if is_same_way => climb.follows = Some(first),
                        _ => waiting.push((index, slot)),
                    }
                }
                None => {
                    let slot = messages.len();
                    let (child, prefix, suffix) = next;
                    messages.push(&[prefix, &child, suffix]);
                    asked.insert(next, (slot, index));
                    waiting.push((index, slot));
                }
            }
        }
        if is_done {
            break;
        }
        let hashes = messages.hash();
        for (preimage, (slot, _)) in asked {
            if let Some(hash) = hashes.get(slot) {
                known.insert(preimage, *hash);
            }
        }
        for (index, slot) in waiting {
            if let Some((climb, hash)) = climbs.get_mut(index).zip(hashes.get(slot)) {
                climb.reach(*hash);
            }
        }
    }
    (0..climbs.len()).map(|index| root_of(&climbs, index)).collect()
}

/// Follows the proofs that went the same way; each follows an earlier one.
fn root_of(climbs: &[Climb<'_, '_>], index: usize) -> B256 {
    let mut at = index;
    while let Some(first) = climbs.get(at).and_then(|climb| climb.follows) {
        at = first;
    }
    climbs.get(at).map(|climb| B256::from(climb.node)).unwrap_or_default()
}

impl<'p, 'a> Climb<'p, 'a> {
    fn next(&self) -> Option<Preimage<'a>> {
        if self.follows.is_some() {
            return None;
        }
        let step = self.proof.path.get(self.taken)?;
        Some((self.node, step.prefix, step.suffix))
    }

    fn rest(&self) -> &'p [InnerOp<'a>] {
        self.proof.path.get(self.taken..).unwrap_or_default()
    }

    fn reach(&mut self, node: [u8; 32]) {
        self.node = node;
        self.taken = self.taken.saturating_add(1);
    }
}

/// SHA-256 of each leaf: prefix, key behind its length, hash of the value behind its length.
fn hash_leaves(proofs: &[&ExistenceProof<'_>]) -> Vec<[u8; 32]> {
    let values: Vec<&[u8]> = proofs.iter().map(|proof| proof.value).collect();
    let mut messages = Messages::default();
    for (proof, value) in proofs.iter().zip(sha256_each(&values)) {
        let mut length = Vec::with_capacity(2);
        put_varint(&mut length, u64::try_from(proof.key.len()).unwrap_or(u64::MAX));
        let prefix = proof.leaf.as_ref().map_or(&[][..], |leaf| leaf.prefix);
        messages.push(&[prefix, &length, proof.key, &[32], &value]);
    }
    messages.hash()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosmos::ics23::LeafOp;
    use sha2::{Digest, Sha256};

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
        let references: Vec<_> = proofs.iter().collect();
        let together = roots(&references);
        for (proof, root) in proofs.iter().zip(together) {
            assert_eq!(roots(&[proof]), [root]);
            let value = Sha256::digest(b"v");
            let leaf = [&[0, proof.key.len() as u8][..], proof.key, &[32], &value].concat();
            let by_hand = proof
                .path
                .iter()
                .fold(Sha256::digest(leaf), |node, step| Sha256::digest([step.prefix, &node, step.suffix].concat()));
            assert_eq!(root.as_slice(), by_hand.as_slice());
        }
    }
}

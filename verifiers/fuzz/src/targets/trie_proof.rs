//! Trie proofs whose nodes are linked by their right hashes, however odd they are: what is proven here, present or
//! absent, is proven under alloy-trie too.

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_trie::Nibbles;
use alloy_trie::proof::{ProofVerificationError, verify_proof};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::ethereum::trie;
use crate::patch::{Patch, patched};
use crate::rlp;

/// A node on the way down.
#[derive(Arbitrary, Debug)]
struct Step {
    node: Node,
    patches: Vec<Patch>,
    is_hashed_although_short: bool,
}

#[derive(Arbitrary, Debug)]
enum Node {
    /// A branch that leads on, with hashes as other children, and a value.
    Branch { others: u16, is_end: bool, value: Vec<u8> },
    /// An extension over some nibbles of the key, the last of them changed if it leads elsewhere.
    Extension { nibbles: u8, leads_elsewhere: bool },
    /// A leaf with the rest of the key, or nearly.
    Leaf { leads_elsewhere: bool, value: Vec<u8> },
}

#[derive(Arbitrary, Debug)]
struct Input {
    key: Vec<u8>,
    steps: Vec<Step>,
    appended: Option<Vec<u8>>,
}

/// Hex-prefix encoding.
fn compact(nibbles: &[u8], is_leaf: bool) -> Vec<u8> {
    let flag = if is_leaf { 0x20 } else { 0 };
    let (first, rest) = match nibbles.split_first() {
        Some((nibble, rest)) if nibbles.len() % 2 == 1 => (flag | 0x10 | nibble, rest),
        _ => (flag, nibbles),
    };
    let pairs = rest.chunks(2).map(|pair| pair[0] << 4 | pair[1]);
    [first].into_iter().chain(pairs).collect()
}

fn own_path(path: &[u8], leads_elsewhere: bool) -> Vec<u8> {
    let mut own = path.to_vec();
    own.last_mut().filter(|_| leads_elsewhere).into_iter().for_each(|nibble| *nibble ^= 1);
    own
}

impl Node {
    /// How many nibbles of `path` it takes.
    fn takes(&self, path: &[u8]) -> usize {
        match self {
            Self::Branch { .. } => path.len().min(1),
            Self::Extension { nibbles, .. } => path.len().min(usize::from(*nibbles)),
            Self::Leaf { .. } => path.len(),
        }
    }

    fn encode(&self, path: &[u8], child: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Branch { others, is_end, value } => {
                let filler = |n: u8| if others >> n & 1 == 1 { rlp::string(&[n + 1; 32]) } else { vec![0x80] };
                let mut items: Vec<_> = (0..16).map(filler).collect();
                if let Some(nibble) = path.first() {
                    items[usize::from(*nibble)] = if *is_end { vec![0x80] } else { child };
                }
                items.push(rlp::string(value));
                rlp::list(&items)
            }
            Self::Extension { leads_elsewhere, .. } => {
                let own = own_path(&path[..self.takes(path)], *leads_elsewhere);
                rlp::list(&[rlp::string(&compact(&own, false)), child])
            }
            Self::Leaf { leads_elsewhere, value } => {
                rlp::list(&[rlp::string(&compact(&own_path(path, *leads_elsewhere), true)), rlp::string(value)])
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let key = &input.key[..input.key.len().min(32)];
    let path: Vec<u8> = key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
    let mut rest = path.as_slice();
    let mut placed = Vec::new();
    for step in input.steps.iter().take(70) {
        placed.push((step, rest));
        rest = &rest[step.node.takes(rest)..];
    }
    let (mut child, mut proof) = (rlp::string(B256::ZERO.as_slice()), Vec::new());
    let mut root = B256::ZERO;
    for (index, (step, path)) in placed.iter().enumerate().rev() {
        let node = patched(step.node.encode(path, child), &step.patches);
        root = keccak256(&node);
        if index == 0 || node.len() >= 32 || step.is_hashed_although_short {
            child = rlp::string(root.as_slice());
            proof.insert(0, Bytes::from(node));
        } else {
            child = node;
        }
    }
    proof.extend(input.appended.map(Bytes::from));
    let Ok(found) = trie::value("proof", root, key, &proof) else { return };
    // alloy-trie knows neither values in branches nor roots shorter than a hash.
    let valued = ProofVerificationError::Rlp(alloy_rlp::Error::Custom("branch node values are not supported"));
    if proof[0].len() >= 32 {
        let expected = found.map(<[u8]>::to_vec);
        let there = verify_proof(root, Nibbles::unpack(key), expected, &proof);
        assert!(there.is_ok() || there == Err(valued), "{there:?}");
    }
    if found.is_some() {
        assert!(proof.iter().all(|node| rlp::again(node) == **node));
    }
});

//! CometBFT's Merkle tree (RFC 6962, SHA-256): leaves behind 0x00, nodes behind 0x01, an odd one moves up.

use alloy_primitives::B256;
use sha2::{Digest, Sha256};
use spandrel_lanes::sha256_each;

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// Bytes of a node's preimage.
const NODE_LENGTH: usize = 65;

/// Root of the tree of `leaves`; the hash of nothing if there are none. Each level is hashed in one go.
pub(crate) fn root<L: AsRef<[u8]>>(leaves: &[L]) -> B256 {
    let mut preimages = Vec::new();
    let mut ends = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        preimages.push(LEAF);
        preimages.extend_from_slice(leaf.as_ref());
        ends.push(preimages.len());
    }
    let mut rest = preimages.as_slice();
    let mut start = 0_usize;
    let mut messages = Vec::with_capacity(leaves.len());
    for end in ends {
        let Some((message, after)) = rest.split_at_checked(end.saturating_sub(start)) else { break };
        messages.push(message);
        (rest, start) = (after, end);
    }
    let mut level = sha256_each(&messages);
    while level.len() > 1 {
        let (pairs, odd) = level.as_chunks::<2>();
        let preimages: Vec<u8> =
            pairs.iter().flat_map(|[left, right]| [&[NODE][..], left, right]).flatten().copied().collect();
        let messages: Vec<&[u8]> = preimages.chunks_exact(NODE_LENGTH).collect();
        let mut above = sha256_each(&messages);
        above.extend_from_slice(odd);
        level = above;
    }
    level.first().map_or_else(|| B256::from_slice(&Sha256::digest([])), |root| B256::from(*root))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962, section 2.1.
    fn recursive(leaves: &[Vec<u8>]) -> B256 {
        let digest = |parts: &[&[u8]]| B256::from_slice(&Sha256::digest(parts.concat()));
        match leaves {
            [] => digest(&[]),
            [leaf] => digest(&[&[0], leaf]),
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(split);
                digest(&[&[1], recursive(left).as_slice(), recursive(right).as_slice()])
            }
        }
    }

    #[test]
    fn level_by_level_is_the_recursive_definition() {
        for count in 0..70 {
            let leaves: Vec<Vec<u8>> = (0..count).map(|n| vec![n as u8; n % 40]).collect();
            assert_eq!(root(&leaves), recursive(&leaves), "{count}");
        }
    }
}

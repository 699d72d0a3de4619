//! Merkle-Patricia trie proofs: what value a root holds at a key, or that it holds none (Yellow Paper, appendix D).
//!
//! Strict: a proof is exactly the nodes on the key's path, from the root down. An empty proof speaks only for the
//! empty root; nothing may follow the node that decides; nodes are canonical RLP, below 32 bytes inlined in their
//! parent and from 32 bytes on referenced by hash; an extension that leaves the key's path decides absence.

mod node;

use alloy_primitives::{B256, Bytes, b256, keccak256};
use node::{Child, INLINE_BELOW, Node, Step};

use crate::VerifyError;

/// Root of the trie without keys: `keccak256(rlp(""))`.
pub const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Longest node of an account or storage trie: sixteen hashes make 532 bytes, no leaf is longer.
const MAX_STATE_NODE: usize = 1024;
/// Longest node of any trie: a leaf with a receipt of many logs.
const MAX_NODE: usize = 4 * 1024 * 1024;
/// Longest key: 32 bytes.
const MAX_NIBBLES: usize = 64;

/// The value at `keccak256(key)` in an account or storage trie, or `None` when the trie holds none.
///
/// # Errors
/// Names `field[i]` for node `i`, or `field` when the proof is too short or too long.
pub fn secure_value<'a>(
    field: &str,
    root: B256,
    key: &[u8],
    proof: &'a [Bytes],
) -> Result<Option<&'a [u8]>, VerifyError> {
    if let Some((index, node)) = proof.iter().enumerate().find(|(_, node)| node.len() > MAX_STATE_NODE) {
        let expected = format!("at most {MAX_STATE_NODE} bytes");
        return Err(VerifyError::malformed(format!("{field}[{index}]"), expected, node.len()));
    }
    value(field, root, keccak256(key).as_slice(), proof)
}

/// The value at `key` itself, of at most 32 bytes (receipt and transaction tries: `rlp(index)`), or `None`.
///
/// # Errors
/// As [`secure_value`].
pub fn value<'a>(field: &str, root: B256, key: &[u8], proof: &'a [Bytes]) -> Result<Option<&'a [u8]>, VerifyError> {
    let path: Vec<u8> = key.iter().flat_map(|byte| [byte.wrapping_shr(4), byte & 0x0f]).collect();
    if path.len() > MAX_NIBBLES {
        return Err(VerifyError::malformed(field, format!("a key of at most {MAX_NIBBLES} nibbles"), path.len()));
    }
    if root == EMPTY_ROOT {
        return match proof {
            [] => Ok(None),
            // Nodes answer for an empty trie with its one node, the empty string.
            [only] if only.as_ref() == [alloy_rlp::EMPTY_STRING_CODE] => Ok(None),
            more => Err(VerifyError::invalid(field, "no nodes for the empty root", more.len())),
        };
    }
    let mut path = path.as_slice();
    let mut expected = root;
    let mut after_extension = false;
    for (index, bytes) in proof.iter().enumerate() {
        let at = format!("{field}[{index}]");
        check_reference(&at, bytes, expected, index == 0)?;
        let mut node = Node::decode(&at, bytes)?;
        let decided = loop {
            if after_extension {
                node.require_branch(&at)?;
            }
            after_extension = matches!(node, Node::Extension { .. });
            match node.step(path) {
                Step::Decided(value) => break Some(value),
                Step::Down(Child::None, _) => break Some(None),
                Step::Down(Child::Hash(hash), rest) => {
                    (expected, path) = (hash, rest);
                    break None;
                }
                Step::Down(Child::Inline(bytes), rest) => {
                    (node, path) = (Node::decode(&at, bytes)?, rest);
                }
            }
        };
        if let Some(value) = decided {
            let used = index.saturating_add(1);
            if used != proof.len() {
                return Err(VerifyError::invalid(
                    format!("{field}[{used}]"),
                    "nothing after the node that decides",
                    proof.len(),
                ));
            }
            return Ok(value);
        }
    }
    Err(VerifyError::invalid(field, format!("the node with hash {expected}"), format!("{} nodes", proof.len())))
}

/// A node is referenced by its hash, and unless it is the root, only because it is too long to be inlined.
fn check_reference(field: &str, bytes: &[u8], expected: B256, is_root: bool) -> Result<(), VerifyError> {
    if bytes.len() > MAX_NODE {
        return Err(VerifyError::malformed(field, format!("at most {MAX_NODE} bytes"), bytes.len()));
    }
    let hash = keccak256(bytes);
    if hash != expected {
        return Err(VerifyError::invalid(field, expected, hash));
    }
    if bytes.len() < INLINE_BELOW && !is_root {
        return Err(VerifyError::malformed(field, format!("at least {INLINE_BELOW} bytes"), bytes.len()));
    }
    Ok(())
}

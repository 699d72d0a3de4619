//! Merkle-Patricia trie proofs: what value a root holds at a key, or that it holds none (Yellow Paper, appendix D).
//!
//! Strict: a proof is exactly the nodes on the key's path, from the root down. An empty proof speaks only for the
//! empty root; nothing may follow the node that decides; nodes are canonical RLP, below 32 bytes inlined in their
//! parent and from 32 bytes on referenced by hash; an extension that leaves the key's path decides absence.
//!
//! [`values`] and [`secure_values`] answer many proofs at once, each as [`value`] and [`secure_value`] would.

mod batch;
mod node;
mod path;
mod walk;

use alloy_primitives::{B256, Bytes, b256, keccak256};
pub use batch::{Query, secure_values, values};
use walk::{Start, Walk, at, read, require_last, require_short};

use crate::VerifyError;

/// Root of the trie without keys: `keccak256(rlp(""))`.
pub const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Longest node of an account or storage trie: sixteen hashes make 532 bytes, no leaf is longer.
const MAX_STATE_NODE: usize = 1024;
/// Longest node of any trie: a leaf with a receipt of many logs.
const MAX_NODE: usize = 4 * 1024 * 1024;
/// Longest key, in bytes.
const MAX_KEY: usize = 32;

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
    require_state_nodes(field, proof)?;
    value(field, root, keccak256(key).as_slice(), proof)
}

/// The value at `key` itself, of at most 32 bytes (receipt and transaction tries: `rlp(index)`), or `None`.
///
/// # Errors
/// As [`secure_value`].
pub fn value<'a>(field: &str, root: B256, key: &[u8], proof: &'a [Bytes]) -> Result<Option<&'a [u8]>, VerifyError> {
    let mut walk = match Walk::begin(field, root, key, proof) {
        Start::At(walk) => walk,
        Start::Decided(answer) => return answer.map(|()| None),
    };
    for (index, bytes) in proof.iter().enumerate() {
        let node = require_short(bytes).and_then(|()| read(bytes, keccak256(bytes), walk.expected, index == 0));
        let through = node.and_then(|node| walk.through(&node)).map_err(|error| at(error, field, index))?;
        if let Some(value) = through {
            return require_last(field, index, proof, value);
        }
    }
    Err(walk.cut_short(field, proof))
}

/// Refuses nodes that no account or storage trie has, before they are hashed.
fn require_state_nodes(field: &str, proof: &[Bytes]) -> Result<(), VerifyError> {
    let Some((index, node)) = proof.iter().enumerate().find(|(_, node)| node.len() > MAX_STATE_NODE) else {
        return Ok(());
    };
    let expected = format!("at most {MAX_STATE_NODE} bytes");
    Err(VerifyError::malformed(format!("{field}[{index}]"), expected, node.len()))
}

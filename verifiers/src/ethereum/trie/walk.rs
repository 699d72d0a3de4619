//! One key's way down a trie, node by node: the same whether it is walked alone or among many.

use alloy_primitives::{B256, Bytes};

use super::node::{INLINE_BELOW, Node, Step};
use super::path::Rest;
use super::{EMPTY_ROOT, MAX_KEY, MAX_NODE};
use crate::VerifyError;

/// What a root holds at a key: a value in the proof's bytes, or nothing.
pub(super) type Answer<'a> = Result<Option<&'a [u8]>, VerifyError>;

/// A walk between two nodes.
#[derive(Clone)]
pub(super) struct Walk<'k> {
    /// Hash of the node that must come next.
    pub expected: B256,
    rest: Rest<'k>,
    is_below_extension: bool,
}

/// How a walk begins.
pub(super) enum Start<'k> {
    At(Walk<'k>),
    /// The root alone decides.
    Decided(Result<(), VerifyError>),
}

impl<'k> Walk<'k> {
    /// At `root`, on the way to `key`.
    pub fn begin(field: &str, root: B256, key: &'k [u8], proof: &[Bytes]) -> Start<'k> {
        if key.len() > MAX_KEY {
            let expected = format!("a key of at most {MAX_KEY} bytes");
            return Start::Decided(Err(VerifyError::malformed(field, expected, key.len())));
        }
        if root != EMPTY_ROOT {
            return Start::At(Self { expected: root, rest: Rest::of(key), is_below_extension: false });
        }
        Start::Decided(match proof {
            [] => Ok(()),
            // Not even the empty string, whose hash the root is: one absence has one proof.
            more => Err(VerifyError::invalid(field, "no nodes for the empty root", more.len())),
        })
    }

    /// Goes through `node`, and the nodes that stand in it, to the next reference or to the answer.
    pub fn through<'a>(&mut self, node: &Node<'a>) -> Result<Option<Option<&'a [u8]>>, VerifyError> {
        let mut inner;
        let mut node = node;
        loop {
            if self.is_below_extension {
                node.require_branch()?;
            }
            self.is_below_extension = matches!(node, Node::Extension { .. });
            match node.step(self.rest) {
                Step::Decided(value) => return Ok(Some(value)),
                Step::To(hash, rest) => {
                    (self.expected, self.rest) = (hash, rest);
                    return Ok(None);
                }
                Step::Inside(bytes, rest) => {
                    inner = Node::decode(bytes)?;
                    (node, self.rest) = (&inner, rest);
                }
            }
        }
    }

    /// The refusal of a proof that ends before the walk does.
    pub fn cut_short(&self, field: &str, proof: &[Bytes]) -> VerifyError {
        let expected = format!("the node with hash {}", self.expected);
        VerifyError::invalid(field, expected, format!("{} nodes", proof.len()))
    }
}

/// The answer of the node at `index`, if nothing follows it.
pub(super) fn require_last<'a>(field: &str, index: usize, proof: &[Bytes], value: Option<&'a [u8]>) -> Answer<'a> {
    let used = index.saturating_add(1);
    if used == proof.len() {
        return Ok(value);
    }
    Err(VerifyError::invalid(format!("{field}[{used}]"), "nothing after the node that decides", proof.len()))
}

/// Refuses a node too long to be hashed.
pub(super) fn require_short(bytes: &[u8]) -> Result<(), VerifyError> {
    if bytes.len() > MAX_NODE {
        return Err(VerifyError::malformed("", format!("at most {MAX_NODE} bytes"), bytes.len()));
    }
    Ok(())
}

/// The node in `bytes`, whose hash is `hash` and should be `expected`. A node is referenced by its hash, and unless it
/// is the root, only because it is too long to be inlined.
pub(super) fn read(bytes: &[u8], hash: B256, expected: B256, is_root: bool) -> Result<Node<'_>, VerifyError> {
    if hash != expected {
        return Err(VerifyError::invalid("", expected, hash));
    }
    if bytes.len() < INLINE_BELOW && !is_root {
        return Err(VerifyError::malformed("", format!("at least {INLINE_BELOW} bytes"), bytes.len()));
    }
    Node::decode(bytes)
}

/// The same error, about node `index` of the proof in `field`.
pub(super) fn at(mut error: VerifyError, field: &str, index: usize) -> VerifyError {
    error.field = format!("{field}[{index}]");
    error
}

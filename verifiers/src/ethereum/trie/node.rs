//! The nodes of a trie: canonical decoding, and one step along a key's path.

use alloy_primitives::B256;

use crate::VerifyError;
use crate::ethereum::rlp::{self, Item};

/// Nodes shorter than a hash stand in their parent instead of being referenced.
pub(super) const INLINE_BELOW: usize = 32;
const EMPTY_STRING: [u8; 1] = [alloy_rlp::EMPTY_STRING_CODE];

pub(super) enum Node<'a> {
    Leaf { path: Vec<u8>, value: &'a [u8] },
    Extension { path: Vec<u8>, child: Child<'a> },
    Branch { children: Vec<Child<'a>>, value: &'a [u8] },
}

#[derive(Clone, Copy)]
pub(super) enum Child<'a> {
    None,
    Hash(B256),
    Inline(&'a [u8]),
}

/// Where a node leads a path.
pub(super) enum Step<'a, 'p> {
    /// The trie's answer.
    Decided(Option<&'a [u8]>),
    /// To a child, with the rest of the path.
    Down(Child<'a>, &'p [u8]),
}

impl<'a> Node<'a> {
    pub fn decode(field: &str, bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let items = rlp::list(field, bytes)?;
        match items.as_slice() {
            [path, second] => Self::decode_short(field, path, second),
            [children @ .., value] if items.len() == 17 => {
                let children: Vec<_> =
                    children.iter().map(|item| Child::decode(field, item)).collect::<Result<_, _>>()?;
                let value = rlp::string(field, value)?;
                let taken = children.iter().filter(|child| !matches!(child, Child::None)).count();
                if taken.saturating_add(usize::from(!value.is_empty())) < 2 {
                    return Err(VerifyError::malformed(field, "a branch that parts at least two keys", taken));
                }
                Ok(Self::Branch { children, value })
            }
            other => Err(VerifyError::malformed(field, "a node of 2 or 17 items", other.len())),
        }
    }

    fn decode_short(field: &str, path: &'a [u8], second: &'a [u8]) -> Result<Self, VerifyError> {
        let (path, is_leaf) = decode_path(field, rlp::string(field, path)?)?;
        if is_leaf {
            let value = rlp::string(field, second)?;
            if value.is_empty() {
                return Err(VerifyError::malformed(field, "a leaf with a value", "an empty one"));
            }
            return Ok(Self::Leaf { path, value });
        }
        let child = Child::decode(field, second)?;
        if path.is_empty() || matches!(child, Child::None) {
            return Err(VerifyError::malformed(field, "an extension with a path and a child", "one without"));
        }
        if let Child::Inline(bytes) = child {
            Self::decode(field, bytes)?.require_branch(field)?;
        }
        Ok(Self::Extension { path, child })
    }

    /// What stands below an extension is a branch: anything else would have joined it.
    pub fn require_branch(&self, field: &str) -> Result<(), VerifyError> {
        match self {
            Self::Branch { .. } => Ok(()),
            _ => Err(VerifyError::malformed(field, "a branch below an extension", "another node")),
        }
    }

    pub fn step<'p>(&self, path: &'p [u8]) -> Step<'a, 'p> {
        match self {
            Self::Leaf { path: own, value } => Step::Decided((own.as_slice() == path).then_some(value)),
            Self::Extension { path: own, child } => match path.strip_prefix(own.as_slice()) {
                Some(rest) => Step::Down(*child, rest),
                None => Step::Decided(None),
            },
            Self::Branch { children, value } => match path.split_first() {
                Some((nibble, rest)) => {
                    let child = children.get(usize::from(*nibble)).copied();
                    Step::Down(child.unwrap_or(Child::None), rest)
                }
                None => Step::Decided((!value.is_empty()).then_some(value)),
            },
        }
    }
}

impl<'a> Child<'a> {
    fn decode(field: &str, encoded: &'a [u8]) -> Result<Self, VerifyError> {
        if encoded == EMPTY_STRING {
            return Ok(Self::None);
        }
        match rlp::item(field, encoded)? {
            Item::String(hash) if hash.len() == 32 => Ok(Self::Hash(B256::from_slice(hash))),
            Item::String(other) => Err(VerifyError::malformed(field, "a child hash of 32 bytes", other.len())),
            // Checked whole even where the path does not lead: each level is shorter, so this ends soon.
            Item::List(_) if encoded.len() < INLINE_BELOW => {
                Node::decode(field, encoded).map(|_| Self::Inline(encoded))
            }
            Item::List(_) => {
                let expected = format!("a child of {INLINE_BELOW} bytes or more behind its hash");
                Err(VerifyError::malformed(field, expected, encoded.len()))
            }
        }
    }
}

/// Hex-prefix encoding (Yellow Paper, appendix C): the nibbles, and whether they end in a leaf.
fn decode_path(field: &str, encoded: &[u8]) -> Result<(Vec<u8>, bool), VerifyError> {
    let refuse = |found: String| Err(VerifyError::malformed(field, "a hex-prefix path", found));
    let Some((first, rest)) = encoded.split_first() else { return refuse("an empty string".to_owned()) };
    let (flags, low) = (first.wrapping_shr(4), first & 0x0f);
    let odd = flags & 1 == 1;
    if flags > 3 || (!odd && low != 0) {
        return refuse(format!("prefix {first:#04x}"));
    }
    let tail = rest.iter().flat_map(|byte| [byte.wrapping_shr(4), byte & 0x0f]);
    Ok((odd.then_some(low).into_iter().chain(tail).collect(), flags >= 2))
}

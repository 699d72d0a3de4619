//! The nodes of a trie: canonical decoding, and one step along a key's path. Nodes point into the bytes of the proof.
//!
//! Errors name no field here: the walk knows which node of which proof it is.

use alloy_primitives::B256;

use super::path::{Path, Rest};
use crate::VerifyError;
use crate::ethereum::rlp::{self, Item, Items};

/// Nodes shorter than a hash stand in their parent instead of being referenced.
pub(super) const INLINE_BELOW: usize = 32;

#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "most nodes are branches")]
pub(super) enum Node<'a> {
    Leaf { path: Path<'a>, value: &'a [u8] },
    Extension { path: Path<'a>, child: Child<'a> },
    Branch { children: [Child<'a>; 16], value: &'a [u8] },
}

#[derive(Clone, Copy)]
pub(super) enum Child<'a> {
    None,
    Hash(&'a [u8; 32]),
    Inline(&'a [u8]),
}

/// Where a node leads a path.
pub(super) enum Step<'a, 'k> {
    /// The trie's answer.
    Decided(Option<&'a [u8]>),
    /// To the node with this hash, with the rest of the path.
    To(B256, Rest<'k>),
    /// To a node that stands in this one.
    Inside(&'a [u8], Rest<'k>),
}

impl<'a> Node<'a> {
    pub fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut items = rlp::require_list("", rlp::item("", bytes)?)?;
        if let Some(branch) = Self::branch_of_hashes(items.clone()) {
            return Ok(branch);
        }
        let (first, second) = match (next(&mut items)?, next(&mut items)?) {
            (Some(first), Some(second)) => (first, second),
            (first, _) => return Err(wrong_count(usize::from(first.is_some()))),
        };
        match next(&mut items)? {
            None => Self::decode_short(first, second),
            Some(third) => Self::decode_branch([first, second, third], items),
        }
    }

    /// A branch without a value whose children are all behind hashes, as most nodes are: the same as
    /// [`Self::decode_branch`] makes of it. `None` of any other node.
    #[inline]
    fn branch_of_hashes(mut items: Items<'a>) -> Option<Self> {
        let mut children = [Child::None; 16];
        let mut taken = 0_usize;
        for child in &mut children {
            if let Some(hash) = items.take_hash_or_empty()? {
                *child = Child::Hash(hash);
                taken = taken.saturating_add(1);
            }
        }
        let is_whole = items.take_hash_or_empty()?.is_none() && items.is_empty();
        (is_whole && taken >= 2).then_some(Self::Branch { children, value: &[] })
    }

    fn decode_branch(begun: [Item<'a>; 3], mut items: Items<'a>) -> Result<Self, VerifyError> {
        let mut children = [Child::None; 16];
        let mut taken = 0_usize;
        let mut begun = begun.into_iter();
        for (index, child) in children.iter_mut().enumerate() {
            let item = match begun.next() {
                Some(item) => item,
                None => next(&mut items)?.ok_or_else(|| wrong_count(index))?,
            };
            *child = Child::decode(item)?;
            taken = taken.saturating_add(usize::from(!matches!(child, Child::None)));
        }
        let value = rlp::require_string("", next(&mut items)?.ok_or_else(|| wrong_count(16))?)?;
        let left = items.count();
        if left > 0 {
            return Err(wrong_count(left.saturating_add(17)));
        }
        if taken.saturating_add(usize::from(!value.is_empty())) < 2 {
            return Err(VerifyError::malformed("", "a branch that parts at least two keys", taken));
        }
        Ok(Self::Branch { children, value })
    }

    fn decode_short(path: Item<'a>, second: Item<'a>) -> Result<Self, VerifyError> {
        let (path, is_leaf) = Path::decode(rlp::require_string("", path)?)?;
        if is_leaf {
            let value = rlp::require_string("", second)?;
            if value.is_empty() {
                return Err(VerifyError::malformed("", "a leaf with a value", "an empty one"));
            }
            return Ok(Self::Leaf { path, value });
        }
        let child = Child::decode(second)?;
        if path.is_empty() || matches!(child, Child::None) {
            return Err(VerifyError::malformed("", "an extension with a path and a child", "one without"));
        }
        if let Child::Inline(bytes) = child {
            Self::decode(bytes)?.require_branch()?;
        }
        Ok(Self::Extension { path, child })
    }

    /// What stands below an extension is a branch: anything else would have joined it.
    pub fn require_branch(&self) -> Result<(), VerifyError> {
        match self {
            Self::Branch { .. } => Ok(()),
            _ => Err(VerifyError::malformed("", "a branch below an extension", "another node")),
        }
    }

    pub fn step<'k>(&self, rest: Rest<'k>) -> Step<'a, 'k> {
        match self {
            Self::Leaf { path, value } => Step::Decided(rest.is(*path).then_some(value)),
            Self::Extension { path, child } => match rest.strip_prefix(*path) {
                Some(rest) => child.step(rest),
                None => Step::Decided(None),
            },
            Self::Branch { children, value } => match rest.split_first() {
                Some((nibble, rest)) => children.get(nibble).unwrap_or(&Child::None).step(rest),
                None => Step::Decided((!value.is_empty()).then_some(value)),
            },
        }
    }
}

fn next<'a>(items: &mut Items<'a>) -> Result<Option<Item<'a>>, VerifyError> {
    items.next().transpose().map_err(|error| rlp::not_canonical("", error))
}

fn wrong_count(found: usize) -> VerifyError {
    VerifyError::malformed("", "a node of 2 or 17 items", found)
}

impl<'a> Child<'a> {
    fn decode(item: Item<'a>) -> Result<Self, VerifyError> {
        if !item.is_list {
            return match <&[u8; 32]>::try_from(item.payload) {
                Ok(hash) => Ok(Self::Hash(hash)),
                Err(_) if item.payload.is_empty() => Ok(Self::None),
                Err(_) => Err(VerifyError::malformed("", "a child hash of 32 bytes", item.payload.len())),
            };
        }
        if item.encoded.len() < INLINE_BELOW {
            // Checked whole even where the path does not lead: each level is shorter, so this ends soon.
            return Node::decode(item.encoded).map(|_| Self::Inline(item.encoded));
        }
        let expected = format!("a child of {INLINE_BELOW} bytes or more behind its hash");
        Err(VerifyError::malformed("", expected, item.encoded.len()))
    }

    fn step<'k>(self, rest: Rest<'k>) -> Step<'a, 'k> {
        match self {
            Self::None => Step::Decided(None),
            Self::Hash(hash) => Step::To(B256::new(*hash), rest),
            Self::Inline(bytes) => Step::Inside(bytes, rest),
        }
    }
}

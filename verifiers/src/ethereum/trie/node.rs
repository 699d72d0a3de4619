//! The nodes of a trie: canonical decoding, and one step along a key's path. Nodes point into the bytes of the proof.
//!
//! Errors name no field here: the walk knows which node of which proof it is.

use alloy_primitives::B256;
use alloy_rlp::EMPTY_STRING_CODE;

use super::path::{Path, Rest};
use crate::VerifyError;
use crate::ethereum::rlp::{self, HASH_CODE, Item, Items};

/// Nodes shorter than a hash stand in their parent instead of being referenced.
pub(super) const INLINE_BELOW: usize = 32;

#[derive(Clone)]
pub(super) enum Node<'a> {
    Leaf { path: Path<'a>, value: &'a [u8] },
    Extension { path: Path<'a>, child: Child<'a> },
    Hashes(Hashes<'a>),
    Branch { children: Box<[Child<'a>; 16]>, value: &'a [u8] },
}

/// A branch without a value whose children are all behind hashes, as most nodes are. It is read where it stands.
#[derive(Clone, Copy)]
pub(super) struct Hashes<'a> {
    /// The children, each a byte that says which it is, with the hash behind it if it is one.
    encoded: &'a [u8],
    /// A bit for each child that is there.
    present: u16,
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
        match rlp::short_list(bytes).and_then(Self::decode_in_place) {
            Some(node) => Ok(node),
            None => Self::decode_items(rlp::require_list("", rlp::item("", bytes)?)?),
        }
    }

    /// The node with this payload, if it is of the two kinds that most are of: a branch of hashes, or a leaf of short
    /// strings. Of any other, and of a false one, `None`.
    #[inline]
    fn decode_in_place(payload: &'a [u8]) -> Option<Self> {
        if let Some(hashes) = Hashes::decode(payload) {
            return Some(Self::Hashes(hashes));
        }
        let [path, value] = rlp::two_short_strings(payload)?;
        let (path, is_leaf) = Path::decode(path).ok()?;
        (is_leaf && !value.is_empty()).then_some(Self::Leaf { path, value })
    }

    fn decode_items(mut items: Items<'a>) -> Result<Self, VerifyError> {
        let (first, second) = match (next(&mut items)?, next(&mut items)?) {
            (Some(first), Some(second)) => (first, second),
            (first, _) => return Err(wrong_count(usize::from(first.is_some()))),
        };
        match next(&mut items)? {
            None => Self::decode_short(first, second),
            Some(third) => Self::decode_branch([first, second, third], items),
        }
    }

    fn decode_branch(begun: [Item<'a>; 3], mut items: Items<'a>) -> Result<Self, VerifyError> {
        let mut children = Box::new([Child::None; 16]);
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
            Self::Hashes(_) | Self::Branch { .. } => Ok(()),
            Self::Leaf { .. } => Err(VerifyError::malformed("", "a branch below an extension", "a leaf")),
            Self::Extension { .. } => Err(VerifyError::malformed("", "a branch below an extension", "an extension")),
        }
    }

    pub fn step<'k>(&self, rest: Rest<'k>) -> Step<'a, 'k> {
        match self {
            Self::Leaf { path, value } => Step::Decided(rest.is(*path).then_some(value)),
            Self::Extension { path, child } => match rest.strip_prefix(*path) {
                Some(rest) => child.step(rest),
                None => Step::Decided(None),
            },
            Self::Hashes(hashes) => {
                match rest.split_first().and_then(|(nibble, rest)| Some((hashes.get(nibble)?, rest))) {
                    Some((hash, rest)) => Step::To(B256::new(*hash), rest),
                    None => Step::Decided(None),
                }
            }
            Self::Branch { children, value } => match rest.split_first() {
                Some((nibble, rest)) => children.get(nibble).unwrap_or(&Child::None).step(rest),
                None => Step::Decided((!value.is_empty()).then_some(value)),
            },
        }
    }
}

impl<'a> Hashes<'a> {
    /// What [`Node::decode_branch`] would find to be a branch of hashes alone; `None` of any other node. Which children
    /// are there is as good as random, so nothing is guessed here: the place of the next is computed.
    #[inline]
    fn decode(encoded: &'a [u8]) -> Option<Self> {
        let (mut place, mut present) = (0_usize, 0_u32);
        for item in 0..17_u32 {
            let first = *encoded.get(place)?;
            let is_hash = first == HASH_CODE;
            if !is_hash & (first != EMPTY_STRING_CODE) {
                return None;
            }
            present |= u32::from(is_hash).wrapping_shl(item);
            place = place.wrapping_add(1).wrapping_add(usize::from(is_hash).wrapping_shl(5));
        }
        // Of the value, which is the seventeenth, no bit may be set.
        let present = u16::try_from(present).ok()?;
        (place == encoded.len() && present.count_ones() >= 2).then_some(Self { encoded, present })
    }

    fn get(&self, child: usize) -> Option<&'a [u8; 32]> {
        let bit = 1_u16.checked_shl(u32::try_from(child).ok()?)?;
        if self.present & bit == 0 {
            return None;
        }
        let hashes_before = (self.present & bit.wrapping_sub(1)).count_ones() as usize;
        // Behind the bytes that say what it and those before it are.
        let place = child.saturating_add(1).saturating_add(hashes_before.saturating_mul(32));
        self.encoded.get(place..)?.first_chunk()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A list of items such as branches have, most of them in the right number.
    fn branch() -> impl Strategy<Value = Vec<u8>> {
        let hash = any::<u8>().prop_map(|byte| [&[HASH_CODE][..], &[byte; 32]].concat());
        let odd =
            prop_oneof![Just(vec![0x82, 1, 2]), Just(vec![0xc2, 0x20, 5]), Just(vec![7]), Just(vec![HASH_CODE, 1])];
        let item = prop_oneof![40 => hash, 40 => Just(vec![EMPTY_STRING_CODE]), 1 => odd];
        let count = prop_oneof![8 => Just(16_usize), 1 => 0..19_usize];
        let last = prop_oneof![8 => Just(vec![EMPTY_STRING_CODE]), 1 => Just(vec![9]), 1 => Just(vec![])];
        let items = count.prop_flat_map(move |count| prop::collection::vec(item.clone(), count));
        (items, last).prop_map(|(items, last)| [items.concat(), last].concat())
    }

    /// A list of two items such as leaves and extensions have, some with a third, or a false header.
    fn pair() -> impl Strategy<Value = Vec<u8>> {
        let path = prop::collection::vec(any::<u8>(), 0..40).prop_map(|mut path| {
            if let Some(first) = path.first_mut() {
                *first &= 0x3f;
            }
            alloy_rlp::encode(path.as_slice())
        });
        let string = prop_oneof![0..3_usize, 30..70_usize, 250..260_usize]
            .prop_flat_map(|length| prop::collection::vec(any::<u8>(), length))
            .prop_map(|string| alloy_rlp::encode(string.as_slice()));
        let third = prop_oneof![8 => Just(vec![]), 1 => Just(vec![EMPTY_STRING_CODE])];
        let spoiled = prop_oneof![8 => Just(None), 1 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(Some)];
        (path, string, third, spoiled).prop_map(|(path, string, third, spoiled)| {
            let mut payload = [path, string, third].concat();
            if let Some((place, byte)) = spoiled {
                let place = place.index(payload.len());
                payload[place] = byte;
            }
            payload
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn a_leaf_is_the_same_read_in_place_as_unpacked(payload in pair()) {
            let list = Item { encoded: &[], payload: &payload, is_list: true };
            let leaf = |node| match node {
                Node::Leaf { path, value } => Some((path, value)),
                _ => None,
            };
            let unpacked = Node::decode_items(Items::of(list)).ok().and_then(leaf);
            let in_place = Node::decode_in_place(&payload).and_then(leaf);
            let is_short = |value: &[u8]| value.len() <= 255;
            prop_assert_eq!(in_place, unpacked.filter(|(_, value)| is_short(value)));
        }

        #[test]
        fn a_branch_of_hashes_is_the_same_read_in_place_as_unpacked(payload in branch()) {
            let list = Item { encoded: &[], payload: &payload, is_list: true };
            let unpacked = Node::decode_items(Items::of(list));
            let children = match &unpacked {
                Ok(Node::Branch { children, value: [] }) => {
                    let hashes = children.iter().map(|child| match child {
                        Child::None => Some(None),
                        Child::Hash(hash) => Some(Some(*hash)),
                        Child::Inline(_) => None,
                    });
                    hashes.collect::<Option<Vec<_>>>()
                }
                _ => None,
            };
            let in_place = Hashes::decode(&payload);
            prop_assert_eq!(in_place.map(|hashes| (0..16).map(|child| hashes.get(child)).collect::<Vec<_>>()), children);
            prop_assert!(in_place.is_none_or(|hashes| hashes.get(16).is_none() && hashes.get(99).is_none()));
        }
    }
}

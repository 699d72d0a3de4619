//! Strict RLP: canonical lengths, no leading zeros, nothing left over (Ethereum Yellow Paper, appendix B).
//!
//! Nothing is copied: items point into what they were decoded from.

use alloy_primitives::{FixedBytes, U256};
use alloy_rlp::{EMPTY_STRING_CODE, Header};

use crate::VerifyError;

/// First byte of a string of 32 bytes.
pub(crate) const HASH_CODE: u8 = EMPTY_STRING_CODE + 32;

/// The longest payload whose header is one byte.
const LONGEST_SHORT: u8 = 55;

/// One item: a string's bytes, or a list's still encoded items.
#[derive(Clone, Copy)]
pub(crate) struct Item<'a> {
    /// With its header.
    pub encoded: &'a [u8],
    /// Without it.
    pub payload: &'a [u8],
    pub is_list: bool,
}

/// The items of a list's payload, in order, each with its header.
#[derive(Clone)]
pub(crate) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    pub(crate) fn of(list: Item<'a>) -> Self {
        Self { rest: list.payload }
    }

    fn read(&mut self) -> Result<Item<'a>, alloy_rlp::Error> {
        let encoded = self.rest;
        // What a trie's nodes are made of: hashes and empty strings. Both are canonical as they stand.
        if let Some((&HASH_CODE, tail)) = encoded.split_first()
            && let Some((payload, rest)) = tail.split_at_checked(32)
        {
            self.rest = rest;
            return Ok(Item { encoded: prefix(encoded, rest), payload, is_list: false });
        }
        if let Some((&EMPTY_STRING_CODE, rest)) = encoded.split_first() {
            self.rest = rest;
            return Ok(Item { encoded: prefix(encoded, rest), payload: &[], is_list: false });
        }
        let mut tail = encoded;
        let Header { list, payload_length } = Header::decode(&mut tail)?;
        let (payload, rest) = tail.split_at_checked(payload_length).ok_or(alloy_rlp::Error::InputTooShort)?;
        self.rest = rest;
        Ok(Item { encoded: prefix(encoded, rest), payload, is_list: list })
    }
}

/// The payload of the list of at most 65,535 bytes that is all of `bytes`; `None` of anything else.
#[inline]
pub(crate) fn short_list(bytes: &[u8]) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    let (length, payload) = match first {
        0xc0..=0xf7 => (usize::from(first & 0x3f), rest),
        0xf8 => {
            let (&length, payload) = rest.split_first().filter(|(length, _)| **length > LONGEST_SHORT)?;
            (usize::from(length), payload)
        }
        0xf9 => {
            let (length, payload) = rest.split_first_chunk().filter(|([high, _], _)| *high > 0)?;
            (usize::from(u16::from_be_bytes(*length)), payload)
        }
        _ => return None,
    };
    (payload.len() == length).then_some(payload)
}

/// The two strings of at most 255 bytes that are all of `payload`; `None` of anything else.
#[inline]
pub(crate) fn two_short_strings(payload: &[u8]) -> Option<[&[u8]; 2]> {
    let (one, rest) = short_string(payload)?;
    let (other, rest) = short_string(rest)?;
    rest.is_empty().then_some([one, other])
}

/// The string of at most 255 bytes that `bytes` begin with, and what follows it.
#[inline]
fn short_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..EMPTY_STRING_CODE => bytes.split_at_checked(1),
        0x81 => rest.split_at_checked(1).filter(|(byte, _)| byte.iter().all(|byte| *byte >= EMPTY_STRING_CODE)),
        EMPTY_STRING_CODE..=0xb7 => rest.split_at_checked(usize::from(first & 0x3f)),
        0xb8 => {
            let (&length, rest) = rest.split_first().filter(|(length, _)| **length > LONGEST_SHORT)?;
            rest.split_at_checked(usize::from(length))
        }
        _ => None,
    }
}

/// What stands before `rest` in `bytes`, of which it is the end.
fn prefix<'a>(bytes: &'a [u8], rest: &[u8]) -> &'a [u8] {
    bytes.get(..bytes.len().saturating_sub(rest.len())).unwrap_or_default()
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, alloy_rlp::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.read();
        if item.is_err() {
            self.rest = &[];
        }
        Some(item)
    }
}

/// Decodes exactly one item.
pub(crate) fn item<'a>(field: &str, bytes: &'a [u8]) -> Result<Item<'a>, VerifyError> {
    let mut items = Items { rest: bytes };
    let item = items.read().map_err(|error| not_canonical(field, error))?;
    if !items.rest.is_empty() {
        return Err(VerifyError::malformed(field, format!("{} bytes", item.encoded.len()), bytes.len()));
    }
    Ok(item)
}

/// The refusal of bytes that are no RLP.
pub(crate) fn not_canonical(field: &str, error: alloy_rlp::Error) -> VerifyError {
    VerifyError::malformed(field, "canonical RLP", error)
}

/// Decodes exactly one list into its encoded items.
pub(crate) fn list<'a>(field: &str, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, VerifyError> {
    let list = require_list(field, item(field, bytes)?)?;
    let items = list.map(|item| item.map(|item| item.encoded));
    items.collect::<Result<_, _>>().map_err(|error| not_canonical(field, error))
}

/// The items of an item that must be a list.
pub(crate) fn require_list<'a>(field: &str, item: Item<'a>) -> Result<Items<'a>, VerifyError> {
    if item.is_list {
        return Ok(Items::of(item));
    }
    Err(VerifyError::malformed(field, "an RLP list", "a string"))
}

/// The bytes of an item that must be a string.
pub(crate) fn require_string<'a>(field: &str, item: Item<'a>) -> Result<&'a [u8], VerifyError> {
    if item.is_list {
        return Err(VerifyError::malformed(field, "an RLP string", "a list"));
    }
    Ok(item.payload)
}

/// Decodes exactly one string.
pub(crate) fn string<'a>(field: &str, bytes: &'a [u8]) -> Result<&'a [u8], VerifyError> {
    require_string(field, item(field, bytes)?)
}

/// Decodes exactly one string of `N` bytes.
pub(crate) fn fixed<const N: usize>(field: &str, bytes: &[u8]) -> Result<FixedBytes<N>, VerifyError> {
    let string = string(field, bytes)?;
    let array = string.try_into().map_err(|_| VerifyError::malformed(field, format!("{N} bytes"), string.len()))?;
    Ok(FixedBytes(array))
}

/// Decodes exactly one integer of at most 32 bytes, big-endian without leading zeros.
pub(crate) fn uint256(field: &str, bytes: &[u8]) -> Result<U256, VerifyError> {
    let string = string(field, bytes)?;
    if string.first() == Some(&0) {
        return Err(VerifyError::malformed(field, "an integer without leading zeros", hex::encode(string)));
    }
    U256::try_from_be_slice(string)
        .ok_or_else(|| VerifyError::malformed(field, "an integer of at most 32 bytes", string.len()))
}

/// Decodes exactly one integer of at most 8 bytes.
pub(crate) fn uint64(field: &str, bytes: &[u8]) -> Result<u64, VerifyError> {
    let value = uint256(field, bytes)?;
    value.try_into().map_err(|_| VerifyError::malformed(field, "an integer of at most 8 bytes", value))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use alloy_primitives::U512;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// An item with everything in it.
    #[derive(Debug, PartialEq)]
    enum Tree {
        String(Vec<u8>),
        List(Vec<Tree>),
    }

    fn read(bytes: &[u8]) -> Result<Tree, VerifyError> {
        let found = item("item", bytes)?;
        match found.is_list {
            true => list("item", bytes)?.into_iter().map(read).collect::<Result<_, _>>().map(Tree::List),
            false => string("item", bytes).map(|string| Tree::String(string.to_vec())),
        }
    }

    /// What a case says was encoded: text, a number (a large one behind `#`), or a list of them.
    fn told(value: &Value) -> Tree {
        match value {
            Value::Array(items) => Tree::List(items.iter().map(told).collect()),
            Value::Number(number) => Tree::String(U512::from(number.as_u64().unwrap()).to_be_bytes_trimmed_vec()),
            Value::String(text) => match text.strip_prefix('#') {
                Some(digits) => Tree::String(digits.parse::<U512>().unwrap().to_be_bytes_trimmed_vec()),
                None => Tree::String(text.clone().into_bytes()),
            },
            other => panic!("{other}"),
        }
    }

    fn official() -> Option<PathBuf> {
        let named = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from);
        let above = || Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/vectors"));
        let folder = named.or_else(|| above().find(|folder| folder.is_dir()))?;
        Some(folder.join("ethereum/ethereum_tests/RLPTests")).filter(|folder| folder.is_dir())
    }

    #[test]
    fn the_official_cases_have_their_own_verdicts() {
        let Some(folder) = official() else {
            println!("skipped: vectors ethereum/ethereum_tests/RLPTests not found");
            return;
        };
        let (mut passed, mut refused) = (0, 0);
        for name in ["rlptest.json", "invalidRLPTest.json", "RandomRLPTests/example.json"] {
            let Ok(bytes) = std::fs::read(folder.join(name)) else {
                println!("skipped: vectors ethereum/ethereum_tests/RLPTests/{name} not found");
                continue;
            };
            let cases: Value = serde_json::from_slice(&bytes).unwrap();
            for (name, case) in cases.as_object().unwrap() {
                let out = case["out"].as_str().unwrap();
                let encoded = hex::decode(out.strip_prefix("0x").unwrap_or(out)).unwrap();
                match &case["in"] {
                    Value::String(verdict) if verdict == "INVALID" => {
                        read(&encoded).expect_err(name);
                        refused += 1;
                        continue;
                    }
                    Value::String(verdict) if verdict == "VALID" => drop(read(&encoded).expect(name)),
                    value => assert_eq!(read(&encoded).expect(name), told(value), "{name}"),
                }
                passed += 1;
            }
        }
        println!("RLPTests by the reader itself: {passed} passed, {refused} refused as expected");
        assert!(passed > 0 && refused > 0);
    }

    #[test]
    fn alternative_encodings_are_refused() {
        let refused: [&[u8]; 12] = [
            &[],
            &[0x81, 0x05],             // a byte below 0x80 with a length
            &[0xb8, 0x01, 0x80],       // a long length for a short string
            &[0xb9, 0x00, 0x38, 0x00], // a length with leading zeros
            &[0xf8, 0x01, 0x80],       // a long length for a short list
            &[0x83, 0x01, 0x02],       // fewer bytes than announced
            &[0xc2, 0x01],
            &[0xc1, 0x82],       // an item that reaches past its list
            &[0x01, 0x02],       // bytes left over
            &[0xc0, 0x00],       // bytes left over behind a list
            &[0xc2, 0x81, 0x05], // a non-canonical item in a list
            &[0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ];
        for bytes in refused {
            let whole = item("field", bytes).and_then(|item| match item.is_list {
                true => list("field", bytes).map(drop),
                false => Ok(()),
            });
            assert_eq!(whole.err().map(|error| error.field).as_deref(), Some("field"), "{bytes:02x?}");
        }
    }

    /// Items of all lengths at which headers change, some of them spoiled in their header.
    fn encoded() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![0..4_usize, 50..60_usize, 250..260_usize, 65_530..65_540_usize];
        let header = prop::option::weighted(0.3, (0..3_usize, any::<u8>()));
        (length, any::<u8>(), any::<bool>(), header).prop_map(|(payload_length, fill, list, spoiled)| {
            let mut bytes = Vec::new();
            Header { list, payload_length }.encode(&mut bytes);
            bytes.resize(bytes.len() + payload_length, fill);
            if let Some((place, byte)) = spoiled
                && let Some(found) = bytes.get_mut(place)
            {
                *found = byte;
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn short_lists_and_pairs_of_strings_are_what_any_item_is(one in encoded(), other in encoded(), more in 0..3_u8) {
            let whole = item("", &one).ok().filter(|item| item.is_list && item.payload.len() <= 65_535);
            prop_assert_eq!(short_list(&one), whole.map(|item| item.payload));
            let pair = [one, other, vec![0x80; usize::from(more / 2)]].concat();
            let mut items = Items { rest: &pair };
            let (first, second, third) = (items.next(), items.next(), items.next());
            let string = |item: Option<Result<Item<'_>, _>>| {
                item?.ok().filter(|item| !item.is_list && item.payload.len() <= 255).map(|item| item.payload.to_vec())
            };
            let expected = string(first).zip(string(second)).filter(|_| third.is_none());
            prop_assert_eq!(two_short_strings(&pair).map(|[one, other]| (one.to_vec(), other.to_vec())), expected);
        }
    }

    #[test]
    fn a_short_list_or_string_has_no_longer_header_than_it_needs() {
        let with = |header: &[u8], length: usize| [header, &vec![0x80; length]].concat();
        for (header, length, is_canonical) in [
            (&[0xf7][..], 55, true),
            (&[0xf8, 55], 55, false),
            (&[0xf8, 56], 56, true),
            (&[0xf9, 0, 56], 56, false),
            (&[0xf9, 0, 255], 255, false),
            (&[0xf8, 255], 255, true),
            (&[0xf9, 1, 0], 256, true),
            (&[0xfa, 0, 1, 0], 256, false),
        ] {
            let bytes = with(header, length);
            assert_eq!(
                (short_list(&bytes).is_some(), item("", &bytes).is_ok()),
                (is_canonical, is_canonical),
                "{header:?}"
            );
        }
        for (header, length, is_canonical) in
            [(&[0xb7][..], 55, true), (&[0xb8, 55], 55, false), (&[0xb8, 56], 56, true), (&[0xb9, 0, 56], 56, false)]
        {
            let string = with(header, length);
            let pair = [&string[..], &[1]].concat();
            assert_eq!((two_short_strings(&pair).is_some(), item("", &string).is_ok()), (is_canonical, is_canonical));
        }
    }

    #[test]
    fn integers_have_no_leading_zeros_and_fit() {
        assert_eq!(uint64("n", &[0x80]).unwrap(), 0);
        assert_eq!(uint64("n", &[0x7f]).unwrap(), 127);
        assert_eq!(uint64("n", &[0x82, 0x01, 0x00]).unwrap(), 256);
        assert!(uint64("n", &[0x00]).is_err());
        assert!(uint64("n", &[0x82, 0x00, 0x80]).is_err());
        assert!(uint64("n", &[0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(uint64("n", &[0xc0]).is_err());
        let mut word = vec![0xa0];
        word.extend([0xff; 32]);
        assert_eq!(uint256("n", &word).unwrap(), U256::MAX);
        let mut longer = vec![0xa1];
        longer.extend([0xff; 33]);
        assert!(uint256("n", &longer).is_err());
    }

    #[test]
    fn strings_and_lists_are_told_apart() {
        assert!(string("field", &[0xc0]).is_err());
        assert!(list("field", &[0x80]).is_err());
        assert_eq!(list("field", &[0xc3, 0x01, 0xc1, 0x80]).unwrap(), [&[0x01][..], &[0xc1, 0x80]]);
        assert_eq!(fixed::<2>("field", &[0x82, 1, 2]).unwrap(), [1, 2]);
        assert!(fixed::<3>("field", &[0x82, 1, 2]).is_err());
    }
}

//! Strict RLP: canonical lengths, no leading zeros, nothing left over (Ethereum Yellow Paper, appendix B).

use alloy_primitives::{FixedBytes, U256};
use alloy_rlp::{Header, PayloadView};

use crate::VerifyError;

/// One item: a string, or a list of still encoded items.
pub(crate) enum Item<'a> {
    String(&'a [u8]),
    List(Vec<&'a [u8]>),
}

/// Decodes exactly one item.
pub(crate) fn item<'a>(field: &str, bytes: &'a [u8]) -> Result<Item<'a>, VerifyError> {
    let mut rest = bytes;
    let view = Header::decode_raw(&mut rest).map_err(|error| VerifyError::malformed(field, "canonical RLP", error))?;
    if !rest.is_empty() {
        let taken = bytes.len().saturating_sub(rest.len());
        return Err(VerifyError::malformed(field, format!("{taken} bytes"), bytes.len()));
    }
    Ok(match view {
        PayloadView::String(string) => Item::String(string),
        PayloadView::List(items) => Item::List(items),
    })
}

/// Decodes exactly one list into its encoded items.
pub(crate) fn list<'a>(field: &str, bytes: &'a [u8]) -> Result<Vec<&'a [u8]>, VerifyError> {
    match item(field, bytes)? {
        Item::List(items) => Ok(items),
        Item::String(_) => Err(VerifyError::malformed(field, "an RLP list", "a string")),
    }
}

/// Decodes exactly one string.
pub(crate) fn string<'a>(field: &str, bytes: &'a [u8]) -> Result<&'a [u8], VerifyError> {
    match item(field, bytes)? {
        Item::String(string) => Ok(string),
        Item::List(_) => Err(VerifyError::malformed(field, "an RLP string", "a list")),
    }
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
    use super::*;

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
            assert_eq!(item("field", bytes).err().map(|error| error.field).as_deref(), Some("field"), "{bytes:02x?}");
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

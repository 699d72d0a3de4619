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

//! Addresses and hashes as Solana shows them: base58 of 32 bytes (the Bitcoin alphabet, no checksum).

use alloy_primitives::{B256, hex};
use bitcoin::base58;

use crate::VerifyError;

/// `Vote111111111111111111111111111111111111111`.
pub const VOTE_PROGRAM: B256 = B256::new(hex!("0761481d357474bb7c4d7624ebd3bdb3d8355e73d11043fc0da3538000000000"));

/// `TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA`.
pub const TOKEN_PROGRAM: B256 = B256::new(hex!("06ddf6e1d765a193d9cbe146ceeb79ac1cb485ed5f5b37913a8cf5857eff00a9"));

/// `MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr`.
pub const MEMO_PROGRAM: B256 = B256::new(hex!("054a535a992921064d24e87160da387c7c35b5ddbc92bb81e41fa8404105448d"));

/// Longest base58 text of 32 bytes.
const MAX_TEXT: usize = 44;

/// The base58 text of 32 bytes.
pub fn to_base58(bytes: B256) -> String {
    base58::encode(bytes.as_slice())
}

/// The 32 bytes of a base58 text.
///
/// # Errors
/// Names `field` when the text is no base58 of exactly 32 bytes.
pub fn from_base58(field: &str, text: &str) -> Result<B256, VerifyError> {
    let decoded = if text.len() <= MAX_TEXT { base58::decode(text).ok() } else { None };
    decoded
        .and_then(|bytes| B256::try_from(bytes.as_slice()).ok())
        .ok_or_else(|| VerifyError::malformed(field, "base58 of 32 bytes", format!("{} characters", text.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_ones_that_are_shown() {
        for (text, address) in [
            ("Vote111111111111111111111111111111111111111", VOTE_PROGRAM),
            ("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", TOKEN_PROGRAM),
            ("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr", MEMO_PROGRAM),
            ("11111111111111111111111111111111", B256::ZERO),
        ] {
            assert_eq!(from_base58("address", text).unwrap(), address);
            assert_eq!(to_base58(address), text);
        }
    }

    #[test]
    fn other_lengths_and_letters_are_refused() {
        for text in ["", "1", "111111111111111111111111111111111", "Vote11111111111111111111111111111111111111O"] {
            assert_eq!(from_base58("address", text).unwrap_err().field, "address", "{text}");
        }
    }
}

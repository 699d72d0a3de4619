//! The footer of an Alpenglow block: its bank hash and its time.
//!
//! Source: SIMD-0307, Agave `entry/src/block_component.rs`. A batch whose count of entries is zero is a marker: version
//! (16 bits, 1), variant (8 bits, 0 for a footer), length (16 bits), footer version (8 bits, 1), bank hash, producer's
//! time in nanoseconds, user agent (length of 8 bits), then certificates of earlier blocks, which are not used here:
//! certificates come by themselves.

use alloy_primitives::B256;

use super::bytes::Reader;
use crate::VerifyError;

const MARKER_VERSION: u16 = 1;
const FOOTER_VARIANT: u8 = 0;
const FOOTER_VERSION: u8 = 1;
const NANOSECONDS: u64 = 1_000_000_000;

/// What a block says of itself at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Its bank hash.
    pub bank_hash: B256,
    /// The producer's clock, Unix seconds.
    pub time: u64,
}

impl Footer {
    /// Decodes the batch that a footer is.
    ///
    /// # Errors
    /// Names `footer` when it is another marker, entries, of another version, or of another length than it says.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::new("footer", bytes);
        if reader.u64()? != 0 {
            return Err(reader.malformed("a marker", "entries"));
        }
        let (version, variant) = (reader.u16()?, reader.u8()?);
        if (version, variant) != (MARKER_VERSION, FOOTER_VARIANT) {
            return Err(reader.malformed("the marker of a footer", format!("version {version}, variant {variant}")));
        }
        let length = usize::from(reader.u16()?);
        let content = reader.take(length)?;
        reader.finish()?;
        let mut reader = Reader::new("footer", content);
        let version = reader.u8()?;
        if version != FOOTER_VERSION {
            return Err(reader.malformed(format!("footer version {FOOTER_VERSION}"), version));
        }
        let (bank_hash, nanoseconds) = (reader.hash()?, reader.u64()?);
        let agent = usize::from(reader.u8()?);
        reader.take(agent)?;
        Ok(Self { bank_hash, time: nanoseconds.checked_div(NANOSECONDS).unwrap_or_default() })
    }
}

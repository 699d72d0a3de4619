//! Markers of an Alpenglow block: its footer, with its bank hash and its time, and what says its parent.
//!
//! Source: SIMD-0307, SIMD-0337, Agave `entry/src/block_component.rs`. A batch whose count of entries is zero is a marker:
//! version (16 bits, 1), variant (8 bits: 0 footer, 1 header, 2 `UpdateParent`), length (16 bits), then its content. Of a
//! footer: version (8 bits, 1), bank hash, producer's time in nanoseconds, user agent (length of 8 bits), then certificates
//! of earlier blocks, which are not used here: certificates come by themselves. Of the other two: version (8 bits, 1), slot
//! and block id of the parent.

use alloy_primitives::B256;

use super::bytes::Reader;
use super::certificate::BlockName;
use crate::VerifyError;

const MARKER_VERSION: u16 = 1;
const CONTENT_VERSION: u8 = 1;
const FOOTER: u8 = 0;
const NANOSECONDS: u64 = 1_000_000_000;

/// Variant of the marker that begins a block.
pub(super) const HEADER: u8 = 1;
/// Variant of the marker that abandons what is before it.
pub(super) const UPDATE_PARENT: u8 = 2;

/// What a block says of itself at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footer {
    /// Its bank hash.
    pub bank_hash: B256,
    /// The producer's clock, Unix seconds.
    pub time: u64,
}

impl Footer {
    /// Decodes the batch that a footer is. What follows it is ignored, as nodes do.
    ///
    /// # Errors
    /// Names `footer` when it is another marker, entries, of another version, or shorter than it says.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut content = content(&mut Reader::new("footer", bytes), FOOTER)?;
        let (bank_hash, nanoseconds) = (content.hash()?, content.u64()?);
        let agent = usize::from(content.u8()?);
        content.take(agent)?;
        Ok(Self { bank_hash, time: nanoseconds.checked_div(NANOSECONDS).unwrap_or_default() })
    }
}

/// The block that a marker of `variant` at the beginning of a shred's data names as the parent.
pub(super) fn parent(data: &[u8], variant: u8) -> Result<BlockName, VerifyError> {
    let mut content = content(&mut Reader::new("marker", data), variant)?;
    let parent = BlockName { slot: content.u64()?, block_id: content.hash()? };
    content.finish()?;
    Ok(parent)
}

/// What is in a marker of `variant`, after its version.
fn content<'a>(reader: &mut Reader<'a>, variant: u8) -> Result<Reader<'a>, VerifyError> {
    if reader.u64()? != 0 {
        return Err(reader.malformed("a marker", "entries"));
    }
    let (version, found) = (reader.u16()?, reader.u8()?);
    if (version, found) != (MARKER_VERSION, variant) {
        let expected = format!("version {MARKER_VERSION}, variant {variant}");
        return Err(reader.malformed(expected, format!("version {version}, variant {found}")));
    }
    let length = usize::from(reader.u16()?);
    let mut content = reader.part(length)?;
    let version = content.u8()?;
    if version != CONTENT_VERSION {
        return Err(content.malformed(format!("version {CONTENT_VERSION} of it"), version));
    }
    Ok(content)
}

//! Merkle shreds: the pieces in which a leader sends a block.
//!
//! Source: Agave `ledger/src/shred.rs`, `shred/merkle.rs`, SIMD-0313. Layout, integers little-endian: signature 64,
//! variant 1, slot 8, index 4, shred version 2, FEC set index 4; data shreds go on with parent offset 2, flags 1, size 2
//! and the data, coding shreds with number of data shreds 2, of coding shreds 2, position 2 and the parity; both end with
//! the root of the FEC set before (chained variants), the Merkle proof (20 bytes an entry) and, when resigned, the
//! retransmitter's signature. The leaf is everything from the variant up to the proof. Legacy shreds have no proof and
//! are refused.

use alloy_primitives::B256;

use super::bytes::Reader;
use super::merkle::{NODE_LENGTH, Sibling, fold_each, leaves};
use super::strict::verify_strict;
use crate::VerifyError;

/// Bytes of a data shred.
pub const DATA_SHRED_LENGTH: usize = 1_203;
/// Bytes of a coding shred.
pub const CODE_SHRED_LENGTH: usize = 1_228;
/// Most data shreds of a slot, and most coding shreds.
pub const MAX_SHREDS_PER_SLOT: u32 = 32_768;

/// Bytes of the leader's signature, with which a shred begins.
pub(super) const SIGNATURE_LENGTH: usize = 64;
const DATA_HEADERS: usize = 88;
const DATA_COMPLETE: u8 = 0x40;
const LAST_IN_SLOT: u8 = 0x80;

/// A parsed shred, with the root that its proof leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shred<'a> {
    /// The leader's signature over [`Shred::root`]; not checked by parsing.
    pub signature: &'a [u8; 64],
    /// The slot of the block.
    pub slot: u64,
    /// Place among the block's data shreds, or among its coding shreds.
    pub index: u32,
    /// Which cluster since which restart.
    pub version: u16,
    /// Index of the first data shred of its FEC set.
    pub fec_set_index: u32,
    /// Root of its FEC set's tree.
    pub root: B256,
    /// Entries of its proof: the depth at which it stands there.
    pub depth: usize,
    /// Root of the FEC set before, unless the variant is unchained.
    pub chained_root: Option<B256>,
    /// What it holds.
    pub body: Body<'a>,
}

/// What a shred holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A piece of the block's entries.
    Data {
        /// Slots back to the parent.
        parent_offset: u16,
        /// Whether a batch of entries ends here.
        ends_batch: bool,
        /// Whether the block ends here.
        ends_slot: bool,
        /// The piece, without its padding.
        data: &'a [u8],
    },
    /// Parity over the set's data shreds.
    Code {
        /// Data shreds in the set.
        data_shreds: u16,
        /// Coding shreds in the set.
        code_shreds: u16,
        /// Which of them this is.
        position: u16,
    },
}

struct Variant {
    is_data: bool,
    is_chained: bool,
    is_resigned: bool,
    proof_entries: usize,
}

impl Variant {
    fn of(byte: u8) -> Option<Self> {
        let (is_data, is_chained, is_resigned) = match byte & 0xf0 {
            0x40 => (false, false, false),
            0x60 => (false, true, false),
            0x70 => (false, true, true),
            0x80 => (true, false, false),
            0x90 => (true, true, false),
            0xb0 => (true, true, true),
            _ => return None,
        };
        Some(Self { is_data, is_chained, is_resigned, proof_entries: usize::from(byte & 0x0f) })
    }
}

/// A shred before its leaf is hashed.
struct Parsed<'a> {
    shred: Shred<'a>,
    leaf: &'a [u8],
    place: u32,
    proof: &'a [Sibling],
}

impl<'a> Shred<'a> {
    /// Parses a shred and computes the root that its proof leads to.
    ///
    /// # Errors
    /// Names `shred` when the bytes are no Merkle shred.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        match Self::parse_each(&[bytes]).pop() {
            Some(result) => result,
            None => Err(VerifyError::malformed("shred", "a shred", "none")),
        }
    }

    /// Parses many shreds, hashing them side by side; a result each, in order, that of [`Shred::parse`].
    pub fn parse_each(shreds: &[&'a [u8]]) -> Vec<Result<Self, VerifyError>> {
        let parsed: Vec<_> = shreds.iter().map(|bytes| parse(bytes)).collect();
        let contents: Vec<&[u8]> = parsed.iter().flatten().map(|parsed| parsed.leaf).collect();
        let branches: Vec<_> = parsed
            .iter()
            .flatten()
            .zip(leaves(&contents))
            .map(|(parsed, leaf)| (leaf, parsed.place, parsed.proof))
            .collect();
        let mut roots = fold_each(&branches).into_iter();
        let mut rooted = |parsed: Parsed<'a>| match roots.next().flatten() {
            Some(root) => Ok(Self { root, ..parsed.shred }),
            None => {
                let expected = format!("a place in a tree of depth {}", parsed.proof.len());
                Err(VerifyError::malformed("shred", expected, parsed.place))
            }
        };
        parsed.into_iter().map(|parsed| parsed.and_then(&mut rooted)).collect()
    }

    /// Whether it is a data shred.
    pub fn is_data(&self) -> bool {
        matches!(self.body, Body::Data { .. })
    }

    /// Whether `leader` signed the root, by `verify_strict`.
    pub fn is_signed_by(&self, leader: B256) -> bool {
        verify_strict(&leader, self.root.as_slice(), self.signature)
    }
}

/// Slot and FEC set of a shred that was not parsed; nothing of it is checked, and what is too short is of none.
pub(super) fn set_of(bytes: &[u8]) -> Option<(u64, u32)> {
    let rest = bytes.get(SIGNATURE_LENGTH.saturating_add(1)..)?;
    let (slot, rest) = rest.split_first_chunk()?;
    let set = rest.get(6..)?.first_chunk()?;
    Some((u64::from_le_bytes(*slot), u32::from_le_bytes(*set)))
}

fn parse(bytes: &[u8]) -> Result<Parsed<'_>, VerifyError> {
    let mut reader = Reader::bounded("shred", bytes, CODE_SHRED_LENGTH)?;
    let signature = reader.array::<SIGNATURE_LENGTH>()?;
    let signed_from = reader.rest();
    let byte = reader.u8()?;
    let Some(variant) = Variant::of(byte) else {
        return Err(reader.malformed("a Merkle shred", format!("variant {byte:#04x}")));
    };
    let length = if variant.is_data { DATA_SHRED_LENGTH } else { CODE_SHRED_LENGTH };
    if bytes.len() != length {
        return Err(reader.malformed(format!("{length} bytes"), bytes.len()));
    }
    let (slot, index, version, fec_set_index) = (reader.u64()?, reader.u32()?, reader.u16()?, reader.u32()?);
    if index >= MAX_SHREDS_PER_SLOT || fec_set_index >= MAX_SHREDS_PER_SLOT {
        return Err(reader.malformed(format!("an index below {MAX_SHREDS_PER_SLOT}"), index.max(fec_set_index)));
    }
    // What follows the buffer of data or parity.
    let proof_length = variant.proof_entries.saturating_mul(NODE_LENGTH);
    let chained_length = if variant.is_chained { 32 } else { 0 };
    let resigned_length = if variant.is_resigned { SIGNATURE_LENGTH } else { 0 };
    let trailer = proof_length.saturating_add(chained_length).saturating_add(resigned_length);
    let (body, place) = if variant.is_data {
        read_data(&mut reader, slot, index, fec_set_index, trailer)?
    } else {
        read_code(&mut reader, trailer)?
    };
    let chained_root = if variant.is_chained { Some(reader.hash()?) } else { None };
    let leaf_length = signed_from.len().saturating_sub(reader.rest().len());
    let leaf = signed_from.get(..leaf_length).unwrap_or_default();
    let proof = reader.arrays::<NODE_LENGTH>(variant.proof_entries)?;
    reader.take(resigned_length)?;
    reader.finish()?;
    let (root, depth) = (B256::ZERO, variant.proof_entries);
    let shred = Shred { signature, slot, index, version, fec_set_index, root, depth, chained_root, body };
    Ok(Parsed { shred, leaf, place, proof })
}

/// Reads the data headers and the data, up to the chained root; returns the place in the tree too.
fn read_data<'a>(
    reader: &mut Reader<'a>,
    slot: u64,
    index: u32,
    fec_set_index: u32,
    trailer: usize,
) -> Result<(Body<'a>, u32), VerifyError> {
    let (parent_offset, flags, size) = (reader.u16()?, reader.u8()?, usize::from(reader.u16()?));
    if u64::from(parent_offset) > slot || (parent_offset == 0 && slot != 0) {
        return Err(reader.malformed("a parent before the slot", parent_offset));
    }
    let (ends_batch, ends_slot) = (flags & DATA_COMPLETE != 0, flags & LAST_IN_SLOT != 0);
    if ends_slot && !ends_batch {
        return Err(reader.malformed("a last shred that ends its batch", format!("flags {flags:#04x}")));
    }
    let capacity =
        reader.rest().len().checked_sub(trailer).ok_or_else(|| reader.malformed("a shorter proof", trailer))?;
    let buffer = reader.take(capacity)?;
    let data = size.checked_sub(DATA_HEADERS).and_then(|length| buffer.get(..length));
    let data =
        data.ok_or_else(|| reader.malformed(format!("a size up to {}", capacity.saturating_add(DATA_HEADERS)), size))?;
    let place = index.checked_sub(fec_set_index).ok_or_else(|| reader.malformed("an index in its set", index))?;
    Ok((Body::Data { parent_offset, ends_batch, ends_slot, data }, place))
}

fn read_code<'a>(reader: &mut Reader<'a>, trailer: usize) -> Result<(Body<'a>, u32), VerifyError> {
    let (data_shreds, code_shreds, position) = (reader.u16()?, reader.u16()?, reader.u16()?);
    if position >= code_shreds || data_shreds == 0 {
        return Err(reader.malformed(format!("a position below {code_shreds}"), position));
    }
    let capacity =
        reader.rest().len().checked_sub(trailer).ok_or_else(|| reader.malformed("a shorter proof", trailer))?;
    reader.take(capacity)?;
    Ok((Body::Code { data_shreds, code_shreds, position }, u32::from(data_shreds).saturating_add(position.into())))
}

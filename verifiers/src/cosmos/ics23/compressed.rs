//! Compressed batches: steps that proofs share stand once, and are looked up by number.

use super::decode::{BatchEntry, ExistenceProof, InnerOp, LeafOp, MAX_DEPTH, MAX_ENTRIES, NonExistenceProof, no_proof};
use crate::VerifyError;
use crate::protobuf::{Reader, WHOLE, packed_indices};

/// Most shared steps of a compressed batch.
const MAX_LOOKUP: usize = 1 << 14;

/// The entries of a compressed batch that are for `key`, with their steps looked up.
pub(super) fn decode_compressed<'a>(bytes: &'a [u8], key: &[u8]) -> Result<Vec<BatchEntry<'a>>, VerifyError> {
    let mut fields = Reader::of("compressed", bytes);
    let entries = fields.repeated(1, "entries", MAX_ENTRIES, WHOLE)?;
    let lookup = fields.repeated(2, "lookup_inners", MAX_LOOKUP, WHOLE)?;
    fields.end()?;
    let lookup: Vec<_> = lookup.into_iter().map(InnerOp::decode).collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = decode_compressed_entry(entry, key, &lookup)?;
        found.extend(entry);
    }
    Ok(found)
}

/// One entry, if it is for `key`. The others are not put together, so that inflating costs no more than one proof.
fn decode_compressed_entry<'a>(
    bytes: &'a [u8],
    key: &[u8],
    lookup: &[InnerOp<'a>],
) -> Result<Option<BatchEntry<'a>>, VerifyError> {
    let mut fields = Reader::of("compressed.entries", bytes);
    let entry = match fields.next_number()? {
        Some(1) => {
            let bytes = fields.required(1, "exist")?;
            match key_of(bytes)? == key {
                true => Some(BatchEntry::Exist(decode_compressed_existence(bytes, lookup)?)),
                false => None,
            }
        }
        Some(2) => {
            let bytes = fields.required(2, "nonexist")?;
            match key_of(bytes)? == key {
                true => Some(BatchEntry::Nonexist(decode_compressed_nonexistence(bytes, lookup)?)),
                false => None,
            }
        }
        found => return Err(no_proof("compressed.entries", found)),
    };
    fields.end()?;
    Ok(entry)
}

/// The key of a compressed proof of either kind: its first field.
fn key_of(bytes: &[u8]) -> Result<&[u8], VerifyError> {
    Reader::of("compressed.entries", bytes).bytes(1, "key", WHOLE)
}

fn decode_compressed_existence<'a>(bytes: &'a [u8], lookup: &[InnerOp<'a>]) -> Result<ExistenceProof<'a>, VerifyError> {
    let mut fields = Reader::of("compressed.exist", bytes);
    let key = fields.bytes(1, "key", WHOLE)?;
    let value = fields.bytes(2, "value", WHOLE)?;
    let leaf = fields.optional(3, "leaf", WHOLE)?.map(LeafOp::decode).transpose()?;
    let indices = packed_indices("compressed.exist.path", fields.bytes(4, "path", WHOLE)?, MAX_DEPTH)?;
    fields.end()?;
    let step = |index: usize| {
        let expected = || format!("below {}", lookup.len());
        let step = lookup.get(index).copied();
        step.ok_or_else(|| VerifyError::malformed("compressed.exist.path", expected(), index))
    };
    Ok(ExistenceProof { key, value, leaf, path: indices.into_iter().map(step).collect::<Result<_, _>>()? })
}

fn decode_compressed_nonexistence<'a>(
    bytes: &'a [u8],
    lookup: &[InnerOp<'a>],
) -> Result<NonExistenceProof<'a>, VerifyError> {
    let mut fields = Reader::of("compressed.nonexist", bytes);
    let existence = |bytes| decode_compressed_existence(bytes, lookup);
    let key = fields.bytes(1, "key", WHOLE)?;
    let left = fields.optional(2, "left", WHOLE)?.map(existence).transpose()?;
    let right = fields.optional(3, "right", WHOLE)?.map(existence).transpose()?;
    fields.end()?;
    Ok(NonExistenceProof { key, left, right })
}

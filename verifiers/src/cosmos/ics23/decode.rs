//! Canonical protobuf of `cosmos.ics23.v1`, read in place.

use super::compressed::decode_compressed;
use crate::VerifyError;
use crate::protobuf::{Reader, WHOLE};

/// Most bytes of one encoded commitment proof.
pub const MAX_PROOF_LENGTH: usize = 1 << 20;

/// Most steps from a leaf to the root: an AVL tree of 2^63 leaves is not as high.
pub const MAX_DEPTH: usize = 96;

/// Most entries of a batch.
pub const MAX_ENTRIES: usize = 1024;

/// Tags of a step's fields: 1 an integer, 2 and 3 bytes.
const HASH: u8 = 1 << 3;
const PREFIX: u8 = 2 << 3 | 2;
const SUFFIX: u8 = 3 << 3 | 2;

/// What one proof shows, or many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitmentProof<'a> {
    /// A key has a value.
    Exist(ExistenceProof<'a>),
    /// A key has none.
    Nonexist(NonExistenceProof<'a>),
    /// Some of either.
    Batch(Vec<BatchEntry<'a>>),
}

/// One proof of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchEntry<'a> {
    /// A key has a value.
    Exist(ExistenceProof<'a>),
    /// A key has none.
    Nonexist(NonExistenceProof<'a>),
}

/// A leaf and the way from it to the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistenceProof<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
    /// How the leaf is hashed.
    pub leaf: Option<LeafOp<'a>>,
    /// How each node is hashed, from the leaf's parent to the root.
    pub path: Vec<InnerOp<'a>>,
}

/// The neighbours between which a key would stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NonExistenceProof<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The greatest key below it; `None` if it would be the first.
    pub left: Option<ExistenceProof<'a>>,
    /// The least key above it; `None` if it would be the last.
    pub right: Option<ExistenceProof<'a>>,
}

/// How a leaf is hashed, by the numbers of `HashOp` and `LengthOp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeafOp<'a> {
    /// Of the leaf.
    pub hash: u32,
    /// Of the key, before.
    pub prehash_key: u32,
    /// Of the value, before.
    pub prehash_value: u32,
    /// How lengths are written.
    pub length: u32,
    /// What the preimage begins with.
    pub prefix: &'a [u8],
}

/// How a node is hashed: prefix, child, suffix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InnerOp<'a> {
    /// By the numbers of `HashOp`.
    pub hash: u32,
    /// Before the child.
    pub prefix: &'a [u8],
    /// Behind the child.
    pub suffix: &'a [u8],
}

impl<'a> CommitmentProof<'a> {
    /// Decodes at most [`MAX_PROOF_LENGTH`] bytes. Of a compressed batch only the entry for `key` is put together.
    ///
    /// # Errors
    /// Names the message that does not decode.
    pub fn decode(bytes: &'a [u8], key: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::bounded("proof", bytes, MAX_PROOF_LENGTH)?;
        let proof = match fields.next_number()? {
            Some(1) => Self::Exist(ExistenceProof::decode(fields.required(1, "exist")?)?),
            Some(2) => Self::Nonexist(NonExistenceProof::decode(fields.required(2, "nonexist")?)?),
            Some(3) => Self::Batch(decode_batch(fields.required(3, "batch")?)?),
            Some(4) => Self::Batch(decode_compressed(fields.required(4, "compressed")?, key)?),
            found => return Err(no_proof("proof", found)),
        };
        fields.end()?;
        Ok(proof)
    }

    /// The bytes of a single proof of existence; `None` of anything else.
    pub(super) fn single_existence(bytes: &[u8]) -> Option<&[u8]> {
        let mut fields = Reader::bounded("proof", bytes, MAX_PROOF_LENGTH).ok()?;
        let existence = fields.optional(1, "exist", WHOLE).ok()??;
        fields.end().ok()?;
        Some(existence)
    }

    /// The proof that `key` has a value. In a batch it must be the only one for the key.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn existence(self, key: &[u8]) -> Result<ExistenceProof<'a>, VerifyError> {
        let found = match self {
            Self::Exist(proof) => vec![proof],
            Self::Nonexist(_) => Vec::new(),
            Self::Batch(entries) => entries.into_iter().filter_map(|entry| entry.existence(key)).collect(),
        };
        only(found, "a proof of existence")
    }

    /// The proof that `key` has no value. In a batch it must be the only one for the key.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn absence(self, key: &[u8]) -> Result<NonExistenceProof<'a>, VerifyError> {
        let found = match self {
            Self::Exist(_) => Vec::new(),
            Self::Nonexist(proof) => vec![proof],
            Self::Batch(entries) => entries.into_iter().filter_map(|entry| entry.absence(key)).collect(),
        };
        only(found, "a proof of absence")
    }
}

fn only<T>(found: Vec<T>, expected: &str) -> Result<T, VerifyError> {
    let count = found.len();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(proof), None) => Ok(proof),
        _ => Err(VerifyError::invalid("proof", format!("{expected} of the key"), count)),
    }
}

impl<'a> BatchEntry<'a> {
    fn existence(self, key: &[u8]) -> Option<ExistenceProof<'a>> {
        match self {
            Self::Exist(proof) if proof.key == key => Some(proof),
            _ => None,
        }
    }

    fn absence(self, key: &[u8]) -> Option<NonExistenceProof<'a>> {
        match self {
            Self::Nonexist(proof) if proof.key == key => Some(proof),
            _ => None,
        }
    }
}

impl<'a> ExistenceProof<'a> {
    /// Decodes `cosmos.ics23.v1.ExistenceProof`.
    ///
    /// # Errors
    /// Names the field under `existence`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let (mut proof, mut fields) = Self::decode_leaf(bytes)?;
        while proof.read_step(&mut fields)? {}
        fields.end()?;
        Ok(proof)
    }

    /// What stands before the path; the path is still to be read.
    pub(super) fn decode_leaf(bytes: &'a [u8]) -> Result<(Self, Reader<'a>), VerifyError> {
        let mut fields = Reader::bounded("existence", bytes, MAX_PROOF_LENGTH)?;
        let proof = Self {
            key: fields.bytes(1, "key", WHOLE)?,
            value: fields.bytes(2, "value", WHOLE)?,
            leaf: fields.optional(3, "leaf", WHOLE)?.map(LeafOp::decode).transpose()?,
            path: Vec::new(),
        };
        Ok((proof, fields))
    }

    /// Reads the step that comes behind those that `self.path` has; whether there is one.
    #[inline]
    pub(super) fn read_step(&mut self, fields: &mut Reader<'a>) -> Result<bool, VerifyError> {
        let Some(step) = fields.optional(4, "path", WHOLE)? else { return Ok(false) };
        if self.path.len() >= MAX_DEPTH {
            return Err(VerifyError::malformed("existence.path", format!("at most {MAX_DEPTH}"), "more"));
        }
        // Each way puts its step where it belongs: one that is handed on waits for its parts to be stored.
        match InnerOp::of_short_fields(step) {
            Some(step) => self.path.push(step),
            None => self.path.push(InnerOp::of_any_fields(step)?),
        }
        Ok(true)
    }
}

impl<'a> NonExistenceProof<'a> {
    /// Decodes `cosmos.ics23.v1.NonExistenceProof`.
    ///
    /// # Errors
    /// Names the field under `nonexistence`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::bounded("nonexistence", bytes, MAX_PROOF_LENGTH)?;
        let key = fields.bytes(1, "key", WHOLE)?;
        let left = fields.optional(2, "left", WHOLE)?.map(ExistenceProof::decode).transpose()?;
        let right = fields.optional(3, "right", WHOLE)?.map(ExistenceProof::decode).transpose()?;
        fields.end()?;
        Ok(Self { key, left, right })
    }
}

impl<'a> LeafOp<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("leaf", bytes);
        let leaf = Self {
            hash: fields.unsigned_int32(1, "hash")?,
            prehash_key: fields.unsigned_int32(2, "prehash_key")?,
            prehash_value: fields.unsigned_int32(3, "prehash_value")?,
            length: fields.unsigned_int32(4, "length")?,
            prefix: fields.bytes(5, "prefix", WHOLE)?,
        };
        fields.end()?;
        Ok(leaf)
    }
}

impl<'a> InnerOp<'a> {
    #[inline]
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        match Self::of_short_fields(bytes) {
            Some(step) => Ok(step),
            None => Self::of_any_fields(bytes),
        }
    }

    /// A step as nearly all are: hash and prefix are there, and nothing is longer than 127 bytes. What it returns
    /// [`Self::of_any_fields`] would return too.
    #[inline]
    fn of_short_fields(bytes: &'a [u8]) -> Option<Self> {
        let [HASH, hash @ 1..0x80, PREFIX, length @ 1..0x80, rest @ ..] = bytes else { return None };
        let (prefix, rest) = rest.split_at_checked(usize::from(*length))?;
        let suffix = match rest {
            [] => rest,
            [SUFFIX, length @ 1..0x80, suffix @ ..] if suffix.len() == usize::from(*length) => suffix,
            _ => return None,
        };
        Some(Self { hash: u32::from(*hash), prefix, suffix })
    }

    fn of_any_fields(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("path", bytes);
        let step = Self {
            hash: fields.unsigned_int32(1, "hash")?,
            prefix: fields.bytes(2, "prefix", WHOLE)?,
            suffix: fields.bytes(3, "suffix", WHOLE)?,
        };
        fields.end()?;
        Ok(step)
    }
}

fn decode_batch(bytes: &[u8]) -> Result<Vec<BatchEntry<'_>>, VerifyError> {
    let mut fields = Reader::of("batch", bytes);
    let entries = fields.repeated(1, "entries", MAX_ENTRIES, WHOLE)?;
    fields.end()?;
    entries.into_iter().map(decode_entry).collect()
}

fn decode_entry(bytes: &[u8]) -> Result<BatchEntry<'_>, VerifyError> {
    let mut fields = Reader::of("batch.entries", bytes);
    let entry = match fields.next_number()? {
        Some(1) => BatchEntry::Exist(ExistenceProof::decode(fields.required(1, "exist")?)?),
        Some(2) => BatchEntry::Nonexist(NonExistenceProof::decode(fields.required(2, "nonexist")?)?),
        found => return Err(no_proof("batch.entries", found)),
    };
    fields.end()?;
    Ok(entry)
}

/// The refusal of a choice of proofs in which none was chosen.
pub(super) fn no_proof(message: &str, found: Option<u64>) -> VerifyError {
    let found = found.map_or("nothing".to_owned(), |number| format!("field {number}"));
    VerifyError::malformed(message, "a proof", found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A step's fields, most of them as they should be, some left out, empty, too long or out of order.
    fn step() -> impl Strategy<Value = Vec<u8>> {
        let field = |tag: u8, longest: usize| {
            let bytes = prop::collection::vec(any::<u8>(), 0..longest);
            bytes.prop_map(move |bytes| {
                let mut field = vec![tag];
                crate::protobuf::put_varint(&mut field, bytes.len() as u64);
                [field, bytes].concat()
            })
        };
        let hash = prop_oneof![8 => Just(vec![HASH, 1]), 1 => any::<u8>().prop_map(|hash| vec![HASH, hash]), 1 => Just(vec![])];
        let prefix = prop_oneof![4 => field(PREFIX, 60), 1 => field(PREFIX, 200), 1 => Just(vec![])];
        let suffix = prop_oneof![3 => field(SUFFIX, 60), 1 => field(SUFFIX, 200), 3 => Just(vec![])];
        let odd = prop_oneof![6 => Just(vec![]), 1 => prop::collection::vec(any::<u8>(), 1..3), 1 => field(PREFIX, 20)];
        (hash, prefix, suffix, odd, any::<prop::sample::Index>(), 0..8_u8).prop_map(
            |(hash, prefix, suffix, odd, place, cut)| {
                let mut bytes = [hash, prefix, suffix, odd].concat();
                if cut == 0 && !bytes.is_empty() {
                    bytes.truncate(place.index(bytes.len()));
                }
                bytes
            },
        )
    }

    proptest! {
        #[test]
        fn a_step_is_the_same_however_it_is_read(bytes in step()) {
            let slowly = InnerOp::of_any_fields(&bytes);
            if let Some(step) = InnerOp::of_short_fields(&bytes) {
                prop_assert_eq!(slowly.as_ref(), Ok(&step));
            }
            prop_assert_eq!(InnerOp::decode(&bytes), slowly);
        }

        #[test]
        fn any_bytes_are_one_step_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(InnerOp::decode(&bytes), InnerOp::of_any_fields(&bytes));
        }
    }

    #[test]
    fn steps_as_nodes_write_them_are_read_the_short_way() {
        let (left, right) = ([&[8, 1, 18, 2, 4, 5, 26, 3][..], &[7; 3]].concat(), [8, 1, 18, 2, 4, 5]);
        assert!(InnerOp::of_short_fields(&left).is_some_and(|step| step.suffix == [7; 3] && step.prefix == [4, 5]));
        assert!(InnerOp::of_short_fields(&right).is_some_and(|step| step.suffix.is_empty()));
    }
}

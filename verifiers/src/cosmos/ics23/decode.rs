//! Canonical protobuf of `cosmos.ics23.v1`, read in place.

use crate::VerifyError;
use crate::cosmos::wire::{Fields, packed_indices};

/// Most bytes of one encoded commitment proof.
pub const MAX_PROOF_LENGTH: usize = 1 << 20;

/// Most steps from a leaf to the root: an AVL tree of 2^63 leaves is not as high.
pub const MAX_DEPTH: usize = 96;

/// Most entries of a batch.
pub const MAX_ENTRIES: usize = 1024;

/// Most shared steps of a compressed batch.
const MAX_LOOKUP: usize = 1 << 14;

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
        let mut fields = Fields::bounded("proof", bytes, MAX_PROOF_LENGTH)?;
        let proof = match fields.next()? {
            Some(field) => match field.number {
                1 => Self::Exist(ExistenceProof::decode(field.message("exist")?)?),
                2 => Self::Nonexist(NonExistenceProof::decode(field.message("nonexist")?)?),
                3 => Self::Batch(decode_batch(field.message("batch")?)?),
                4 => Self::Batch(decode_compressed(field.message("compressed")?, key)?),
                _ => return Err(field.unknown()),
            },
            None => return Err(VerifyError::malformed("proof", "a proof", "nothing")),
        };
        match fields.next()? {
            Some(_) => Err(VerifyError::malformed("proof", "one proof", "another")),
            None => Ok(proof),
        }
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
        let mut fields = Fields::bounded("existence", bytes, MAX_PROOF_LENGTH)?;
        let mut proof = Self::default();
        while let Some(field) = fields.next()? {
            match field.number {
                1 => proof.key = field.bytes("key")?,
                2 => proof.value = field.bytes("value")?,
                3 => proof.leaf = Some(LeafOp::decode(field.message("leaf")?)?),
                4 if proof.path.len() < MAX_DEPTH => proof.path.push(InnerOp::decode(field.each("path")?)?),
                4 => return Err(VerifyError::malformed("existence.path", format!("at most {MAX_DEPTH}"), "more")),
                _ => return Err(field.unknown()),
            }
        }
        Ok(proof)
    }
}

impl<'a> NonExistenceProof<'a> {
    /// Decodes `cosmos.ics23.v1.NonExistenceProof`.
    ///
    /// # Errors
    /// Names the field under `nonexistence`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = Fields::bounded("nonexistence", bytes, MAX_PROOF_LENGTH)?;
        let mut proof = Self::default();
        while let Some(field) = fields.next()? {
            match field.number {
                1 => proof.key = field.bytes("key")?,
                2 => proof.left = Some(ExistenceProof::decode(field.message("left")?)?),
                3 => proof.right = Some(ExistenceProof::decode(field.message("right")?)?),
                _ => return Err(field.unknown()),
            }
        }
        Ok(proof)
    }
}

impl<'a> LeafOp<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = Fields::new("leaf", bytes);
        let mut leaf = Self::default();
        while let Some(field) = fields.next()? {
            match field.number {
                1 => leaf.hash = field.unsigned_int32("hash")?,
                2 => leaf.prehash_key = field.unsigned_int32("prehash_key")?,
                3 => leaf.prehash_value = field.unsigned_int32("prehash_value")?,
                4 => leaf.length = field.unsigned_int32("length")?,
                5 => leaf.prefix = field.bytes("prefix")?,
                _ => return Err(field.unknown()),
            }
        }
        Ok(leaf)
    }
}

impl<'a> InnerOp<'a> {
    fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut fields = Fields::new("path", bytes);
        let mut step = Self::default();
        while let Some(field) = fields.next()? {
            match field.number {
                1 => step.hash = field.unsigned_int32("hash")?,
                2 => step.prefix = field.bytes("prefix")?,
                3 => step.suffix = field.bytes("suffix")?,
                _ => return Err(field.unknown()),
            }
        }
        Ok(step)
    }
}

fn decode_batch(bytes: &[u8]) -> Result<Vec<BatchEntry<'_>>, VerifyError> {
    let mut fields = Fields::new("batch", bytes);
    let mut entries = Vec::new();
    while let Some(field) = fields.next()? {
        match field.number {
            1 if entries.len() < MAX_ENTRIES => entries.push(decode_entry(field.each("entries")?)?),
            1 => return Err(VerifyError::malformed("batch.entries", format!("at most {MAX_ENTRIES}"), "more")),
            _ => return Err(field.unknown()),
        }
    }
    Ok(entries)
}

fn decode_entry(bytes: &[u8]) -> Result<BatchEntry<'_>, VerifyError> {
    let mut fields = Fields::new("batch.entries", bytes);
    let entry = match fields.next()? {
        Some(field) if field.number == 1 => BatchEntry::Exist(ExistenceProof::decode(field.message("exist")?)?),
        Some(field) if field.number == 2 => {
            BatchEntry::Nonexist(NonExistenceProof::decode(field.message("nonexist")?)?)
        }
        Some(field) => return Err(field.unknown()),
        None => return Err(VerifyError::malformed("batch.entries", "a proof", "nothing")),
    };
    match fields.next()? {
        Some(_) => Err(VerifyError::malformed("batch.entries", "one proof", "another")),
        None => Ok(entry),
    }
}

/// The entries of a compressed batch that are for `key`, with their steps looked up.
fn decode_compressed<'a>(bytes: &'a [u8], key: &[u8]) -> Result<Vec<BatchEntry<'a>>, VerifyError> {
    let mut fields = Fields::new("compressed", bytes);
    let mut entries = Vec::new();
    let mut lookup = Vec::new();
    while let Some(field) = fields.next()? {
        match field.number {
            1 if entries.len() < MAX_ENTRIES => entries.push(field.each("entries")?),
            1 => return Err(VerifyError::malformed("compressed.entries", format!("at most {MAX_ENTRIES}"), "more")),
            2 if lookup.len() < MAX_LOOKUP => lookup.push(InnerOp::decode(field.each("lookup_inners")?)?),
            2 => {
                return Err(VerifyError::malformed(
                    "compressed.lookup_inners",
                    format!("at most {MAX_LOOKUP}"),
                    "more",
                ));
            }
            _ => return Err(field.unknown()),
        }
    }
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
    let mut fields = Fields::new("compressed.entries", bytes);
    let entry = match fields.next()? {
        Some(field) if field.number == 1 => {
            let bytes = field.message("exist")?;
            match key_of(bytes)? == key {
                true => Some(BatchEntry::Exist(decode_compressed_existence(bytes, lookup)?)),
                false => None,
            }
        }
        Some(field) if field.number == 2 => {
            let bytes = field.message("nonexist")?;
            match key_of(bytes)? == key {
                true => Some(BatchEntry::Nonexist(decode_compressed_nonexistence(bytes, lookup)?)),
                false => None,
            }
        }
        Some(field) => return Err(field.unknown()),
        None => return Err(VerifyError::malformed("compressed.entries", "a proof", "nothing")),
    };
    match fields.next()? {
        Some(_) => Err(VerifyError::malformed("compressed.entries", "one proof", "another")),
        None => Ok(entry),
    }
}

/// The key of a compressed proof of either kind: its first field.
fn key_of(bytes: &[u8]) -> Result<&[u8], VerifyError> {
    match Fields::new("compressed.entries", bytes).next()? {
        Some(field) if field.number == 1 => field.bytes("key"),
        _ => Ok(&[]),
    }
}

fn decode_compressed_existence<'a>(bytes: &'a [u8], lookup: &[InnerOp<'a>]) -> Result<ExistenceProof<'a>, VerifyError> {
    let mut fields = Fields::new("compressed.exist", bytes);
    let mut proof = ExistenceProof::default();
    while let Some(field) = fields.next()? {
        match field.number {
            1 => proof.key = field.bytes("key")?,
            2 => proof.value = field.bytes("value")?,
            3 => proof.leaf = Some(LeafOp::decode(field.message("leaf")?)?),
            4 => {
                for index in packed_indices("compressed.exist.path", field.bytes("path")?, MAX_DEPTH)? {
                    let expected = || format!("below {}", lookup.len());
                    let step = lookup.get(index);
                    let step =
                        step.ok_or_else(|| VerifyError::malformed("compressed.exist.path", expected(), index))?;
                    proof.path.push(*step);
                }
            }
            _ => return Err(field.unknown()),
        }
    }
    Ok(proof)
}

fn decode_compressed_nonexistence<'a>(
    bytes: &'a [u8],
    lookup: &[InnerOp<'a>],
) -> Result<NonExistenceProof<'a>, VerifyError> {
    let mut fields = Fields::new("compressed.nonexist", bytes);
    let mut proof = NonExistenceProof::default();
    while let Some(field) = fields.next()? {
        match field.number {
            1 => proof.key = field.bytes("key")?,
            2 => proof.left = Some(decode_compressed_existence(field.message("left")?, lookup)?),
            3 => proof.right = Some(decode_compressed_existence(field.message("right")?, lookup)?),
            _ => return Err(field.unknown()),
        }
    }
    Ok(proof)
}

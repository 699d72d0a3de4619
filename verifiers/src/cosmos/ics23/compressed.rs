//! Compressed batches: steps that proofs share stand once, and are looked up by number.
//!
//! One batch has one compressed form, the one that the reference writes (`Compress` of cosmos/ics23): every step that
//! its entries name stands in the lookup, once, in the order in which they name them first, and no other does. So that
//! this can be told, all entries are read, whichever key is asked for.

use super::decode::{BatchEntry, ExistenceProof, InnerOp, LeafOp, MAX_DEPTH, MAX_ENTRIES, NonExistenceProof, no_proof};
use crate::VerifyError;
use crate::protobuf::{Reader, WHOLE, packed_indices};

/// Most shared steps of a compressed batch.
const MAX_LOOKUP: usize = 1 << 14;

/// The entries of a compressed batch that are for `key`, with their steps looked up. The others are not put together,
/// so that inflating costs no more than one proof.
pub(super) fn decode_compressed<'a>(bytes: &'a [u8], key: &[u8]) -> Result<Vec<BatchEntry<'a>>, VerifyError> {
    let mut fields = Reader::of("compressed", bytes);
    let entries = fields.repeated(1, "entries", MAX_ENTRIES, WHOLE)?;
    let lookup = fields.repeated(2, "lookup_inners", MAX_LOOKUP, WHOLE)?;
    fields.end()?;
    let mut lookup = Lookup::decode(lookup)?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = Entry::decode(entry, &mut lookup)?;
        if entry.key() == key {
            found.push(entry.inflate(&lookup.steps));
        }
    }
    lookup.require_all_named()?;
    Ok(found)
}

/// The steps that entries share, and how many of them were named so far.
struct Lookup<'a> {
    steps: Vec<InnerOp<'a>>,
    named: usize,
}

impl<'a> Lookup<'a> {
    fn decode(encoded: Vec<&'a [u8]>) -> Result<Self, VerifyError> {
        let steps = encoded.iter().map(|step| InnerOp::decode(step)).collect::<Result<_, _>>()?;
        // One step has one encoding.
        let mut sorted = encoded;
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| matches!(pair, [one, next] if one == next)) {
            return Err(VerifyError::malformed("compressed.lookup_inners", "each step once", "one twice"));
        }
        Ok(Self { steps, named: 0 })
    }

    /// Takes note that the step at `index` is named: one that was, or the next.
    fn name(&mut self, index: usize) -> Result<(), VerifyError> {
        if index > self.named || index >= self.steps.len() {
            let expected = format!("steps in the order of their first use, below {}", self.steps.len());
            return Err(VerifyError::malformed("compressed.exist.path", expected, index));
        }
        if index == self.named {
            self.named = self.named.saturating_add(1);
        }
        Ok(())
    }

    fn require_all_named(&self) -> Result<(), VerifyError> {
        if self.named == self.steps.len() {
            return Ok(());
        }
        let expected = format!("the {} steps that entries name", self.named);
        Err(VerifyError::malformed("compressed.lookup_inners", expected, self.steps.len()))
    }
}

/// One entry as it stands.
enum Entry<'a> {
    Exist(Existence<'a>),
    Nonexist(NonExistence<'a>),
}

impl<'a> Entry<'a> {
    fn decode(bytes: &'a [u8], lookup: &mut Lookup<'a>) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("compressed.entries", bytes);
        let entry = match fields.next_number()? {
            Some(1) => Self::Exist(Existence::decode(fields.required(1, "exist")?, lookup)?),
            Some(2) => Self::Nonexist(NonExistence::decode(fields.required(2, "nonexist")?, lookup)?),
            found => return Err(no_proof("compressed.entries", found)),
        };
        fields.end()?;
        Ok(entry)
    }

    fn key(&self) -> &'a [u8] {
        match self {
            Self::Exist(proof) => proof.key,
            Self::Nonexist(proof) => proof.key,
        }
    }

    fn inflate(self, steps: &[InnerOp<'a>]) -> BatchEntry<'a> {
        match self {
            Self::Exist(proof) => BatchEntry::Exist(proof.inflate(steps)),
            Self::Nonexist(NonExistence { key, left, right }) => {
                let [left, right] = [left, right].map(|side| side.map(|side| side.inflate(steps)));
                BatchEntry::Nonexist(NonExistenceProof { key, left, right })
            }
        }
    }
}

/// A leaf, and the places of the steps that lead from it to the root.
struct Existence<'a> {
    key: &'a [u8],
    value: &'a [u8],
    leaf: Option<LeafOp<'a>>,
    path: Vec<usize>,
}

impl<'a> Existence<'a> {
    fn decode(bytes: &'a [u8], lookup: &mut Lookup<'a>) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("compressed.exist", bytes);
        let key = fields.bytes(1, "key", WHOLE)?;
        let value = fields.bytes(2, "value", WHOLE)?;
        let leaf = fields.optional(3, "leaf", WHOLE)?.map(LeafOp::decode).transpose()?;
        let path = packed_indices("compressed.exist.path", fields.bytes(4, "path", WHOLE)?, MAX_DEPTH)?;
        fields.end()?;
        path.iter().try_for_each(|index| lookup.name(*index))?;
        Ok(Self { key, value, leaf, path })
    }

    /// With its steps, each of which was there when it was named.
    fn inflate(self, steps: &[InnerOp<'a>]) -> ExistenceProof<'a> {
        let path = self.path.iter().filter_map(|index| steps.get(*index).copied()).collect();
        ExistenceProof { key: self.key, value: self.value, leaf: self.leaf, path }
    }
}

/// The neighbours of a key that is not there.
struct NonExistence<'a> {
    key: &'a [u8],
    left: Option<Existence<'a>>,
    right: Option<Existence<'a>>,
}

impl<'a> NonExistence<'a> {
    fn decode(bytes: &'a [u8], lookup: &mut Lookup<'a>) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("compressed.nonexist", bytes);
        let key = fields.bytes(1, "key", WHOLE)?;
        let left = fields.optional(2, "left", WHOLE)?;
        let right = fields.optional(3, "right", WHOLE)?;
        fields.end()?;
        let mut side = |bytes: Option<&'a [u8]>| bytes.map(|bytes| Existence::decode(bytes, lookup)).transpose();
        Ok(Self { key, left: side(left)?, right: side(right)? })
    }
}

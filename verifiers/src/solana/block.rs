//! From data shreds to a batch of entries under a block id.
//!
//! A batch is proven only whole: from the shred after one that ends a batch (or the block's first) to the next that ends
//! one. Without the shred before, a reader could be led to begin in the middle, where a sender of transactions chooses
//! the bytes, and to read entries that no validator ever did.
//!
//! A root says nothing of how many shreds are under it. A leader could put other data shreds where coding shreds belong,
//! or at another depth, and show validators none of them: so only what they take for a data shred is one here, in a
//! set of 32 (SIMD-0317; Agave `ledger/src/shred/filter.rs`, `check_fixed_fec_set`).

use alloy_primitives::{B256, Bytes};

use super::evidence::{BlockPath, ShredProof};
use super::merkle::{DoubleTree, double_roots};
use super::shred::{Body, MAX_SHREDS_PER_SLOT, Shred};
use super::trusted::Consensus;
use crate::VerifyError;

/// Data shreds in each FEC set, and as many coding shreds.
pub(super) const SHREDS_PER_SET: u32 = 32;
/// Depth of its tree.
const SET_DEPTH: usize = 6;
const MAX_SETS: usize = 1_024;

/// A batch that stands in the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// The bytes of its entries, or of a marker.
    pub(super) payload: Vec<u8>,
    /// Whether it ends the block.
    pub(super) ends_slot: bool,
    /// Index of its first data shred.
    pub(super) first: u32,
    /// Index of the data shred after its last.
    pub(super) next: u32,
}

/// Which block is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockOf {
    pub(super) slot: u64,
    pub(super) block_id: B256,
    pub(super) shred_version: u16,
    /// Whether the id is that of Alpenglow.
    pub(super) is_double: bool,
}

impl ShredProof {
    /// The proof of one batch of a block of TowerBFT, counted from 0, out of all the block's data shreds in order: for
    /// whoever builds evidence. Whether they are a block is checked where the proof is.
    ///
    /// # Errors
    /// Names `shreds[i]` when one does not parse, `batch` when there are fewer.
    pub fn of_block(shreds: &[Bytes], batch: usize) -> Result<Self, VerifyError> {
        let slices: Vec<&[u8]> = shreds.iter().map(AsRef::as_ref).collect();
        let (mut ends, mut sets) = (Vec::new(), Vec::new());
        for (place, shred) in Shred::parse_each(&slices).into_iter().enumerate() {
            let shred = shred.map_err(|error| error.within(&format!("shreds[{place}]")))?;
            if matches!(shred.body, Body::Data { ends_batch: true, .. }) {
                ends.push(place);
            }
            sets.push(shred.fec_set_index);
        }
        let before = batch.checked_sub(1).and_then(|before| ends.get(before)).copied();
        let first = before.map_or(0, |before| before.saturating_add(1));
        let Some(last) = ends.get(batch).copied().filter(|_| batch == 0 || before.is_some()) else {
            return Err(VerifyError::invalid("batch", format!("below {}", ends.len()), batch));
        };
        let mut current = sets.get(last).copied();
        let mut tail = Vec::new();
        for (shred, set) in shreds.iter().zip(&sets).skip(last) {
            if current != Some(*set) {
                current = Some(*set);
                tail.push(shred.clone());
            }
        }
        Ok(Self {
            before: before.and_then(|before| shreds.get(before)).cloned(),
            batch: shreds.get(first..=last).unwrap_or_default().to_vec(),
            block: BlockPath::Chained { tail },
        })
    }

    /// Checks that the shreds are a whole batch of the block that `block_id` names, and returns the bytes of its entries
    /// or its marker. Which id the slot's block has, the caller knows from elsewhere.
    ///
    /// # Errors
    /// Names `before`, `batch[i]`, `block.tail[i]`, `block` or `block_id`.
    pub fn payload(
        &self,
        slot: u64,
        block_id: B256,
        shred_version: u16,
        consensus: Consensus,
    ) -> Result<Vec<u8>, VerifyError> {
        let is_double = consensus == Consensus::Alpenglow;
        self.check(&BlockOf { slot, block_id, shred_version, is_double }).map(|batch| batch.payload)
    }

    /// Checks that the shreds are a whole batch of the block, and returns it.
    ///
    /// # Errors
    /// Names `before`, `batch[i]`, `block.tail[i]`, `block` or `block_id`.
    pub(super) fn check(&self, block: &BlockOf) -> Result<Batch, VerifyError> {
        let id = || double_roots(self.block.tree().as_slice()).pop().flatten();
        self.check_parsed(block, Shred::parse_each(&self.shreds(block)?), id)
    }

    /// The bytes of its shreds in order, when they are within limits and lead to the id in the block's way.
    pub(super) fn shreds(&self, block: &BlockOf) -> Result<Vec<&[u8]>, VerifyError> {
        let tail: &[Bytes] = match &self.block {
            BlockPath::Chained { tail } if !block.is_double => tail,
            BlockPath::DoubleMerkle { .. } if block.is_double => &[],
            path => {
                let expected = if block.is_double { "double_merkle" } else { "chained" };
                return Err(VerifyError::invalid("block", expected, path.kind()));
            }
        };
        let limit = usize::try_from(MAX_SHREDS_PER_SLOT).unwrap_or(usize::MAX);
        if self.batch.is_empty() || self.batch.len() > limit || tail.len() > limit {
            let found = format!("{} and {}", self.batch.len(), tail.len());
            return Err(VerifyError::malformed("batch", format!("1 to {limit} shreds"), found));
        }
        Ok(self.before.iter().chain(&self.batch).chain(tail).map(AsRef::as_ref).collect())
    }

    /// [`ShredProof::check`] once [`ShredProof::shreds`] are parsed. `double_id` is that of [`BlockPath::tree`].
    pub(super) fn check_parsed(
        &self,
        block: &BlockOf,
        shreds: Vec<Result<Shred<'_>, VerifyError>>,
        double_id: impl FnOnce() -> Option<B256>,
    ) -> Result<Batch, VerifyError> {
        let name = |place: usize| self.name(place);
        let mut pieces = Vec::with_capacity(shreds.len());
        for (place, shred) in shreds.into_iter().enumerate() {
            let piece = shred.and_then(|shred| Piece::of(shred, block));
            pieces.push(piece.map_err(|error| error.within(&name(place)))?);
        }
        let of_batch = self.before.iter().len().saturating_add(self.batch.len());
        let (pieces, tail) = pieces.split_at_checked(of_batch).unwrap_or_default();
        check_run(pieces, self.before.is_some()).map_err(|(place, error)| error.within(&name(place)))?;
        match &self.block {
            BlockPath::Chained { .. } => check_chain(pieces, tail, block)
                .map_err(|(place, error)| if error.field == "block_id" { error } else { error.within(&name(place)) })?,
            BlockPath::DoubleMerkle { parent_slot, fec_set_roots, .. } => {
                check_parent(*parent_slot, block.slot)?;
                check_tree(pieces, fec_set_roots).map_err(|(place, error)| error.within(&name(place)))?;
                let found = double_id();
                if found != Some(block.block_id) {
                    return Err(VerifyError::invalid("block_id", block.block_id, format!("{found:?}")));
                }
            }
        }
        let batch = pieces.get(usize::from(self.before.is_some())..).unwrap_or_default();
        Ok(Batch {
            payload: batch.iter().flat_map(|piece| piece.data).copied().collect(),
            ends_slot: batch.last().is_some_and(|piece| piece.ends_slot),
            first: batch.first().map(|piece| piece.shred.index).unwrap_or_default(),
            next: batch.last().map(|piece| piece.shred.index.saturating_add(1)).unwrap_or_default(),
        })
    }

    /// The field of the shred at a place among all of them.
    fn name(&self, place: usize) -> String {
        let Some(place) = place.checked_sub(self.before.iter().len()) else { return "before".to_owned() };
        match place.checked_sub(self.batch.len()) {
            None => format!("batch[{place}]"),
            Some(place) => format!("block.tail[{place}]"),
        }
    }
}

impl BlockPath {
    /// What the id of an Alpenglow block is the root of, if there are as many sets as a block may have.
    pub(super) fn tree(&self) -> Option<DoubleTree<'_>> {
        match self {
            Self::DoubleMerkle { parent_slot, parent_block_id, fec_set_roots } if fec_set_roots.len() <= MAX_SETS => {
                Some((fec_set_roots, *parent_slot, *parent_block_id))
            }
            _ => None,
        }
    }

    /// As it is spelled in JSON.
    fn kind(&self) -> &'static str {
        match self {
            Self::Chained { .. } => "chained",
            Self::DoubleMerkle { .. } => "double_merkle",
        }
    }
}

/// A data shred of the block.
pub(super) struct Piece<'a> {
    pub(super) shred: Shred<'a>,
    pub(super) ends_batch: bool,
    ends_slot: bool,
    pub(super) data: &'a [u8],
}

impl<'a> Piece<'a> {
    pub(super) fn of(shred: Shred<'a>, block: &BlockOf) -> Result<Self, VerifyError> {
        if shred.slot != block.slot {
            return Err(VerifyError::invalid("slot", block.slot, shred.slot));
        }
        if shred.version != block.shred_version {
            return Err(VerifyError::invalid("version", block.shred_version, shred.version));
        }
        let Body::Data { ends_batch, ends_slot, data, .. } = shred.body else {
            return Err(VerifyError::invalid("variant", "a data shred", "a coding shred"));
        };
        check_place(&shred, ends_slot)?;
        Ok(Self { shred, ends_batch, ends_slot, data })
    }
}

/// Each of a set's data shreds has one place in its tree, among the first 32 of 64; the block ends with a whole set.
fn check_place(shred: &Shred<'_>, ends_slot: bool) -> Result<(), VerifyError> {
    let Shred { index, fec_set_index, depth, .. } = *shred;
    let last = fec_set_index.saturating_add(SHREDS_PER_SET).saturating_sub(1);
    if fec_set_index.checked_rem(SHREDS_PER_SET) != Some(0) || index > last {
        let expected = format!("a set of {SHREDS_PER_SET} that holds {index}");
        return Err(VerifyError::invalid("fec_set_index", expected, fec_set_index));
    }
    if depth != SET_DEPTH {
        return Err(VerifyError::invalid("variant", format!("a proof of {SET_DEPTH} entries"), depth));
    }
    if ends_slot && index != last {
        return Err(VerifyError::invalid("flags", "the end of the block at the end of a set", index));
    }
    Ok(())
}

/// What is wrong, and at which place.
pub(super) type At = (usize, VerifyError);

/// One shred follows the other; batches end right before the first of this batch, at its last, and nowhere else.
fn check_run(pieces: &[Piece<'_>], has_before: bool) -> Result<(), At> {
    let mut next = if has_before { None } else { Some(0) };
    let last = pieces.len().saturating_sub(1);
    for (place, piece) in pieces.iter().enumerate() {
        let index = piece.shred.index;
        if let Some(next) = next.filter(|next| *next != index) {
            return Err((place, VerifyError::invalid("index", next, index)));
        }
        let must_end = place == last || (has_before && place == 0);
        if piece.ends_batch != must_end {
            let (expected, found) =
                if must_end { ("the end of a batch", "none") } else { ("no end of a batch", "one") };
            return Err((place, VerifyError::invalid("flags", expected, found)));
        }
        next = index.checked_add(1);
    }
    Ok(())
}

/// Within a set the roots agree; the next set carries the root of the one before; the last root is the block id. Each
/// shred of the tail is the first of its set: any would do, and one proof has one form.
fn check_chain(pieces: &[Piece<'_>], tail: &[Piece<'_>], block: &BlockOf) -> Result<(), At> {
    let mut current: Option<&Shred<'_>> = None;
    for (place, piece) in pieces.iter().chain(tail).enumerate() {
        let shred = &piece.shred;
        if let Some(before) = current {
            let is_same = shred.fec_set_index == before.fec_set_index;
            if is_same && (shred.root != before.root || shred.chained_root != before.chained_root) {
                return Err((place, VerifyError::invalid("root", before.root, shred.root)));
            }
            if !is_same && (shred.chained_root != Some(before.root) || shred.fec_set_index < before.fec_set_index) {
                let found = format!("{:?}", shred.chained_root);
                return Err((place, VerifyError::invalid("chained_root", before.root, found)));
            }
            if is_same && place >= pieces.len() {
                return Err((place, VerifyError::invalid("fec_set_index", "a later set", shred.fec_set_index)));
            }
        }
        if place >= pieces.len() && shred.index != shred.fec_set_index {
            return Err((place, VerifyError::invalid("index", shred.fec_set_index, shred.index)));
        }
        current = Some(shred);
    }
    match current {
        Some(last) if last.root == block.block_id => Ok(()),
        last => {
            let found = last.map(|shred| shred.root).unwrap_or_default();
            Err((0, VerifyError::invalid("block_id", block.block_id, found)))
        }
    }
}

fn check_parent(parent_slot: u64, slot: u64) -> Result<(), VerifyError> {
    if parent_slot < slot {
        return Ok(());
    }
    Err(VerifyError::invalid("block.parent_slot", format!("below {slot}"), parent_slot))
}

/// Each shred's root is the one that the tree has for its set.
pub(super) fn check_tree(pieces: &[Piece<'_>], roots: &[B256]) -> Result<(), At> {
    if roots.is_empty() || roots.len() > MAX_SETS {
        return Err((0, VerifyError::malformed("fec_set_roots", format!("1 to {MAX_SETS}"), roots.len())));
    }
    for (place, piece) in pieces.iter().enumerate() {
        let index = piece.shred.fec_set_index;
        let set = index.checked_div(SHREDS_PER_SET).and_then(|set| usize::try_from(set).ok());
        let expected = set.and_then(|set| roots.get(set));
        if expected != Some(&piece.shred.root) {
            let expected = format!("{expected:?}, the root of set {set:?}");
            return Err((place, VerifyError::invalid("root", expected, piece.shred.root)));
        }
    }
    Ok(())
}

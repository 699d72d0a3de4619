//! Whether nodes read a batch of an Alpenglow block, or abandon it.
//!
//! Source: SIMD-0337, Agave `ledger/src/blockstore.rs` (`ParentInfo`), `runtime/src/block_component_processor.rs`. A block
//! begins with a header that names its parent. Under fast leader handover one `UpdateParent` may name another block in its
//! place, where a FEC set begins after the end of a batch: what is before that is in the block and is executed by nobody.
//! The block id binds the parent that counts. Where the header names that one, there is no `UpdateParent`, since nodes
//! refuse one that names the header's parent; where `UpdateParent` names it, only what follows counts.

use super::block::{At, BlockOf, Piece, SHREDS_PER_SET, check_tree};
use super::certificate::BlockName;
use super::evidence::{BlockPath, Inclusion};
use super::marker::{HEADER, UPDATE_PARENT, parent};
use super::shred::Shred;
use super::trusted::Consensus;
use crate::VerifyError;

/// Most shreds that name a parent.
const MOST_SHREDS: usize = 2;

impl BlockPath {
    /// Under which rules block ids are bound so.
    pub(super) fn consensus(&self) -> Consensus {
        match self {
            Self::Chained { .. } => Consensus::Tower,
            Self::DoubleMerkle { .. } => Consensus::Alpenglow,
        }
    }
}

impl Inclusion {
    /// The shreds that name the parent, as many of them as are looked at.
    pub(super) fn parents(&self) -> impl Iterator<Item = &[u8]> {
        self.parent.iter().take(MOST_SHREDS).map(|shred| &shred[..])
    }

    /// Whether nodes read the batch whose first shred is `first`, which the inclusion's shreds prove to stand in the block.
    ///
    /// # Errors
    /// Names `parent`, `parent[i]`, or `shreds` when the batch is abandoned.
    pub(super) fn check_parent<'a>(
        &'a self,
        first: u32,
        block: &BlockOf,
        parse: impl Fn(&'a [u8]) -> Result<Shred<'a>, VerifyError>,
    ) -> Result<(), VerifyError> {
        let BlockPath::DoubleMerkle { parent_slot, parent_block_id, fec_set_roots } = &self.shreds.block else {
            return match self.parent.len() {
                0 => Ok(()),
                more => Err(VerifyError::invalid("parent", "no shreds under TowerBFT", more)),
            };
        };
        let within = |(place, error): At| error.within(&format!("parent[{place}]"));
        if self.parent.len() > MOST_SHREDS {
            let expected = format!("at most {MOST_SHREDS} shreds");
            return Err(VerifyError::invalid("parent", expected, self.parent.len()));
        }
        let mut pieces = Vec::with_capacity(self.parent.len());
        for (place, bytes) in self.parents().enumerate() {
            let piece = parse(bytes).and_then(|shred| Piece::of(shred, block));
            pieces.push(piece.map_err(|error| within((place, error)))?);
        }
        check_tree(&pieces, fec_set_roots).map_err(within)?;
        let (place, marker, variant) = marker_of(&pieces)?;
        let (begins, found) = (marker.shred.index, parent(marker.data, variant));
        let found = found.map_err(|error| within((place, error)))?;
        let expected = BlockName { slot: *parent_slot, block_id: *parent_block_id };
        if found != expected {
            return Err(VerifyError::invalid("parent", format!("{expected:?}"), format!("{found:?}")));
        }
        if first < begins {
            let expected = format!("a batch after UpdateParent in shred {begins}");
            return Err(VerifyError::invalid("shreds", expected, format!("one from shred {first}")));
        }
        Ok(())
    }
}

/// Which of the shreds begins with the marker that names the parent, and the marker's variant.
fn marker_of<'a, 'b>(pieces: &'b [Piece<'a>]) -> Result<(usize, &'b Piece<'a>, u8), VerifyError> {
    match pieces {
        [first] if first.shred.index == 0 => Ok((0, first, HEADER)),
        [before, next] if before.ends_batch && is_next_set(&before.shred, &next.shred) => Ok((1, next, UPDATE_PARENT)),
        _ => {
            let found: Vec<u32> = pieces.iter().map(|piece| piece.shred.index).collect();
            let expected = "the block's first shred, or one that ends a batch and the next set's first";
            Err(VerifyError::invalid("parent", expected, format!("{found:?}")))
        }
    }
}

fn is_next_set(before: &Shred<'_>, next: &Shred<'_>) -> bool {
    before.index.checked_add(1) == Some(next.index) && next.index.checked_rem(SHREDS_PER_SET) == Some(0)
}

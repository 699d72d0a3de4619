//! How a block of Alpenglow ends: with its footer, and one tick after it.
//!
//! Source: Agave `runtime/src/block_component_processor.rs` (`BlockComponentStage`): a block is a header, entries, a footer
//! and a tick of one hash, each a batch of its own, and nothing follows the tick. Where `UpdateParent` abandons a part of
//! the block, its leader may have put another footer there, which no node reads: the one right before the tick counts.

use super::block::BlockOf;
use super::entry::decode_entries;
use super::evidence::FinalUpdate;
use super::marker::Footer;
use crate::VerifyError;

/// Hashes of the tick.
const TICK_HASHES: u64 = 1;

impl FinalUpdate {
    /// The footer of the block that `block` names, if that ends with it.
    ///
    /// # Errors
    /// Names `footer` or `tick`.
    pub(super) fn ending(&self, block: &BlockOf) -> Result<Footer, VerifyError> {
        let footer = self.footer.check(block).map_err(|error| error.within("footer"))?;
        let tick = self.tick.check(block).map_err(|error| error.within("tick"))?;
        if !tick.ends_slot {
            let found = format!("one from shred {} to before {}, which does not", tick.first, tick.next);
            return Err(VerifyError::invalid("tick", "the batch that ends the block", found));
        }
        if footer.next != tick.first {
            let expected = format!("the batch before the tick, up to shred {}", tick.first);
            return Err(VerifyError::invalid("footer", expected, footer.next));
        }
        require_tick(&tick.payload).map_err(|error| error.within("tick"))?;
        Footer::decode(&footer.payload)
    }
}

fn require_tick(payload: &[u8]) -> Result<(), VerifyError> {
    let entries = decode_entries(payload)?;
    match entries.as_slice() {
        [tick] if tick.num_hashes == TICK_HASHES && tick.transactions.is_empty() => Ok(()),
        [entry] => {
            let found = format!("{} of {} hashes", entry.transactions.len(), entry.num_hashes);
            Err(VerifyError::invalid("entries", format!("no transaction, {TICK_HASHES} hash"), found))
        }
        more => Err(VerifyError::invalid("entries", "one tick", more.len())),
    }
}

//! A batch cut down to what a quorum has seen.

use spandrel_verifiers::follow::{ChainEvent, Cursor, ReadBatch};

use super::vote::Claim;

/// Keeps of `batch` what stands at or below `height`, or was agreed on before.
///
/// A final block is moved down by as much as the head: what is final by its depth is as deep below the new head as it was
/// below the old one. Without agreement on it there is none yet; the next read says it again.
pub(super) fn to(cursor: &Cursor, claim: &Claim, batch: ReadBatch, height: u64, is_final_agreed: bool) -> ReadBatch {
    let height = height.max(claim.base);
    let removed = claim.blocks.last().map_or(0, |top| top.height.saturating_sub(height));
    let ReadBatch { events, mut next } = batch;
    let last_final = claim.last_final.filter(|_| is_final_agreed).and_then(|last| {
        let height = last.height.checked_sub(removed)?;
        let block = next.recent.iter().find(|block| block.height == height)?;
        cursor.finalized.is_none_or(|before| before.height < height).then_some(*block)
    });
    next.recent.retain(|block| block.height <= height);
    if claim.last_final.is_some() {
        next.finalized = last_final.or(cursor.finalized);
    }
    let head = next.tip().filter(|tip| cursor.tip() != Some(tip)).copied();
    let kept = |event: ChainEvent| match event {
        ChainEvent::Deposit(seen) if seen.block.height > height => None,
        ChainEvent::Head(_) => head.map(ChainEvent::Head),
        ChainEvent::Final(_) => last_final.map(ChainEvent::Final),
        other => Some(other),
    };
    ReadBatch { events: events.into_iter().filter_map(kept).collect(), next }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use spandrel_verifiers::follow::BlockRef;

    use super::*;

    fn block(height: u64) -> BlockRef {
        BlockRef { height, hash: B256::with_last_byte(u8::try_from(height).unwrap()), time: 0 }
    }

    /// Blocks 1 to 5 were read, 2 is final; 6 to 8 are news, which makes 5 final: four deep.
    fn news() -> (Cursor, Claim, ReadBatch) {
        let cursor = Cursor { recent: (1..=5).map(block).collect(), finalized: Some(block(2)) };
        let next = Cursor { recent: (1..=8).map(block).collect(), finalized: Some(block(5)) };
        let batch = ReadBatch { events: vec![ChainEvent::Head(block(8)), ChainEvent::Final(block(5))], next };
        (cursor.clone(), Claim::of(&cursor, &batch), batch)
    }

    #[test]
    fn what_all_have_seen_is_kept_whole() {
        let (cursor, claim, batch) = news();
        assert_eq!(to(&cursor, &claim, batch.clone(), 8, true), batch);
    }

    #[test]
    fn a_final_block_stays_as_deep_as_it_was() {
        let (cursor, claim, batch) = news();
        let cut = to(&cursor, &claim, batch, 6, true);
        assert_eq!(cut.events, [ChainEvent::Head(block(6)), ChainEvent::Final(block(3))]);
        assert_eq!((cut.next.tip(), cut.next.finalized), (Some(&block(6)), Some(block(3))));
    }

    #[test]
    fn without_agreement_nothing_moves() {
        let (cursor, claim, batch) = news();
        let cut = to(&cursor, &claim, batch.clone(), 0, false);
        assert_eq!(cut, ReadBatch { events: Vec::new(), next: cursor.clone() });
        let cut = to(&cursor, &claim, batch, 8, false);
        assert_eq!((cut.events, cut.next.finalized), (vec![ChainEvent::Head(block(8))], cursor.finalized));
    }
}

//! What one endpoint has read, and what the others say to it.

use std::fmt;
use std::future::Future;

use alloy_primitives::B256;
use spandrel_verifiers::follow::{BlockRef, ChainEvent, Cursor, FollowError, ReadBatch};

/// An endpoint's own view of its best chain.
pub trait Witness: Send + Sync {
    /// Hash of its block at `height`; None if it has not come so far.
    fn at(&self, height: u64) -> impl Future<Output = Result<Option<B256>, FollowError>> + Send;

    /// Its best block.
    fn head(&self) -> impl Future<Output = Result<BlockRef, FollowError>> + Send;
}

/// What a batch claims that carries value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Height of the last block that was read and agreed on before.
    pub(super) base: u64,
    /// The blocks above it, linked, lowest first.
    pub(super) blocks: Vec<BlockRef>,
    /// A block said to be final.
    pub(super) last_final: Option<BlockRef>,
    /// A block that was read before and is said to be gone.
    pub(super) gone: Option<BlockRef>,
}

impl Claim {
    /// The claim of what was read after `cursor`.
    pub(super) fn of(cursor: &Cursor, batch: &ReadBatch) -> Self {
        let mut base = cursor.tip().map_or(0, |block| block.height);
        let (mut last_final, mut gone) = (None, None);
        for event in &batch.events {
            match event {
                ChainEvent::Reorged { common_ancestor, dropped } => {
                    base = common_ancestor.height;
                    gone = dropped.first().copied();
                }
                ChainEvent::Halted { .. } => gone = cursor.finalized.or(cursor.recent.first().copied()),
                ChainEvent::Final(block) => last_final = Some(*block),
                ChainEvent::Head(_) | ChainEvent::Deposit(_) => {}
            }
        }
        let blocks = batch.next.recent.iter().filter(|block| block.height > base).copied().collect();
        Self { base, blocks, last_final, gone }
    }
}

/// One endpoint's answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Vote {
    /// It sees the same, as far as it has come.
    Agree(Sight),
    /// It sees something else.
    Disagree(String),
    /// It has not come so far.
    Abstain,
    /// It did not answer.
    Missing,
}

/// How far an endpoint agrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    /// The highest of the claimed blocks that it has too.
    pub(super) up_to: Option<u64>,
    /// It has the final block.
    pub(super) sees_final: bool,
    /// It has another block where one is said to be gone.
    pub(super) sees_gone: bool,
}

/// Asks `witness` about `claim`.
pub(super) async fn vote(witness: &impl Witness, claim: &Claim) -> Result<Vote, FollowError> {
    let mut sight = Sight::default();
    if let Some(block) = claim.gone {
        match witness.at(block.height).await? {
            Some(hash) if hash == block.hash => return Ok(disagree(&block, hash, "is not gone")),
            found => sight.sees_gone = found.is_some(),
        }
    }
    if let Some(block) = claim.last_final {
        match witness.at(block.height).await? {
            Some(hash) if hash != block.hash => return Ok(disagree(&block, hash, "is said to be final")),
            found => sight.sees_final = found.is_some(),
        }
    }
    match highest_common(witness, claim).await? {
        Some((block, hash)) if hash != block.hash => return Ok(disagree(&block, hash, "was read")),
        Some((block, _)) => sight.up_to = Some(block.height),
        None if !claim.blocks.is_empty() => return Ok(Vote::Abstain),
        None => {}
    }
    Ok(if sight == Sight::default() { Vote::Abstain } else { Vote::Agree(sight) })
}

/// The highest of the claimed blocks at whose height the witness has a block, and that block's hash.
async fn highest_common(witness: &impl Witness, claim: &Claim) -> Result<Option<(BlockRef, B256)>, FollowError> {
    let Some(top) = claim.blocks.last() else { return Ok(None) };
    if let Some(hash) = witness.at(top.height).await? {
        return Ok(Some((*top, hash)));
    }
    let head = witness.head().await?.height.min(top.height);
    let Some(block) = claim.blocks.iter().rev().find(|block| block.height <= head) else { return Ok(None) };
    Ok(witness.at(block.height).await?.map(|hash| (*block, hash)))
}

fn disagree(block: &BlockRef, found: B256, what: &str) -> Vote {
    Vote::Disagree(format!("block {} ({}) {what}, but it has {found}", block.height, block.hash))
}

/// Votes, counted apart. The reader itself agrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Endpoints that see the same, the reader included.
    pub agree: usize,
    /// Endpoints that see something else.
    pub disagree: usize,
    /// Endpoints that did not answer.
    pub missing: usize,
    /// Endpoints that have not come so far.
    pub abstain: usize,
}

impl Tally {
    pub(super) fn of(votes: &[Vote]) -> Self {
        let mut tally = Self { agree: 1, ..Self::default() };
        for vote in votes {
            match vote {
                Vote::Agree(_) => tally.agree += 1,
                Vote::Disagree(_) => tally.disagree += 1,
                Vote::Missing => tally.missing += 1,
                Vote::Abstain => tally.abstain += 1,
            }
        }
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agree, disagree, missing, abstain } = self;
        write!(f, "{agree} agree, {disagree} disagree, {missing} missing, {abstain} abstain")
    }
}

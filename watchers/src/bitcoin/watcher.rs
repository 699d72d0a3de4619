//! Follows one Bitcoin chain: linked blocks, reorgs, deposits, and depth.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::bitcoin::ChainParams;
use spandrel_verifiers::follow::{BlockRef, ChainEvent, Cursor, FollowError, ReadBatch, SeenDeposit, Watcher};
use tokio::sync::Notify;

use super::ancestry::{self, Followed};
use super::block::CheckedBlock;
use super::headers::Headers;
use super::hints::{HintStats, Hints};
use super::node::{Node, hash_to};
use super::rpc::BitcoinRpc;
use super::{BitcoinConfig, BitcoinConsensus, IntentBook};
use crate::pool::Witness;

/// Blocks that a cursor keeps below the last final one: a day.
const KEPT_BELOW_FINAL: usize = 144;

/// The Bitcoin [`Watcher`].
///
/// It guarantees, whatever its node says: blocks are on the chain with most work that the node has shown since the
/// anchor, by the network's rules of difficulty and time; and the deposits of a batch are all those in the blocks'
/// transactions, as the headers commit to them, whose terms the intent book knows. The node can withhold blocks, but
/// not make a block look replaced without the work of a better branch.
///
/// ZMQ is a hint: it shortens [`Watcher::wait`], and nothing else depends on it. A hint wakes one waiter.
pub struct BitcoinWatcher<B> {
    chain: ChainId,
    node: Node,
    headers: Headers,
    book: Arc<B>,
    vault: B256,
    confirmations: usize,
    max_blocks: u32,
    idle: Duration,
    moved: Arc<Notify>,
    hints: Option<Hints>,
}

/// What a [`BitcoinWatcher::backfill`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// The deposits, lowest block first.
    pub deposits: Vec<SeenDeposit>,
    /// Where to go on downwards; None when the lowest height asked for was read.
    pub rest: Option<BlockRef>,
}

impl<B: IntentBook> BitcoinWatcher<B> {
    /// A watcher that recognises the deposits of `book`. Subscribes to ZMQ at once, in the background: needs a tokio
    /// runtime.
    pub fn new(config: BitcoinConfig, book: Arc<B>) -> Result<Self, FollowError> {
        config.validate()?;
        let moved = Arc::new(Notify::new());
        Ok(Self {
            chain: config.params.chain(),
            headers: Headers::new(
                BitcoinConsensus::new(config.params.clone(), config.rpc.clone(), config.call_timeout)?,
                config.params.clone(),
                config.anchor,
            )?,
            node: Node { rpc: BitcoinRpc::new(config.rpc, config.call_timeout)?, params: config.params },
            book,
            vault: config.vault,
            confirmations: usize::try_from(config.confirmations).unwrap_or(usize::MAX),
            max_blocks: config.max_blocks,
            idle: config.idle,
            hints: config.zmq.map(|endpoint| Hints::subscribe(endpoint, Arc::clone(&moved))),
            moved,
        })
    }

    /// What the ZMQ subscription has seen; None without one.
    pub fn hint_stats(&self) -> Option<HintStats> {
        self.hints.as_ref().map(Hints::stats)
    }

    /// The network.
    pub fn params(&self) -> &ChainParams {
        &self.node.params
    }

    /// Reads again, downwards from `top` (itself included) to `lowest`, for deposits whose terms were not known when
    /// the blocks were read; at most `max_blocks` a call. Blocks are fetched by the hashes their children name.
    pub async fn backfill(&self, top: &BlockRef, lowest: u64) -> Result<Backfill, FollowError> {
        let mut blocks: Vec<Vec<SeenDeposit>> = Vec::new();
        let (mut height, mut hash) = (top.height, top.hash);
        let mut rest = None;
        for read in 0u32.. {
            if read == self.max_blocks {
                let header = self.node.rpc.header(hash_to(hash)).await?;
                let header = header.ok_or_else(|| self.withheld(height, hash))?;
                rest = Some(BlockRef { height, hash, time: u64::from(header.time) });
                break;
            }
            let block = self.node.block(hash_to(hash)).await?.ok_or_else(|| self.withheld(height, hash))?;
            blocks.push(self.deposits(&block, height));
            if height <= lowest {
                break;
            }
            (height, hash) = (height - 1, block.parent());
        }
        Ok(Backfill { deposits: blocks.into_iter().rev().flatten().collect(), rest })
    }

    fn deposits(&self, block: &CheckedBlock, height: u64) -> Vec<SeenDeposit> {
        block.deposits(height, self.vault, &self.node.params, self.book.as_ref())
    }

    fn withheld(&self, height: u64, hash: B256) -> FollowError {
        self.node.contradiction(format!("block {} at height {height} is not known any more", hash_to(hash)))
    }

    /// Where the cursor stands, and the blocks of the best chain to be read next.
    async fn look(&self, cursor: &Cursor) -> Result<(Followed, Vec<BlockRef>), FollowError> {
        let chain = self.headers.refresh().await?;
        let followed = ancestry::follow(&chain, cursor)?;
        let from = match &followed {
            Followed::Replaced { common_ancestor, .. } => Some(common_ancestor),
            _ => cursor.tip(),
        };
        let first = from.ok_or_else(ancestry::empty_cursor)?.height.saturating_add(1);
        let last = first.saturating_add(self.max_blocks.into());
        Ok((followed, (first..last).map_while(|height| chain.at_height(height)).collect()))
    }

    /// Reads `ahead`, and its deposits. Once one block is read, an error ends the reading early: the rest comes with the
    /// next read.
    async fn read_on(&self, ahead: Vec<BlockRef>) -> Result<(Vec<BlockRef>, Vec<SeenDeposit>), FollowError> {
        let (mut blocks, mut deposits) = (Vec::new(), Vec::new());
        for next in ahead {
            match self.block(&next).await {
                Ok(block) => {
                    deposits.extend(self.deposits(&block, next.height));
                    blocks.push(next);
                }
                Err(error) if blocks.is_empty() => return Err(error),
                Err(error) => {
                    tracing::warn!(chain = %self.chain, %error, before = next.height, "reading ended early");
                    break;
                }
            }
        }
        Ok((blocks, deposits))
    }

    async fn block(&self, block: &BlockRef) -> Result<CheckedBlock, FollowError> {
        let found = self.node.block(hash_to(block.hash)).await?;
        found.ok_or_else(|| self.withheld(block.height, block.hash))
    }

    /// The highest block that is `confirmations` deep, if it is above what was final before.
    fn newly_final(&self, cursor: &Cursor) -> Option<BlockRef> {
        let index = cursor.recent.len().checked_sub(self.confirmations)?;
        let block = *cursor.recent.get(index)?;
        cursor.finalized.is_none_or(|last| last.height < block.height).then_some(block)
    }
}

/// By the watcher's own header chain.
impl<B: IntentBook> Witness for BitcoinWatcher<B> {
    async fn at(&self, height: u64) -> Result<Option<B256>, FollowError> {
        Ok(self.headers.refresh().await?.at_height(height).map(|block| block.hash))
    }

    async fn head(&self) -> Result<BlockRef, FollowError> {
        Ok(self.headers.refresh().await?.best())
    }
}

impl<B: IntentBook> Watcher for BitcoinWatcher<B> {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    async fn genesis(&self) -> Result<Cursor, FollowError> {
        let chain = self.headers.refresh().await?;
        let height = chain.anchor().height;
        let anchor = chain.at_height(height);
        anchor
            .map(Cursor::at)
            .ok_or_else(|| self.node.contradiction(format!("no block at the anchor's height {height}")))
    }

    async fn cursor_at(&self, height: u64) -> Result<Cursor, FollowError> {
        let chain = self.headers.refresh().await?;
        chain.at_height(height).map(Cursor::at).ok_or_else(|| FollowError::Permanent {
            field: "height".to_owned(),
            expected: format!("{} (the anchor) to {} (the best block)", chain.anchor().height, chain.best().height),
            found: height.to_string(),
        })
    }

    async fn read(&self, cursor: &Cursor) -> Result<ReadBatch, FollowError> {
        let mut next = cursor.clone();
        let mut events = Vec::new();
        let (followed, ahead) = self.look(cursor).await?;
        match followed {
            Followed::Extends => {}
            Followed::Replaced { common_ancestor, dropped } => {
                next.recent.truncate(cursor.recent.len() - dropped.len());
                events.push(ChainEvent::Reorged { common_ancestor, dropped });
            }
            Followed::Behind(reason) => return Err(self.node.contradiction(reason)),
            Followed::Halted(reason, evidence) => {
                return Ok(ReadBatch { events: vec![ChainEvent::Halted { reason, evidence }], next });
            }
        }
        match self.read_on(ahead).await {
            Ok((blocks, deposits)) => {
                next.recent.extend(blocks);
                events.extend(deposits.into_iter().map(ChainEvent::Deposit));
            }
            // That blocks were replaced is certain: it is told now.
            Err(error) if !events.is_empty() => {
                tracing::warn!(chain = %self.chain, %error, "nothing read after a reorg");
            }
            Err(error) => return Err(error),
        }
        let head = *next.tip().ok_or_else(ancestry::empty_cursor)?;
        if cursor.tip() != Some(&head) {
            events.push(ChainEvent::Head(head));
        }
        if let Some(block) = self.newly_final(&next) {
            next.finalized = Some(block);
            events.push(ChainEvent::Final(block));
        }
        let kept = KEPT_BELOW_FINAL.saturating_add(self.confirmations);
        next.recent.drain(..next.recent.len().saturating_sub(kept));
        Ok(ReadBatch { events, next })
    }

    async fn wait(&self) {
        tokio::select! {
            () = self.moved.notified() => {}
            () = tokio::time::sleep(self.idle) => {}
        }
    }
}

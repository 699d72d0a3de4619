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
use super::hints::{HintStats, Hints};
use super::node::{Node, hash_from, hash_to};
use super::rpc::BitcoinRpc;
use super::{BitcoinConfig, IntentBook};

/// Blocks that a cursor keeps below the last final one: a day.
const KEPT_BELOW_FINAL: usize = 144;

/// The Bitcoin [`Watcher`].
///
/// It guarantees, whatever its node says: blocks are linked by their own hashes to the cursor's, their headers have
/// the work they state, and the deposits of a batch are all those in the blocks' transactions, as the headers commit
/// to them, whose terms the intent book knows. The node can withhold blocks, and show a chain of little work: which
/// chain has most work is judged by the verifiers, on nodes of their own.
///
/// ZMQ is a hint: it shortens [`Watcher::wait`], and nothing else depends on it. A hint wakes one waiter.
pub struct BitcoinWatcher<B> {
    chain: ChainId,
    node: Node,
    book: Arc<B>,
    vault: B256,
    start_height: u64,
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
            node: Node { rpc: BitcoinRpc::new(config.rpc, config.call_timeout)?, params: config.params },
            book,
            vault: config.vault,
            start_height: config.start_height,
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

    /// Reads the descendants of `tip`, and their deposits. Once one is read, an error ends the reading early: the rest
    /// comes with the next read.
    async fn read_on(&self, tip: BlockRef) -> Result<(Vec<BlockRef>, Vec<SeenDeposit>), FollowError> {
        let (mut blocks, mut deposits) = (Vec::new(), Vec::new());
        let mut parent = tip;
        for _ in 0..self.max_blocks {
            match self.child(&parent).await {
                Ok(None) => break,
                Ok(Some(block)) => {
                    let height = parent.height.saturating_add(1);
                    deposits.extend(self.deposits(&block, height));
                    parent = block.reference(height);
                    blocks.push(parent);
                }
                Err(error) if blocks.is_empty() => return Err(error),
                Err(error) => {
                    tracing::warn!(chain = %self.chain, %error, after = parent.height, "reading ended early");
                    break;
                }
            }
        }
        Ok((blocks, deposits))
    }

    /// The best chain's child of `parent`, if there is one.
    async fn child(&self, parent: &BlockRef) -> Result<Option<CheckedBlock>, FollowError> {
        let height = parent.height.saturating_add(1);
        let Some(hash) = self.node.rpc.hash_at(height).await? else { return Ok(None) };
        let block = self.node.block(hash).await?.ok_or_else(|| self.withheld(height, hash_from(hash)))?;
        if block.parent() != parent.hash {
            let (expected, found) = (hash_to(parent.hash), hash_to(block.parent()));
            let reason = format!("block {hash} at height {height}: expected parent {expected}, found {found}");
            return Err(self.node.contradiction(reason));
        }
        Ok(Some(block))
    }

    /// The highest block that is `confirmations` deep, if it is above what was final before.
    fn newly_final(&self, cursor: &Cursor) -> Option<BlockRef> {
        let index = cursor.recent.len().checked_sub(self.confirmations)?;
        let block = *cursor.recent.get(index)?;
        cursor.finalized.is_none_or(|last| last.height < block.height).then_some(block)
    }
}

impl<B: IntentBook> Watcher for BitcoinWatcher<B> {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    async fn genesis(&self) -> Result<Cursor, FollowError> {
        self.node.check_identity().await?;
        let height = self.start_height;
        let missing = || self.node.contradiction(format!("the node has no block at the start height {height} yet"));
        let hash = self.node.rpc.hash_at(height).await?.ok_or_else(missing)?;
        let header = self.node.rpc.header(hash).await?.ok_or_else(missing)?;
        Ok(Cursor::at(BlockRef { height, hash: hash_from(hash), time: u64::from(header.time) }))
    }

    async fn read(&self, cursor: &Cursor) -> Result<ReadBatch, FollowError> {
        self.node.check_identity().await?;
        let mut next = cursor.clone();
        let mut events = Vec::new();
        match ancestry::follow(&self.node, cursor).await? {
            Followed::Extends => {}
            Followed::Replaced { common_ancestor, dropped } => {
                next.recent.truncate(cursor.recent.len() - dropped.len());
                events.push(ChainEvent::Reorged { common_ancestor, dropped });
            }
            Followed::Halted(reason) => {
                return Ok(ReadBatch { events: vec![ChainEvent::Halted { reason }], next });
            }
        }
        let tip = *next.tip().ok_or_else(ancestry::empty_cursor)?;
        match self.read_on(tip).await {
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

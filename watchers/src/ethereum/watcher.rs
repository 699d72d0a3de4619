//! Follows one Ethereum chain: linked blocks, reorgs, deposits, and finality by a light client of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy_primitives::B256;
use spandrel_verifiers::follow::{BlockRef, ChainEvent, Cursor, FollowError, ReadBatch, Watcher};
use spandrel_verifiers::{ChainId, Contradiction};
use tokio::sync::Notify;

use super::beacon::Hints;
use super::deposits::DepositReader;
use super::execution::{Execution, ExecutionBlock};
use super::walk::{self, Standing};
use super::{EthereumConfig, LightClient};
use crate::pool::Witness;

/// Blocks that a cursor keeps below the last final one.
const KEPT_BELOW_FINAL: u64 = 64;

/// Most headers from one final block down to another that are asked for as evidence.
const MOST_HEADERS: u64 = 256;

/// A stream without an event for so long is opened anew.
const STREAM_SILENCE: Duration = Duration::from_secs(60);

/// The Ethereum [`Watcher`].
///
/// It guarantees, whatever its endpoints say: blocks are linked by their own hashes to the cursor's; the deposits of
/// a batch are exactly those that the outbox counts under the blocks' state roots; a block is final only when the
/// light client, anchored at the configured root, holds it final *and* it is in the linked chain. Endpoints can
/// withhold, but not invent anything final.
pub struct EthereumWatcher {
    config: EthereumConfig,
    execution: Execution,
    light_client: Arc<LightClient>,
    deposits: DepositReader,
    unnamed: AtomicU64,
    moved: Arc<Notify>,
    _hints: Hints,
}

impl EthereumWatcher {
    /// A watcher that shares `light_client` (with [`EthereumEvidence`](super::EthereumEvidence)). Subscribes to the
    /// beacon node's events at once, in the background: needs a tokio runtime.
    pub fn new(config: EthereumConfig, light_client: Arc<LightClient>) -> Result<Self, FollowError> {
        config.validate()?;
        let chain = config.network.chain.clone();
        let execution = Execution::new(config.execution.clone(), chain.clone(), config.call_timeout)?;
        let moved = Arc::new(Notify::new());
        Ok(Self {
            deposits: DepositReader::new(chain, config.outbox, config.names.clone()),
            _hints: Hints::subscribe(config.beacon.clone(), STREAM_SILENCE, Arc::clone(&moved)),
            unnamed: AtomicU64::new(0),
            execution,
            light_client,
            moved,
            config,
        })
    }

    /// Deposits read so far of which this bridge does not know the asset, the destination or the lane.
    pub fn unnamed_deposits(&self) -> u64 {
        self.unnamed.load(Ordering::Relaxed)
    }

    /// What the light client holds final; what was known before when it cannot be refreshed now.
    async fn latest_final(&self) -> Option<BlockRef> {
        match self.light_client.refresh().await {
            Ok(known) => known.map(|known| known.block),
            Err(error) => {
                tracing::warn!(chain = %self.config.network.chain, %error, "finality not refreshed");
                self.light_client.known().await.map(|known| known.block)
            }
        }
    }

    async fn replaced(&self, cursor: &Cursor, index: usize) -> ReadBatch {
        let (kept, dropped) = cursor.recent.split_at(index.saturating_add(1).min(cursor.recent.len()));
        let Some(ancestor) = kept.last().copied() else {
            return halted(cursor, "the cursor is empty".to_owned(), None);
        };
        if let Some(last_final) = cursor.finalized.filter(|last_final| ancestor.height < last_final.height) {
            let reason = format!("final block {} ({}) was replaced", last_final.height, last_final.hash);
            return halted(cursor, reason, self.not_descending(&last_final).await);
        }
        ReadBatch {
            events: vec![ChainEvent::Reorged { common_ancestor: ancestor, dropped: dropped.to_vec() }],
            next: Cursor { recent: kept.to_vec(), finalized: cursor.finalized },
        }
    }

    /// What shows that the light client's newest final block does not descend from `replaced`, if the node's headers do.
    async fn not_descending(&self, replaced: &BlockRef) -> Option<Box<Contradiction>> {
        let newest = self.latest_final().await?;
        if let Some(two) = self.light_client.take_contradiction().await {
            return Some(two);
        }
        if newest.height.saturating_sub(replaced.height) > MOST_HEADERS {
            return None;
        }
        let mut headers = Vec::new();
        for height in (replaced.height..=newest.height).rev() {
            headers.push(self.execution.at(height).await.ok()??.rlp());
        }
        self.light_client.not_descending(replaced.hash, headers).await
    }

    async fn read_on(&self, cursor: &Cursor, tip: &ExecutionBlock, head: u64) -> Result<ReadBatch, FollowError> {
        let last_final = self.latest_final().await;
        if let Some(halt) = self.contradicted(cursor).await {
            return Ok(halt);
        }
        let to = self.read_up_to(cursor, tip.header.number, head, last_final);
        let blocks = walk::children(&self.execution, tip, to).await?;
        if blocks.is_empty() && to > tip.header.number {
            return Err(self.execution.lied("eth_getBlockByNumber", "the chain moved while it was read"));
        }
        let found = self.deposits.read(&self.execution, tip, &blocks).await?;
        let mut next = cursor.clone();
        next.recent.extend(blocks.iter().map(ExecutionBlock::block_ref));
        let mut events: Vec<ChainEvent> = found.deposits.into_iter().map(ChainEvent::Deposit).collect();
        events.extend(blocks.last().map(|block| ChainEvent::Head(block.block_ref())));
        if let Some(event) = self.finalize(&mut next, last_final)? {
            if let ChainEvent::Halted { reason, evidence } = event {
                return Ok(halted(cursor, reason, evidence));
            }
            events.push(event);
            if let Some(halt) = self.strayed(cursor, &next).await {
                return Ok(halt);
            }
        }
        trim(&mut next, last_final);
        self.unnamed.fetch_add(found.unnamed, Ordering::Relaxed);
        Ok(ReadBatch { events, next })
    }

    /// What stops the reading: two signed updates, which came since it was asked last.
    async fn contradicted(&self, cursor: &Cursor) -> Option<ReadBatch> {
        let two = self.light_client.take_contradiction().await?;
        let reason = two.verify().map_or_else(|error| error.to_string(), |shown| shown.to_string());
        Some(halted(cursor, reason, Some(two)))
    }

    /// What stops the reading: a block was signed as final that is not in the chain, as its final block at `next` shows.
    async fn strayed(&self, cursor: &Cursor, next: &Cursor) -> Option<ReadBatch> {
        let last_final = next.finalized?;
        let settled: Vec<BlockRef> =
            next.recent.iter().filter(|block| block.height <= last_final.height).copied().collect();
        let stray = self.light_client.stray_from(&settled).await?;
        let two = self.not_descending(&stray).await?;
        Some(halted(cursor, format!("block {} ({}) was signed as final", stray.height, stray.hash), Some(two)))
    }

    /// The last height of this read: bounded by the head, the batch size, and how much may stand unfinalized.
    fn read_up_to(&self, cursor: &Cursor, tip: u64, head: u64, last_final: Option<BlockRef>) -> u64 {
        let settled = [cursor.finalized, last_final, cursor.recent.first().copied()];
        let settled = settled.iter().flatten().map(|block| block.height).max().unwrap_or(tip);
        let bound = settled.saturating_add(self.config.max_unfinalized);
        if bound < head && bound <= tip {
            tracing::warn!(chain = %self.config.network.chain, settled, tip, "too many blocks without finality: reading pauses");
        }
        head.min(tip.saturating_add(self.config.max_blocks)).min(bound)
    }

    /// Marks `last_final` in the cursor, when it is news and in the linked chain.
    fn finalize(&self, next: &mut Cursor, last_final: Option<BlockRef>) -> Result<Option<ChainEvent>, FollowError> {
        let Some(last_final) = last_final else { return Ok(None) };
        if let Some(before) = next.finalized.filter(|before| before.height >= last_final.height) {
            let same = before.height > last_final.height || before.hash == last_final.hash;
            let reason = format!("final block {}: was {}, is {}", before.height, before.hash, last_final.hash);
            return Ok((!same).then_some(ChainEvent::Halted { reason, evidence: None }));
        }
        match next.recent.iter().find(|block| block.height == last_final.height) {
            Some(linked) if linked.hash == last_final.hash => {
                next.finalized = Some(*linked);
                Ok(Some(ChainEvent::Final(*linked)))
            }
            Some(linked) => Err(self.execution.lied(
                "eth_getBlockByNumber",
                format!(
                    "block {} is {} here, the light client holds {} final",
                    linked.height, linked.hash, last_final.hash
                ),
            )),
            None => Ok(None),
        }
    }
}

fn halted(cursor: &Cursor, reason: String, evidence: Option<Box<Contradiction>>) -> ReadBatch {
    ReadBatch { events: vec![ChainEvent::Halted { reason, evidence }], next: cursor.clone() }
}

/// Drops what no tolerated reorg can reach any more: blocks well below what is final.
fn trim(cursor: &mut Cursor, last_final: Option<BlockRef>) {
    let Some(tip) = cursor.recent.last().map(|block| block.height) else { return };
    let settled = [cursor.finalized, last_final].iter().flatten().map(|block| block.height).max();
    let floor = settled.unwrap_or_default().min(tip).saturating_sub(KEPT_BELOW_FINAL);
    cursor.recent.retain(|block| block.height >= floor);
}

impl Witness for EthereumWatcher {
    async fn at(&self, height: u64) -> Result<Option<B256>, FollowError> {
        self.execution.require_chain().await?;
        Ok(self.execution.at(height).await?.map(|block| block.hash))
    }

    async fn head(&self) -> Result<BlockRef, FollowError> {
        self.execution.require_chain().await?;
        Ok(self.execution.head().await?.block_ref())
    }
}

impl Watcher for EthereumWatcher {
    fn chain(&self) -> &ChainId {
        &self.config.network.chain
    }

    async fn genesis(&self) -> Result<Cursor, FollowError> {
        self.cursor_at(self.config.start_block).await
    }

    async fn cursor_at(&self, height: u64) -> Result<Cursor, FollowError> {
        self.execution.require_chain().await?;
        let block = self.execution.at(height).await?;
        let block =
            block.ok_or_else(|| self.execution.lied("eth_getBlockByNumber", format!("no block {height} yet")))?;
        Ok(Cursor::at(block.block_ref()))
    }

    async fn read(&self, cursor: &Cursor) -> Result<ReadBatch, FollowError> {
        if let Some(halt) = self.contradicted(cursor).await {
            return Ok(halt);
        }
        self.execution.require_chain().await?;
        match walk::locate(&self.execution, cursor).await? {
            Standing::OnTip { tip, head } => self.read_on(cursor, &tip, head).await,
            Standing::NodeBehind => Ok(ReadBatch { events: Vec::new(), next: cursor.clone() }),
            Standing::Replaced { index } => Ok(self.replaced(cursor, index).await),
            Standing::Lost => {
                let lowest = cursor.recent.first().map_or(0, |block| block.height);
                Ok(halted(cursor, format!("no block of the cursor, down to {lowest}, is in the best chain"), None))
            }
        }
    }

    async fn wait(&self) {
        tokio::select! {
            () = self.moved.notified() => {}
            () = tokio::time::sleep(self.config.idle) => {}
        }
    }
}

//! The vocabulary and ports of following a chain. Implemented in `watchers`, consumed by the engine.
//!
//! A watcher is stateless: everything it needs to go on is in the [`Cursor`], which the ledger stores in the same
//! transaction as what was read. Live streams (SSE, ZMQ) are hints only; completeness comes from
//! [`Watcher::read`], whose batches are linked by parent hashes to the cursor's blocks.

use std::future::Future;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{ChainId, Contradiction, Deposit, Evidence};

/// A block of some chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockRef {
    /// Height (Ethereum: execution block number).
    pub height: u64,
    /// Hash, in wire order.
    pub hash: B256,
    /// Unix seconds.
    pub time: u64,
}

/// A deposit as a watcher saw it, not yet proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenDeposit {
    /// The deposit.
    pub deposit: Deposit,
    /// The block that holds it.
    pub block: BlockRef,
    /// Its transaction, in wire order (not an id of the deposit).
    pub transaction: B256,
    /// Where in the block or transaction it is: log index (EVM) or output index (Bitcoin).
    pub position: u32,
}

/// What happened on a chain.
#[expect(clippy::large_enum_variant, reason = "made and consumed one at a time, never stored in bulk")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainEvent {
    /// The best block moved here.
    Head(BlockRef),
    /// Everything up to this block is final under the route's rule.
    Final(BlockRef),
    /// Blocks were replaced: those above `common_ancestor` are gone.
    Reorged {
        /// Last block that both branches share.
        common_ancestor: BlockRef,
        /// The blocks that are gone, lowest first.
        dropped: Vec<BlockRef>,
    },
    /// A deposit stands in a block of the best chain.
    Deposit(SeenDeposit),
    /// A final block was replaced, or the node contradicts itself: following stops until an operator looks.
    Halted {
        /// What was seen.
        reason: String,
        /// What shows it to anyone, where that could be had: then it is no node's word.
        evidence: Option<Box<Contradiction>>,
    },
}

/// How far a chain has been read: the last parent-linked blocks, lowest first, and what was final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// The blocks read last, lowest first; never empty; enough to find the ancestor of any tolerated reorg.
    pub recent: Vec<BlockRef>,
    /// The highest final block reported, if any.
    pub finalized: Option<BlockRef>,
}

impl Cursor {
    /// A cursor that stands on `block`: reading goes on with its child.
    pub fn at(block: BlockRef) -> Self {
        Self { recent: vec![block], finalized: None }
    }

    /// The last block read.
    pub fn tip(&self) -> Option<&BlockRef> {
        self.recent.last()
    }
}

/// What one read found: to be stored, with `next`, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBatch {
    /// What happened, in order. Empty when there is nothing new.
    pub events: Vec<ChainEvent>,
    /// The cursor after these events.
    pub next: Cursor,
}

/// Why following failed; decides retry, never by its text.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FollowError {
    /// The node did not answer or answered nonsense once; try again.
    #[error("{endpoint}: {reason}")]
    Transient {
        /// Which endpoint, without credentials.
        endpoint: String,
        /// What happened.
        reason: String,
    },
    /// The evidence cannot be built at this block any more (pruned, reorged): rebuild at a newer one.
    #[error("proof unavailable: {0}")]
    ProofUnavailable(String),
    /// Configuration or chain identity is wrong; do not go on.
    #[error("{field}: expected {expected}, found {found}")]
    Permanent {
        /// What is wrong.
        field: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// Follows one chain.
pub trait Watcher: Send + Sync {
    /// Which chain.
    fn chain(&self) -> &ChainId;

    /// A cursor at which to begin when none is stored.
    fn genesis(&self) -> impl Future<Output = Result<Cursor, FollowError>> + Send;

    /// A cursor on the block at `height` of the best chain: reading goes on with its child. Nothing is final to it.
    ///
    /// # Errors
    /// `Permanent` for a height that this watcher cannot stand on, now or ever.
    fn cursor_at(&self, height: u64) -> impl Future<Output = Result<Cursor, FollowError>> + Send;

    /// Reads what follows `cursor`, at most a bounded range.
    fn read(&self, cursor: &Cursor) -> impl Future<Output = Result<ReadBatch, FollowError>> + Send;

    /// Reads what follows the block at `height` of the best chain, whatever was read before: at most a bounded range.
    fn read_after(&self, height: u64) -> impl Future<Output = Result<ReadBatch, FollowError>> + Send {
        async move {
            let cursor = self.cursor_at(height).await?;
            self.read(&cursor).await
        }
    }

    /// Returns when the chain may have moved: on a hint of the live stream, or after a while without one.
    fn wait(&self) -> impl Future<Output = ()> + Send;
}

/// Builds evidence of a deposit.
pub trait EvidenceSource: Send + Sync {
    /// Evidence of `seen` under the block `at`, final by the watcher's word, or a later final one.
    fn evidence(&self, seen: &SeenDeposit, at: &BlockRef)
    -> impl Future<Output = Result<Evidence, FollowError>> + Send;
}

/// Feeds a verifier's trusted state from the verifier's own endpoints.
pub trait ConsensusSource<Trusted, Update>: Send + Sync {
    /// The consensus evidence that `trusted` lacks, oldest first; empty when it is up to date.
    fn updates(&self, trusted: &Trusted) -> impl Future<Output = Result<Vec<Update>, FollowError>> + Send;
}

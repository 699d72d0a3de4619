//! The port of the ledger: one transaction writes events, projection, cursor and outbox together.

use std::future::Future;

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use crate::{Effect, EffectId, Event, Executor, Transfer};

/// Something stored, with its place and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded<T> {
    /// Place in its sequence, from 0.
    pub sequence: u64,
    /// When it was stored.
    pub at: UnixSeconds,
    /// What.
    pub body: T,
}

/// New events of one transfer and the projection after them.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferChange {
    /// Sequence the transfer must have now (0 for a new one), else the commit conflicts.
    pub expected_sequence: u64,
    /// The events, in order.
    pub events: Vec<Event>,
    /// The transfer after them.
    pub after: Transfer,
}

/// An effect for the outbox. Inserting an id that is there already changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEffect {
    /// Its derived id.
    pub id: EffectId,
    /// Of which deposit.
    pub deposit: DepositId,
    /// Who carries it out.
    pub executor: Executor,
    /// What to do.
    pub effect: Effect,
    /// Not before.
    pub run_at: UnixSeconds,
}

/// A cursor's move.
#[derive(Clone, Debug, PartialEq)]
pub struct CursorMove {
    /// Which watcher.
    pub chain: ChainId,
    /// Where it must stand now (`None`: nowhere yet), else the commit conflicts.
    pub expected: Option<Cursor>,
    /// Where it goes.
    pub next: Cursor,
}

/// A chain that contradicted itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Which.
    pub chain: ChainId,
    /// What was seen.
    pub reason: String,
    /// What shows it to anyone: the canonical protobuf of a contradiction, at most
    /// [`MAX_CONTRADICTION`](spandrel_verifiers::MAX_CONTRADICTION) bytes.
    pub evidence: Option<Bytes>,
}

impl Halt {
    /// One that nothing shows but the word of nodes.
    pub fn told(chain: ChainId, reason: impl Into<String>) -> Self {
        Self { chain, reason: reason.into(), evidence: None }
    }
}

/// What becomes of a leased effect.
#[derive(Clone, Debug, PartialEq)]
pub enum EffectEnd {
    /// Done; never leased again.
    Done,
    /// To be tried again, because it did not work: from the first time on it is overdue.
    Retry {
        /// Not before.
        run_at: UnixSeconds,
        /// Why it did not work.
        error: String,
    },
    /// To be taken up again, because it is not wanted yet, or under way: as it should be, and not overdue.
    Later {
        /// Not before.
        run_at: UnixSeconds,
        /// What it waits for.
        reason: String,
    },
}

/// Everything one step changes. All of it is stored, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    /// When.
    pub now: UnixSeconds,
    /// At most one cursor.
    pub cursor: Option<CursorMove>,
    /// Transfers, each at most once.
    pub transfers: Vec<TransferChange>,
    /// Sequence the risk log must have now; checked only when `risk` is not empty.
    pub expected_risk_sequence: u64,
    /// New risk events.
    pub risk: Vec<RiskEvent>,
    /// Sequence the control log must have now; checked only when `control` or `risk` is not empty: what was decided about
    /// money stands on the limits that guardians had set.
    pub expected_control_sequence: u64,
    /// New control events; those that change the risk state do so by a risk event of the same commit.
    pub control: Vec<ControlEvent>,
    /// New effects.
    pub effects: Vec<NewEffect>,
    /// What became of leased effects.
    pub ended: Vec<(EffectId, EffectEnd)>,
    /// A halt to be written: this chain is not followed any more until a guardian acknowledges.
    pub halt: Option<Halt>,
    /// A halt to be lifted, by whom and why it is safe. The chain must be halted.
    pub acknowledged: Option<(ChainId, String)>,
}

impl Commit {
    /// Whether it may be written only onto the control log that its writer knew.
    pub fn depends_on_control(&self) -> bool {
        !self.control.is_empty() || !self.risk.is_empty()
    }
}

/// An effect under lease.
#[derive(Clone, Debug, PartialEq)]
pub struct LeasedEffect {
    /// Its id.
    pub id: EffectId,
    /// Of which deposit.
    pub deposit: DepositId,
    /// What to do.
    pub effect: Effect,
    /// How often it was leased before.
    pub attempt: u32,
    /// Whether it is done; never so of one that was just leased.
    pub is_done: bool,
}

/// Why the ledger refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was faster, or it was done already: reload and decide again. Nothing was written.
    #[error("conflict: {what}: expected {expected}, found {found}")]
    Conflict {
        /// On what.
        what: String,
        /// Expected.
        expected: String,
        /// Found.
        found: String,
    },
    /// Stored data does not read back: fail closed.
    #[error("corrupt {what}: {reason}")]
    Corrupt {
        /// What.
        what: String,
        /// How.
        reason: String,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(String),
}

/// Which transfers to list.
#[derive(Clone, Debug, Default)]
pub struct TransferFilter {
    /// Only from this chain.
    pub source: Option<ChainId>,
    /// Only those that may still change.
    pub open_only: bool,
}

/// Most risk events in one answer of [`Ledger::risk_events`]: the log grows for ever, memory does not.
pub const RISK_PAGE: usize = 4_096;

/// Hands every risk event from `from` on to `take`, in order, page by page.
pub async fn each_risk_event<L: Ledger>(
    ledger: &L,
    mut from: u64,
    mut take: impl FnMut(Recorded<RiskEvent>) + Send,
) -> Result<(), StoreError> {
    loop {
        let page = ledger.risk_events(from).await?;
        let is_last = page.len() < RISK_PAGE;
        if let Some(last) = page.last() {
            from = last.sequence.saturating_add(1);
        }
        page.into_iter().for_each(&mut take);
        if is_last {
            return Ok(());
        }
    }
}

/// The ledger.
pub trait Ledger: Send + Sync {
    /// Stores everything in `commit` in one transaction, or nothing.
    fn commit(&self, commit: Commit) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// One transfer's projection.
    fn transfer(&self, id: DepositId) -> impl Future<Output = Result<Option<Transfer>, StoreError>> + Send;

    /// Transfers, oldest first.
    fn transfers(&self, filter: &TransferFilter) -> impl Future<Output = Result<Vec<Transfer>, StoreError>> + Send;

    /// One transfer's events, in order.
    fn events(&self, id: DepositId) -> impl Future<Output = Result<Vec<Recorded<Event>>, StoreError>> + Send;

    /// Risk events from `from` on, in order, at most [`RISK_PAGE`]: [`each_risk_event`] hands over all.
    fn risk_events(&self, from: u64) -> impl Future<Output = Result<Vec<Recorded<RiskEvent>>, StoreError>> + Send;

    /// Control events from `from` on, in order.
    fn control_events(&self, from: u64)
    -> impl Future<Output = Result<Vec<Recorded<ControlEvent>>, StoreError>> + Send;

    /// A watcher's cursor.
    fn cursor(&self, chain: &ChainId) -> impl Future<Output = Result<Option<Cursor>, StoreError>> + Send;

    /// The reason a chain is halted, if it is. An unreadable flag is an error, and counts as halted.
    fn halted(&self, chain: &ChainId) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;

    /// One effect of the outbox, whatever became of it.
    fn effect(&self, id: EffectId) -> impl Future<Output = Result<Option<LeasedEffect>, StoreError>> + Send;

    /// Leases up to `limit` due effects of `executor` until `until`; an expired lease is due again.
    fn lease(
        &self,
        executor: &Executor,
        now: UnixSeconds,
        until: UnixSeconds,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<LeasedEffect>, StoreError>> + Send;
}

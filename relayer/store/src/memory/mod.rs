//! The ledger in memory, for the seeded simulation: no I/O, no waiting, the same order every time, and crashes on
//! demand.
//!
//! What SQLite would have on disk is one value. A write is decided on before anything changes, so that it happens
//! whole or not at all; a crash is the loss of everything but that value.

mod journal;
mod ledger;
mod outbox;
mod stored;
mod summary;

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};

use alloy_primitives::{Address, B256, Bytes};
use spandrel_core::journal::{Attempt, Journal, JournaledTx, NewTx, TxState};
use spandrel_core::ledger::{Commit, LeasedEffect, Ledger, RISK_PAGE, Recorded, StoreError, TransferFilter};
use spandrel_core::refund::{Unpaid, Waiting};
use spandrel_core::watch::{Watch, Watchbook};
use spandrel_core::{EffectId, Event, Executor, Transfer};
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;
use spandrel_verifiers::bitcoin::DepositTerms;
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use crate::summary::Summary;
use crate::{AuditRow, Intent};
use stored::{Entry, Stored};

/// On which side of a write the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Nothing of it was stored.
    Before,
    /// It was stored, but nobody learned of it.
    After,
}

/// The ledger in memory. Clones share it, as tasks of one process would.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    process: Arc<Mutex<Process>>,
}

#[derive(Debug, Default)]
struct Process {
    stored: Stored,
    writes: u64,
    crash: Option<(u64, CrashPoint)>,
    crashed: bool,
}

impl Memory {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many writes were stored: commits, leases of at least one effect, journal entries and intents. Goes on counting after [`Memory::restart`].
    ///
    /// # Errors
    /// `Database` when a task panicked inside the ledger.
    pub fn writes(&self) -> Result<u64, StoreError> {
        Ok(self.lock()?.writes)
    }

    /// Lets the process die at its `nth` write (from 1, see [`Memory::writes`]): that write, and every call of this
    /// ledger after it, answers `StoreError::Database`. A refused write is not counted.
    ///
    /// # Errors
    /// `Database` when a task panicked inside the ledger.
    pub fn crash_at(&self, nth: u64, point: CrashPoint) -> Result<(), StoreError> {
        self.lock()?.crash = Some((nth, point));
        Ok(())
    }

    /// Whether the process died.
    ///
    /// # Errors
    /// `Database` when a task panicked inside the ledger.
    pub fn is_crashed(&self) -> Result<bool, StoreError> {
        Ok(self.lock()?.crashed)
    }

    /// A new process on what was stored. The old one is dead from now on, with all its clones: no task left over
    /// from it can write.
    ///
    /// # Errors
    /// `Database` when a task panicked inside the ledger.
    pub fn restart(&self) -> Result<Self, StoreError> {
        let mut old = self.lock()?;
        old.crashed = true;
        let next = Process { stored: old.stored.clone(), writes: old.writes, crash: None, crashed: false };
        Ok(Self { process: Arc::new(Mutex::new(next)) })
    }

    /// An independent copy of what is stored.
    ///
    /// # Errors
    /// `Database` when a task panicked inside the ledger.
    pub fn snapshot(&self) -> Result<Self, StoreError> {
        let process = self.lock()?;
        let copy = Process { stored: process.stored.clone(), writes: process.writes, crash: None, crashed: false };
        Ok(Self { process: Arc::new(Mutex::new(copy)) })
    }

    /// Stores that an output with `script` is meant as a deposit on `terms`. Announcing the same again changes
    /// nothing.
    ///
    /// # Errors
    /// `Conflict` when the script is announced with other terms.
    pub async fn add_intent(&self, script: Bytes, terms: DepositTerms, now: UnixSeconds) -> Result<(), StoreError> {
        self.write(|stored| stored.add_intent(script, terms, now))
    }

    /// All announced deposits, in the order they were announced.
    ///
    /// # Errors
    /// `Database` after a crash.
    pub async fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        self.read(|stored| stored.intents.clone())
    }

    /// Those announced after the one at `place` that expire at `from` or later, each with its place.
    ///
    /// # Errors
    /// `Database` after a crash.
    pub async fn intents_after(&self, place: u64, from: UnixSeconds) -> Result<Vec<(u64, Intent)>, StoreError> {
        let is_asked = |(at, intent): &(u64, Intent)| *at > place && intent.terms.expiry >= from;
        self.read(|stored| (1..).zip(stored.intents.iter().cloned()).filter(is_asked).collect())
    }

    /// Those whose deposits are to be paid to `recipient` until `expiry`.
    ///
    /// # Errors
    /// `Database` after a crash.
    pub async fn intents_of(&self, recipient: B256, expiry: UnixSeconds) -> Result<Vec<Intent>, StoreError> {
        let is_asked = |intent: &&Intent| intent.terms.recipient == recipient && intent.terms.expiry == expiry;
        self.read(|stored| stored.intents.iter().filter(is_asked).cloned().collect())
    }

    /// The ledger at a glance; ages are measured at `now`.
    ///
    /// # Errors
    /// `Database` after a crash.
    pub async fn summary(&self, now: UnixSeconds) -> Result<Summary, StoreError> {
        self.read(|stored| summary::summary(stored, now))
    }

    /// At most `limit` rows of the audit log from `from` on, in order.
    ///
    /// # Errors
    /// `Database` after a crash.
    pub async fn audit(&self, from: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(|stored| stored.audit.iter().filter(|row| row.sequence >= from).take(limit).cloned().collect())
    }

    /// What the last halt of `chain` that has any evidence was kept with, lifted or not, and when it was written.
    ///
    /// # Errors
    /// `Database` after a crash.
    pub async fn halt_evidence(&self, chain: &ChainId) -> Result<Option<(UnixSeconds, Bytes)>, StoreError> {
        self.read(|stored| stored.contradictions.get(chain).cloned())
    }

    fn lock(&self) -> Result<MutexGuard<'_, Process>, StoreError> {
        self.process.lock().map_err(|_| StoreError::Database("a task panicked inside the ledger".to_owned()))
    }

    fn read<T>(&self, read: impl FnOnce(&Stored) -> T) -> Result<T, StoreError> {
        let process = self.lock()?;
        if process.crashed {
            return Err(died());
        }
        Ok(read(&process.stored))
    }

    /// One durable write. `write` must refuse before it changes anything, and say whether it changed something.
    fn write<T>(&self, write: impl FnOnce(&mut Stored) -> Result<Written<T>, StoreError>) -> Result<T, StoreError> {
        let mut process = self.lock()?;
        if process.crashed {
            return Err(died());
        }
        let nth = process.writes.saturating_add(1);
        let point = process.crash.and_then(|(at, point)| (at == nth).then_some(point));
        let before = (point == Some(CrashPoint::Before)).then(|| process.stored.clone());
        let written = write(&mut process.stored)?;
        if !written.changed {
            return Ok(written.answer);
        }
        if let Some(before) = before {
            process.stored = before;
        } else {
            process.writes = nth;
        }
        if point.is_some() {
            process.crashed = true;
            return Err(died());
        }
        Ok(written.answer)
    }
}

/// What a write answers, and whether it changed anything.
struct Written<T> {
    answer: T,
    changed: bool,
}

impl<T> Written<T> {
    fn changed(answer: T) -> Self {
        Self { answer, changed: true }
    }

    fn unchanged(answer: T) -> Self {
        Self { answer, changed: false }
    }
}

fn died() -> StoreError {
    StoreError::Database("the process died (injected crash)".to_owned())
}

impl Watchbook for Memory {
    async fn tell(&self, watch: Watch) -> Result<(), StoreError> {
        self.write(|stored| {
            stored.watches.insert(watch.of.clone(), watch);
            Ok(Written::changed(()))
        })
    }

    async fn watches(&self) -> Result<Vec<Watch>, StoreError> {
        self.read(|stored| stored.watches.values().cloned().collect())
    }
}

impl Unpaid for Memory {
    async fn unpaid(&self, source: &ChainId, time: RangeInclusive<UnixSeconds>) -> Result<Vec<Waiting>, StoreError> {
        let filter = TransferFilter { source: Some(source.clone()), open_only: false };
        let transfers = self.read(|stored| stored.transfers_by_age(&filter))?;
        Ok(transfers.iter().filter_map(|transfer| Waiting::of(transfer, &time)).collect())
    }
}

impl Ledger for Memory {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.write(|stored| stored.commit(commit))
    }

    async fn transfer(&self, id: DepositId) -> Result<Option<Transfer>, StoreError> {
        self.read(|stored| stored.transfers.get(&id).cloned())
    }

    async fn transfers(&self, filter: &TransferFilter) -> Result<Vec<Transfer>, StoreError> {
        self.read(|stored| stored.transfers_by_age(filter))
    }

    async fn events(&self, id: DepositId) -> Result<Vec<Recorded<Event>>, StoreError> {
        self.read(|stored| stored.events.get(&id).cloned().unwrap_or_default())
    }

    async fn risk_events(&self, from: u64) -> Result<Vec<Recorded<RiskEvent>>, StoreError> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        self.read(|stored| stored.risk.iter().skip(from).take(RISK_PAGE).cloned().collect())
    }

    async fn control_events(&self, from: u64) -> Result<Vec<Recorded<ControlEvent>>, StoreError> {
        self.read(|stored| stored.control.iter().filter(|event| event.sequence >= from).cloned().collect())
    }

    async fn cursor(&self, chain: &ChainId) -> Result<Option<Cursor>, StoreError> {
        self.read(|stored| stored.cursors.get(chain).map(|(cursor, _)| cursor.clone()))
    }

    async fn halted(&self, chain: &ChainId) -> Result<Option<String>, StoreError> {
        self.read(|stored| stored.halted.get(chain).cloned())
    }

    async fn effect(&self, id: EffectId) -> Result<Option<LeasedEffect>, StoreError> {
        self.read(|stored| stored.outbox.get(id).map(Entry::as_leased))
    }

    async fn lease(
        &self,
        executor: &Executor,
        now: UnixSeconds,
        until: UnixSeconds,
        limit: u32,
    ) -> Result<Vec<LeasedEffect>, StoreError> {
        self.write(|stored| stored.lease(executor, now, until, limit))
    }
}

impl Journal for Memory {
    async fn open_tx(&self, tx: NewTx, now: UnixSeconds) -> Result<JournaledTx, StoreError> {
        self.write(|stored| stored.open_tx(tx, now))
    }

    async fn add_attempt(&self, number: i64, attempt: Attempt) -> Result<(), StoreError> {
        self.write(|stored| stored.add_attempt(number, attempt))
    }

    async fn set_state(&self, number: i64, state: TxState) -> Result<(), StoreError> {
        self.write(|stored| stored.set_state(number, state))
    }

    async fn open_txs(&self, chain: &ChainId, signer: Address) -> Result<Vec<JournaledTx>, StoreError> {
        self.read(|stored| stored.open_txs(chain, signer))
    }

    async fn tx_of(&self, effect: EffectId) -> Result<Option<JournaledTx>, StoreError> {
        self.read(|stored| stored.tx_of(effect))
    }

    async fn failed_txs_of(&self, effect: EffectId) -> Result<Vec<JournaledTx>, StoreError> {
        self.read(|stored| stored.failed_txs_of(effect))
    }

    async fn failed_calls(
        &self,
        chain: &ChainId,
        signer: Address,
        to: Address,
        input: &Bytes,
    ) -> Result<Vec<JournaledTx>, StoreError> {
        self.read(|stored| stored.failed_calls(chain, signer, to, input))
    }
}

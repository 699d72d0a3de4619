//! What would be on disk. Ordered collections only: the same calls give the same answers in the same order.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes};
use spandrel_core::journal::JournaledTx;
use spandrel_core::ledger::{NewEffect, Recorded};
use spandrel_core::watch::Watch;
use spandrel_core::{EffectId, Event, Executor, Transfer};
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use crate::{AuditRow, Intent};

/// Everything stored.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub transfers: BTreeMap<DepositId, Transfer>,
    /// Transfers in the order of their first event.
    pub arrivals: Vec<DepositId>,
    pub events: BTreeMap<DepositId, Vec<Recorded<Event>>>,
    pub risk: Vec<Recorded<RiskEvent>>,
    pub control: Vec<Recorded<ControlEvent>>,
    pub audit: Vec<AuditRow>,
    /// With the time of the last move.
    pub cursors: BTreeMap<ChainId, (Cursor, UnixSeconds)>,
    /// Why each halted chain is.
    pub halted: BTreeMap<ChainId, String>,
    /// What the last halt of each chain that had any was kept with, and when.
    pub contradictions: BTreeMap<ChainId, (UnixSeconds, Bytes)>,
    /// What sentinels told last.
    pub watches: BTreeMap<String, Watch>,
    pub outbox: Outbox,
    pub journal: Journaled,
    /// In the order they were announced.
    pub intents: Vec<Intent>,
}

/// Effects and where they wait.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    /// In the order they were inserted.
    pub effects: Vec<Entry>,
    /// Places in `effects`.
    pub places: BTreeMap<EffectId, usize>,
    /// Effects that are not done, by executor: when each is due, and its place in `effects`.
    pub due: BTreeMap<Executor, BTreeSet<(UnixSeconds, usize)>>,
}

/// One effect.
#[derive(Clone, Debug)]
pub struct Entry {
    pub new: NewEffect,
    pub attempt: u32,
    pub state: EffectState,
    /// Since when it does not work.
    pub overdue_since: Option<UnixSeconds>,
}

/// Where an effect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectState {
    Waiting { run_at: UnixSeconds },
    Leased { until: UnixSeconds },
    Done,
}

impl EffectState {
    /// When it is due; never when done.
    pub fn due_at(self) -> Option<UnixSeconds> {
        match self {
            Self::Waiting { run_at } => Some(run_at),
            Self::Leased { until } => Some(until),
            Self::Done => None,
        }
    }
}

/// Transactions and what they hold. Transaction `number` stands at place `number - 1`.
#[derive(Clone, Debug, Default)]
pub struct Journaled {
    pub txs: Vec<JournaledTx>,
    /// Places by account and nonce.
    pub nonces: BTreeMap<(ChainId, Address), BTreeMap<u64, usize>>,
    /// Places of transactions that are not final, by account and nonce.
    pub open: BTreeMap<(ChainId, Address), BTreeMap<u64, usize>>,
    /// The open or succeeded transaction of each effect that has one.
    pub live: BTreeMap<EffectId, usize>,
    /// The newest transaction of each effect.
    pub newest: BTreeMap<EffectId, usize>,
    /// The transactions of each effect that are final and did not carry it out.
    pub failed: BTreeMap<EffectId, BTreeSet<usize>>,
    /// The transaction of each attempt.
    pub hashes: BTreeMap<B256, usize>,
}

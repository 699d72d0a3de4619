//! Both implementations behind one trait, and everything one can see of them.

use std::collections::BTreeMap;
use std::future::Future;

use alloy_primitives::{B256, Bytes};
use spandrel_core::journal::{Journal, JournaledTx};
use spandrel_core::ledger::{Commit, LeasedEffect, Ledger, Recorded, StoreError, TransferFilter};
use spandrel_core::refund::Unpaid;
use spandrel_core::watch::Watchbook;
use spandrel_core::{EffectId, Event, Transfer};
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;
use spandrel_store::summary::Summary;
use spandrel_store::{AuditRow, Intent, Memory, Sqlite};
use spandrel_verifiers::bitcoin::DepositTerms;
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};
use tempfile::TempDir;

use crate::sample;

/// The ports, and what both implementations offer beyond them.
pub trait Store: Ledger + Journal + Watchbook + Unpaid + Clone + 'static {
    fn acknowledge_halt(
        &self,
        chain: &ChainId,
        by: &str,
        now: UnixSeconds,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.commit(Commit { now, acknowledged: Some((chain.clone(), by.to_owned())), ..Commit::default() })
    }
    fn add_intent(
        &self,
        script: Bytes,
        terms: DepositTerms,
        now: UnixSeconds,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
    fn intents(&self) -> impl Future<Output = Result<Vec<Intent>, StoreError>> + Send;
    fn intents_after(
        &self,
        place: u64,
        from: UnixSeconds,
    ) -> impl Future<Output = Result<Vec<(u64, Intent)>, StoreError>> + Send;
    fn intents_of(
        &self,
        recipient: B256,
        expiry: UnixSeconds,
    ) -> impl Future<Output = Result<Vec<Intent>, StoreError>> + Send;
    fn summary(&self, now: UnixSeconds) -> impl Future<Output = Result<Summary, StoreError>> + Send;
    fn audit(&self, from: u64, limit: u32) -> impl Future<Output = Result<Vec<AuditRow>, StoreError>> + Send;
    fn halt_evidence(
        &self,
        chain: &ChainId,
    ) -> impl Future<Output = Result<Option<(UnixSeconds, Bytes)>, StoreError>> + Send;
}

macro_rules! forward_store {
    ($name:ident) => {
        impl Store for $name {
            async fn add_intent(&self, script: Bytes, terms: DepositTerms, now: UnixSeconds) -> Result<(), StoreError> {
                $name::add_intent(self, script, terms, now).await
            }
            async fn intents(&self) -> Result<Vec<Intent>, StoreError> {
                $name::intents(self).await
            }
            async fn intents_after(&self, place: u64, from: UnixSeconds) -> Result<Vec<(u64, Intent)>, StoreError> {
                $name::intents_after(self, place, from).await
            }
            async fn intents_of(&self, recipient: B256, expiry: UnixSeconds) -> Result<Vec<Intent>, StoreError> {
                $name::intents_of(self, recipient, expiry).await
            }
            async fn summary(&self, now: UnixSeconds) -> Result<Summary, StoreError> {
                $name::summary(self, now).await
            }
            async fn audit(&self, from: u64, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
                $name::audit(self, from, limit).await
            }
            async fn halt_evidence(&self, chain: &ChainId) -> Result<Option<(UnixSeconds, Bytes)>, StoreError> {
                $name::halt_evidence(self, chain).await
            }
        }
    };
}
forward_store!(Memory);
forward_store!(Sqlite);

/// A new ledger on a file, and the folder that goes with it.
pub async fn on_file() -> (TempDir, Sqlite) {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
    (folder, store)
}

/// Runs each named `async fn(impl Store)` over every implementation.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(spandrel_store::Memory::new()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (_folder, store) = crate::store::on_file().await;
                super::$name(store).await;
            })*
        }
    };
}
pub(crate) use on_both;

/// Everything the ports tell about the samples.
#[derive(Debug, PartialEq)]
pub struct Observed {
    pub transfers: Vec<Transfer>,
    pub open_by_source: Vec<Vec<Transfer>>,
    pub events: BTreeMap<DepositId, Vec<Recorded<Event>>>,
    pub risk: Vec<Recorded<RiskEvent>>,
    pub control: Vec<Recorded<ControlEvent>>,
    pub audit: Vec<AuditRow>,
    pub cursors: BTreeMap<ChainId, Option<Cursor>>,
    pub halted: BTreeMap<ChainId, Option<String>>,
    pub effects: BTreeMap<EffectId, Option<LeasedEffect>>,
    pub open_txs: Vec<JournaledTx>,
    pub newest_txs: BTreeMap<EffectId, Option<JournaledTx>>,
    pub failed_txs: BTreeMap<EffectId, Vec<JournaledTx>>,
    pub intents: Vec<Intent>,
    pub summary: Summary,
}

/// Reads everything.
pub async fn observe(store: &impl Store) -> Observed {
    let mut seen = Observed {
        transfers: store.transfers(&TransferFilter::default()).await.unwrap(),
        open_by_source: Vec::new(),
        events: BTreeMap::new(),
        risk: store.risk_events(0).await.unwrap(),
        control: store.control_events(0).await.unwrap(),
        audit: store.audit(0, u32::MAX).await.unwrap(),
        cursors: BTreeMap::new(),
        halted: BTreeMap::new(),
        effects: BTreeMap::new(),
        open_txs: Vec::new(),
        newest_txs: BTreeMap::new(),
        failed_txs: BTreeMap::new(),
        intents: store.intents().await.unwrap(),
        summary: store.summary(sample::LATER).await.unwrap(),
    };
    for chain in sample::chains() {
        let filter = TransferFilter { source: Some(chain.clone()), open_only: true };
        seen.open_by_source.push(store.transfers(&filter).await.unwrap());
        seen.cursors.insert(chain.clone(), store.cursor(&chain).await.unwrap());
        seen.halted.insert(chain.clone(), store.halted(&chain).await.unwrap());
        for signer in sample::signers() {
            seen.open_txs.extend(store.open_txs(&chain, signer).await.unwrap());
        }
    }
    for n in 0..sample::MANY {
        let id = sample::deposit(n).id();
        seen.events.insert(id, store.events(id).await.unwrap());
        for effect in sample::effects(n) {
            seen.effects.insert(effect.id, store.effect(effect.id).await.unwrap());
            seen.newest_txs.insert(effect.id, store.tx_of(effect.id).await.unwrap());
            seen.failed_txs.insert(effect.id, store.failed_txs_of(effect.id).await.unwrap());
        }
    }
    seen
}

/// The error's kind and text; panics when there is none.
pub fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>) -> StoreError {
    result.unwrap_err()
}

/// Panics unless it is a conflict.
pub fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match refused(result) {
        error @ StoreError::Conflict { .. } => error.to_string(),
        other => panic!("expected a conflict, found {other}"),
    }
}

/// Panics unless it is a corruption.
pub fn corrupt<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match refused(result) {
        error @ StoreError::Corrupt { .. } => error.to_string(),
        other => panic!("expected a corruption, found {other}"),
    }
}

//! A ledger in which nothing can be written for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use spandrel_core::ledger::{Commit, LeasedEffect, Ledger, Recorded, StoreError, TransferFilter};
use spandrel_core::{EffectId, Event, Executor, Transfer};
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;
use spandrel_store::Memory;
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

/// A ledger that is told when to fail.
#[derive(Clone)]
pub struct Failing(pub Memory, pub Arc<AtomicBool>);

impl Ledger for Failing {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(StoreError::Database("the disk is full".to_owned()));
        }
        self.0.commit(commit).await
    }

    async fn transfer(&self, id: DepositId) -> Result<Option<Transfer>, StoreError> {
        self.0.transfer(id).await
    }

    async fn transfers(&self, filter: &TransferFilter) -> Result<Vec<Transfer>, StoreError> {
        self.0.transfers(filter).await
    }

    async fn events(&self, id: DepositId) -> Result<Vec<Recorded<Event>>, StoreError> {
        self.0.events(id).await
    }

    async fn risk_events(&self, from: u64) -> Result<Vec<Recorded<RiskEvent>>, StoreError> {
        self.0.risk_events(from).await
    }

    async fn control_events(&self, from: u64) -> Result<Vec<Recorded<ControlEvent>>, StoreError> {
        self.0.control_events(from).await
    }

    async fn cursor(&self, chain: &ChainId) -> Result<Option<Cursor>, StoreError> {
        self.0.cursor(chain).await
    }

    async fn halted(&self, chain: &ChainId) -> Result<Option<String>, StoreError> {
        self.0.halted(chain).await
    }

    async fn effect(&self, id: EffectId) -> Result<Option<LeasedEffect>, StoreError> {
        self.0.effect(id).await
    }

    async fn lease(
        &self,
        executor: &Executor,
        now: UnixSeconds,
        until: UnixSeconds,
        limit: u32,
    ) -> Result<Vec<LeasedEffect>, StoreError> {
        self.0.lease(executor, now, until, limit).await
    }
}

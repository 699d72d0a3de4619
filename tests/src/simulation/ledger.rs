//! The ledger as the relayer's process has it: the one in memory, less what is taken out to show that the checks notice.

use spandrel_core::ledger::{Commit, LeasedEffect, Ledger, Recorded, StoreError, TransferFilter};
use spandrel_core::watch::{Watch, Watchbook};
use spandrel_core::{Effect, EffectId, Event, Executor, Transfer};
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;
use spandrel_store::Memory;
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use super::universe::Breakage;

/// A ledger with a defect, or without.
#[derive(Clone, Debug)]
pub struct SimLedger {
    memory: Memory,
    breakage: Option<Breakage>,
}

impl SimLedger {
    /// `memory`, with the defect if it is one of a ledger.
    pub fn new(memory: Memory, breakage: Option<Breakage>) -> Self {
        Self { memory, breakage }
    }
}

impl Ledger for SimLedger {
    async fn commit(&self, mut commit: Commit) -> Result<(), StoreError> {
        if commit.halt.is_some() && self.breakage == Some(Breakage::HaltWithoutPause) {
            commit.risk.clear();
            commit.effects.retain(|new| !matches!(new.effect, Effect::Pause { .. }));
        }
        self.memory.commit(commit).await
    }

    async fn transfer(&self, id: DepositId) -> Result<Option<Transfer>, StoreError> {
        self.memory.transfer(id).await
    }

    async fn transfers(&self, filter: &TransferFilter) -> Result<Vec<Transfer>, StoreError> {
        self.memory.transfers(filter).await
    }

    async fn events(&self, id: DepositId) -> Result<Vec<Recorded<Event>>, StoreError> {
        self.memory.events(id).await
    }

    async fn risk_events(&self, from: u64) -> Result<Vec<Recorded<RiskEvent>>, StoreError> {
        self.memory.risk_events(from).await
    }

    async fn control_events(&self, from: u64) -> Result<Vec<Recorded<ControlEvent>>, StoreError> {
        self.memory.control_events(from).await
    }

    async fn cursor(&self, chain: &ChainId) -> Result<Option<Cursor>, StoreError> {
        self.memory.cursor(chain).await
    }

    async fn halted(&self, chain: &ChainId) -> Result<Option<String>, StoreError> {
        self.memory.halted(chain).await
    }

    async fn effect(&self, id: EffectId) -> Result<Option<LeasedEffect>, StoreError> {
        self.memory.effect(id).await
    }

    async fn lease(
        &self,
        executor: &Executor,
        now: UnixSeconds,
        until: UnixSeconds,
        limit: u32,
    ) -> Result<Vec<LeasedEffect>, StoreError> {
        self.memory.lease(executor, now, until, limit).await
    }
}

impl Watchbook for SimLedger {
    async fn tell(&self, watch: Watch) -> Result<(), StoreError> {
        self.memory.tell(watch).await
    }

    async fn watches(&self) -> Result<Vec<Watch>, StoreError> {
        self.memory.watches().await
    }
}

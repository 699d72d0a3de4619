//! The relayer's one way to change anything: inputs are stepped, and what follows is committed in one transaction
//! together with the cursor or the effects that caused it.

mod draft;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use alloy_primitives::Address;
use futures::lock::Mutex;
use spandrel_core::ledger::{Commit, Ledger, StoreError, each_risk_event};
use spandrel_core::{Policy, Transfer};
use spandrel_risk::control::{ControlEvent, ControlPolicy};
use spandrel_risk::{RiskEvent, RiskState};
use spandrel_verifiers::ChainId;
use tokio::sync::Notify;

use crate::risk_view::{RiskNow, RiskView};
use crate::{Change, Clock, EngineError, Observer};

/// How often a commit that lost a race is decided again.
pub(crate) const MAX_CONFLICTS: usize = 8;

/// Policy, risk state and ledger in one place. Commits of one relayer are serialised here; another relayer's commit
/// shows as a conflict, and the decision is made again on what is stored.
pub struct Book<L, C> {
    ledger: L,
    pub(crate) clock: C,
    policy: Policy,
    pub(crate) guardians: Option<ControlPolicy>,
    /// Sources where deposits are paused too, and the inbox by which statements name each.
    pub(crate) vaults: BTreeMap<ChainId, Address>,
    pub(crate) risk: Mutex<RiskView>,
    pub(crate) shown: RwLock<RiskNow>,
    observer: Arc<dyn Observer>,
    wake: Notify,
}

impl<L: Ledger, C: Clock> Book<L, C> {
    /// Opens the book: folds the stored risk events.
    pub async fn open(ledger: L, clock: C, policy: Policy, observer: Arc<dyn Observer>) -> Result<Self, EngineError> {
        let view = RiskView::under(policy.clone());
        let limits = Arc::new(policy.risk.clone());
        let (state, control) = (RiskState::default(), Arc::default());
        let shown = RwLock::new(RiskNow { state, control, limits, waits: Arc::default(), is_superseded: false });
        let (risk, wake) = (Mutex::new(view), Notify::new());
        let (guardians, vaults) = (None, BTreeMap::new());
        let book = Self { ledger, clock, policy, guardians, vaults, risk, shown, observer, wake };
        book.reload_risk(&mut *book.risk.lock().await).await?;
        Ok(book)
    }

    /// The ledger, for reading and leasing.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// The clock.
    pub fn clock(&self) -> &C {
        &self.clock
    }

    /// Takes orders from these guardians.
    #[must_use]
    pub fn guarded_by(mut self, guardians: ControlPolicy) -> Self {
        self.guardians = Some(guardians);
        self
    }

    /// Brings pauses to these source chains too, where deposits are taken: chain, and its bridge's inbox.
    #[must_use]
    pub fn pausing_vaults(mut self, vaults: BTreeMap<ChainId, Address>) -> Self {
        self.vaults = vaults;
        self
    }

    /// The policy as it is configured; its limits are the agreed ones where something is decided.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What was stored last: for reports, which wait for no commit, and not for decisions.
    pub fn risk_now(&self) -> RiskNow {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn show(&self, view: &RiskView) {
        view.show(&mut self.shown.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Reads the risk state as of now. Nothing is decided meanwhile.
    pub async fn read_risk<T>(&self, read: impl FnOnce(&RiskState) -> T) -> T {
        read(&self.risk.lock().await.state)
    }

    /// Takes in what other processes have decided and what guardians have told them.
    pub async fn refresh(&self) -> Result<(), EngineError> {
        self.reload_risk(&mut *self.risk.lock().await).await
    }

    /// Returns when something was stored since the last call.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Stores one risk event.
    pub async fn record_risk(&self, event: RiskEvent) -> Result<(), EngineError> {
        self.record_risk_with(event, Commit::default()).await
    }

    /// The same together with what it comes of or brings about: a halt, pauses of destinations.
    pub(crate) async fn record_risk_with(&self, event: RiskEvent, with: Commit) -> Result<(), EngineError> {
        let mut view = self.risk.lock().await;
        for _ in 0..MAX_CONFLICTS {
            let now = self.clock.now();
            let overtaken = view.control.overtaken_by(std::slice::from_ref(&event));
            let commit = Commit {
                now,
                expected_risk_sequence: view.sequence,
                expected_control_sequence: view.control_sequence,
                risk: vec![event.clone()],
                control: overtaken.clone(),
                ..with.clone()
            };
            match self.ledger.commit(commit).await {
                Err(StoreError::Conflict { .. }) => self.reload_risk(&mut view).await?,
                other => {
                    other?;
                    view.apply(&event, now);
                    for event in &overtaken {
                        view.obey(event, now, &self.policy);
                    }
                    self.show(&view);
                    self.wake.notify_waiters();
                    return Ok(());
                }
            }
        }
        Err(conflict("risk log"))
    }

    /// Steps every input on what is stored, and commits all of it or nothing. Answers the transfers that changed.
    /// An input that the machine refuses is reported to the observer and changes nothing. Nothing is decided by a policy
    /// that is not the agreed one any more.
    pub async fn record(&self, change: Change) -> Result<Vec<Transfer>, EngineError> {
        self.record_telling(change, &[]).await
    }

    /// The same with what is written into the control log of it.
    pub(crate) async fn record_telling(
        &self,
        change: Change,
        told: &[ControlEvent],
    ) -> Result<Vec<Transfer>, EngineError> {
        let mut view = self.risk.lock().await;
        for _ in 0..MAX_CONFLICTS {
            if view.is_superseded {
                return Err(EngineError::Superseded);
            }
            match self.record_once(&change, told, &mut view).await? {
                Some(changed) => return Ok(changed),
                None => continue,
            }
        }
        Err(conflict("transfers"))
    }

    /// `orders` is what guardians did; what it does to the risk state follows from it. Nothing when another writer was
    /// faster: the view is up to date then, and it is to be decided again.
    pub(crate) async fn record_once(
        &self,
        change: &Change,
        orders: &[ControlEvent],
        view: &mut RiskView,
    ) -> Result<Option<Vec<Transfer>>, EngineError> {
        let mut drafted = Vec::new();
        let done = self.try_record(change, orders, view, &mut drafted).await;
        if done.is_err() && !drafted.is_empty() {
            view.discard();
        }
        match done {
            Err(EngineError::Store(StoreError::Conflict { what, .. })) if !what.starts_with("cursor") => {
                self.reload_risk(view).await?;
                Ok(None)
            }
            done => done.map(Some),
        }
    }

    async fn reload_risk(&self, view: &mut RiskView) -> Result<(), EngineError> {
        let before = view.sequence;
        each_risk_event(&self.ledger, before, |recorded| view.apply(&recorded.body, recorded.at)).await?;
        let control = self.ledger.control_events(view.control_sequence).await?;
        for recorded in &control {
            view.obey(&recorded.body, recorded.at, &self.policy);
        }
        if view.sequence > before || !control.is_empty() {
            self.show(view);
        }
        Ok(())
    }
}

pub(crate) fn conflict(what: &str) -> EngineError {
    EngineError::Store(StoreError::Conflict {
        what: what.to_owned(),
        expected: format!("a commit within {MAX_CONFLICTS} tries"),
        found: "another writer each time".to_owned(),
    })
}

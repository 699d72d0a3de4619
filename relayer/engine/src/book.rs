//! The relayer's one way to change anything: inputs are stepped, and what follows is committed in one transaction
//! together with the cursor or the effects that caused it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use futures::lock::Mutex;
use spandrel_core::ledger::{
    Commit, CursorMove, EffectEnd, Ledger, NewEffect, StoreError, TransferChange, TransferFilter,
};
use spandrel_core::{Context, EffectId, Event, Input, Policy, Transfer, apply, step};
use spandrel_risk::RiskState;
use spandrel_verifiers::{ChainId, DepositId};
use tokio::sync::Notify;

use crate::{Clock, EngineError};

/// How often a commit that lost a race is decided again.
const MAX_CONFLICTS: usize = 8;

/// To whom an input goes.
#[derive(Clone, Debug)]
pub enum Step {
    /// One transfer.
    One(DepositId, Input),
    /// Every open transfer from a chain.
    AllFrom(ChainId, Input),
    /// Every open transfer.
    All(Input),
}

/// Inputs, and what moves with them.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// In order.
    pub steps: Vec<Step>,
    /// The cursor's move.
    pub cursor: Option<CursorMove>,
    /// What became of leased effects.
    pub ended: Vec<(EffectId, EffectEnd)>,
    /// A halt to be written.
    pub halt: Option<(ChainId, String)>,
}

impl Change {
    /// One input for one transfer.
    pub fn one(id: DepositId, input: Input) -> Self {
        Self { steps: vec![Step::One(id, input)], ..Self::default() }
    }

    /// Ends an effect in the same transaction.
    #[must_use]
    pub fn ending(mut self, effect: EffectId, end: EffectEnd) -> Self {
        self.ended.push((effect, end));
        self
    }
}

/// Told of what was stored: metrics, live views.
pub trait Observer: Send + Sync {
    /// These events were stored, and this is the transfer after them.
    fn stored(&self, transfer: &Transfer, events: &[Event]);

    /// An input was refused.
    fn refused(&self, id: DepositId, reason: &str);
}

/// Observes nothing.
pub struct Silent;

impl Observer for Silent {
    fn stored(&self, _: &Transfer, _: &[Event]) {}
    fn refused(&self, _: DepositId, _: &str) {}
}

/// Policy, risk state and ledger in one place. Commits of one relayer are serialised here; another relayer's commit
/// shows as a conflict, and the decision is made again on what is stored.
pub struct Book<L, C> {
    ledger: L,
    clock: C,
    policy: Policy,
    risk: Mutex<RiskView>,
    observer: Arc<dyn Observer>,
    wake: Notify,
}

#[derive(Clone, Default)]
struct RiskView {
    state: RiskState,
    sequence: u64,
}

struct Draft {
    expected: u64,
    events: Vec<Event>,
    after: Option<Transfer>,
}

impl<L: Ledger, C: Clock> Book<L, C> {
    /// Opens the book: folds the stored risk events.
    pub async fn open(ledger: L, clock: C, policy: Policy, observer: Arc<dyn Observer>) -> Result<Self, EngineError> {
        let book = Self { ledger, clock, policy, risk: Mutex::default(), observer, wake: Notify::new() };
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

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A copy of the risk state as of now.
    pub async fn risk(&self) -> RiskState {
        self.risk.lock().await.state.clone()
    }

    /// Returns when something was stored since the last call.
    pub async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Stores a pause of `scope` at once: the off-chain half of a guardian's pause.
    pub async fn record_risk(&self, event: spandrel_risk::RiskEvent) -> Result<(), EngineError> {
        let mut view = self.risk.lock().await;
        for _ in 0..MAX_CONFLICTS {
            let now = self.clock.now();
            let commit =
                Commit { now, expected_risk_sequence: view.sequence, risk: vec![event.clone()], ..Commit::default() };
            match self.ledger.commit(commit).await {
                Err(StoreError::Conflict { .. }) => self.reload_risk(&mut view).await?,
                other => {
                    other?;
                    view.state.apply(&event, now);
                    view.sequence += 1;
                    self.wake.notify_waiters();
                    return Ok(());
                }
            }
        }
        Err(conflict("risk log"))
    }

    /// Steps every input on what is stored, and commits all of it or nothing. Answers the transfers that changed.
    /// An input that the machine refuses is reported to the observer and changes nothing.
    pub async fn record(&self, change: Change) -> Result<Vec<Transfer>, EngineError> {
        let mut view = self.risk.lock().await;
        for _ in 0..MAX_CONFLICTS {
            match self.try_record(&change, &mut view).await {
                Err(EngineError::Store(StoreError::Conflict { what, .. })) if !what.starts_with("cursor") => {
                    self.reload_risk(&mut view).await?;
                }
                done => return done,
            }
        }
        Err(conflict("transfers"))
    }

    async fn try_record(&self, change: &Change, view: &mut RiskView) -> Result<Vec<Transfer>, EngineError> {
        let now = self.clock.now();
        let mut drafts: BTreeMap<DepositId, Draft> = BTreeMap::new();
        let mut commit = Commit {
            now,
            cursor: change.cursor.clone(),
            expected_risk_sequence: view.sequence,
            ended: change.ended.clone(),
            halt: change.halt.clone(),
            ..Commit::default()
        };
        let mut risk = view.state.clone();
        for item in &change.steps {
            let (ids, input) = match item {
                Step::One(id, input) => (vec![*id], input),
                Step::AllFrom(chain, input) => (self.open_ids(Some(chain.clone()), &drafts).await?, input),
                Step::All(input) => (self.open_ids(None, &drafts).await?, input),
            };
            for id in ids {
                self.step_one(id, input, now, &mut risk, &mut drafts, &mut commit).await?;
            }
        }
        let mut changed = Vec::new();
        for draft in drafts.into_values().filter(|draft| !draft.events.is_empty()) {
            let Some(after) = draft.after else { continue };
            changed.push((after.clone(), draft.events.clone()));
            commit.transfers.push(TransferChange { expected_sequence: draft.expected, events: draft.events, after });
        }
        let is_empty = commit.transfers.is_empty()
            && commit.effects.is_empty()
            && commit.risk.is_empty()
            && commit.ended.is_empty()
            && commit.cursor.is_none()
            && commit.halt.is_none();
        if is_empty {
            return Ok(Vec::new());
        }
        let risk_events = commit.risk.len() as u64;
        self.ledger.commit(commit).await?;
        view.state = risk;
        view.sequence += risk_events;
        for (transfer, events) in &changed {
            self.observer.stored(transfer, events);
        }
        self.wake.notify_waiters();
        Ok(changed.into_iter().map(|(transfer, _)| transfer).collect())
    }

    async fn step_one(
        &self,
        id: DepositId,
        input: &Input,
        now: u64,
        risk: &mut RiskState,
        drafts: &mut BTreeMap<DepositId, Draft>,
        commit: &mut Commit,
    ) -> Result<(), EngineError> {
        let draft = match drafts.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let stored = self.ledger.transfer(id).await?;
                let expected = stored.as_ref().map_or(0, |transfer| transfer.sequence);
                entry.insert(Draft { expected, events: Vec::new(), after: stored })
            }
        };
        let context = Context { policy: &self.policy, risk, now };
        let output = match step(draft.after.as_ref(), input, &context) {
            Ok(output) => output,
            Err(refusal) => {
                self.observer.refused(id, &refusal.to_string());
                return Ok(());
            }
        };
        if !output.events.is_empty() {
            let after = apply(draft.after.take(), &output, now)
                .map_err(|error| EngineError::Unfoldable { id: id.to_string(), reason: error.to_string() })?;
            draft.after = Some(after);
            draft.events.extend(output.events);
        }
        for event in output.risk {
            risk.apply(&event, now);
            commit.risk.push(event);
        }
        for (executor, effect) in output.effects {
            commit.effects.push(NewEffect { id: effect.id(id, &executor), deposit: id, executor, effect, run_at: now });
        }
        Ok(())
    }

    async fn open_ids(
        &self,
        source: Option<ChainId>,
        drafts: &BTreeMap<DepositId, Draft>,
    ) -> Result<Vec<DepositId>, EngineError> {
        let filter = TransferFilter { source: source.clone(), open_only: true };
        let mut ids: Vec<DepositId> = self.ledger.transfers(&filter).await?.iter().map(|t| t.id).collect();
        for (id, draft) in drafts {
            let is_from =
                |transfer: &Transfer| source.as_ref().is_none_or(|source| *source == transfer.deposit.source_chain);
            if !ids.contains(id) && draft.after.as_ref().is_some_and(is_from) {
                ids.push(*id);
            }
        }
        Ok(ids)
    }

    async fn reload_risk(&self, view: &mut RiskView) -> Result<(), EngineError> {
        for recorded in self.ledger.risk_events(view.sequence).await? {
            view.state.apply(&recorded.body, recorded.at);
            view.sequence = recorded.sequence + 1;
        }
        Ok(())
    }
}

fn conflict(what: &str) -> EngineError {
    EngineError::Store(StoreError::Conflict {
        what: what.to_owned(),
        expected: format!("a commit within {MAX_CONFLICTS} tries"),
        found: "another writer each time".to_owned(),
    })
}

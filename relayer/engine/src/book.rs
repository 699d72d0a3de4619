//! The relayer's one way to change anything: inputs are stepped, and what follows is committed in one transaction
//! together with the cursor or the effects that caused it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, PoisonError, RwLock};

use futures::lock::Mutex;
use spandrel_core::ledger::{
    Commit, CursorMove, EffectEnd, Ledger, NewEffect, StoreError, TransferChange, TransferFilter,
};
use spandrel_core::{Context, EffectId, Event, Input, Output, Policy, Transfer, apply, step};
use spandrel_risk::control::{ControlEvent, ControlPolicy};
use spandrel_risk::{RiskEvent, RiskState};
use spandrel_verifiers::{ChainId, DepositId};
use tokio::sync::Notify;

use crate::contradiction::contradictions;
use crate::risk_view::{RiskNow, RiskView};
use crate::{Clock, EngineError};

/// How often a commit that lost a race is decided again.
pub(crate) const MAX_CONFLICTS: usize = 8;

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
    /// Effects of no transfer.
    pub effects: Vec<NewEffect>,
    /// A halt to be lifted: by whom, and why it is safe.
    pub acknowledged: Option<(ChainId, String)>,
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
    pub(crate) clock: C,
    policy: Policy,
    pub(crate) guardians: Option<ControlPolicy>,
    pub(crate) risk: Mutex<RiskView>,
    shown: RwLock<RiskNow>,
    observer: Arc<dyn Observer>,
    wake: Notify,
}

struct Draft {
    expected: u64,
    events: Vec<Event>,
    after: Option<Transfer>,
}

impl Draft {
    fn of(stored: Option<Transfer>) -> Self {
        let expected = stored.as_ref().map_or(0, |transfer| transfer.sequence);
        Self { expected, events: Vec::new(), after: stored }
    }
}

impl<L: Ledger, C: Clock> Book<L, C> {
    /// Opens the book: folds the stored risk events.
    pub async fn open(ledger: L, clock: C, policy: Policy, observer: Arc<dyn Observer>) -> Result<Self, EngineError> {
        let view = RiskView::under(policy.clone());
        let limits = Arc::new(policy.risk.clone());
        let shown = RwLock::new(RiskNow { state: RiskState::default(), limits, is_superseded: false });
        let (risk, wake) = (Mutex::new(view), Notify::new());
        let book = Self { ledger, clock, policy, guardians: None, risk, shown, observer, wake };
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
            let commit = Commit {
                now,
                expected_risk_sequence: view.sequence,
                expected_control_sequence: view.control_sequence,
                risk: vec![event.clone()],
                ..with.clone()
            };
            match self.ledger.commit(commit).await {
                Err(StoreError::Conflict { .. }) => self.reload_risk(&mut view).await?,
                other => {
                    other?;
                    view.apply(&event, now);
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

    /// `drafted` holds the risk events that the draft has taken in, whatever becomes of them.
    async fn try_record(
        &self,
        change: &Change,
        orders: &[ControlEvent],
        view: &mut RiskView,
        drafted: &mut Vec<RiskEvent>,
    ) -> Result<Vec<Transfer>, EngineError> {
        let now = self.clock.now();
        let mut drafts: BTreeMap<DepositId, Draft> = BTreeMap::new();
        let mut commit = Commit {
            now,
            cursor: change.cursor.clone(),
            expected_risk_sequence: view.sequence,
            ended: change.ended.clone(),
            acknowledged: change.acknowledged.clone(),
            expected_control_sequence: view.control_sequence,
            control: orders.to_vec(),
            effects: change.effects.clone(),
            ..Commit::default()
        };
        for event in orders.iter().filter_map(ControlEvent::risk) {
            view.draft.apply(&event, now);
            drafted.push(event);
        }
        for item in &change.steps {
            let (ids, input) = match item {
                Step::One(id, input) => (vec![*id], input),
                Step::AllFrom(chain, input) => (self.open_ids(Some(chain), &mut drafts).await?, input),
                Step::All(input) => (self.open_ids(None, &mut drafts).await?, input),
            };
            let mut inputs: Vec<(DepositId, Input)> = ids.into_iter().map(|id| (id, input.clone())).collect();
            if let Step::All(Input::Tick) = item {
                inputs.extend(self.new_contradictions(&drafts).await?);
            }
            for (id, input) in inputs {
                let context = Context { policy: &view.policy, risk: &view.draft, now };
                let output = self.step_one(id, &input, &context, &mut drafts).await?;
                for event in &output.risk {
                    view.draft.apply(event, now);
                }
                drafted.extend(output.risk);
                commit.effects.extend(output.effects);
            }
        }
        commit.risk.clone_from(drafted);
        let mut changed = Vec::new();
        for draft in drafts.into_values().filter(|draft| !draft.events.is_empty()) {
            let Some(after) = draft.after else { continue };
            changed.push((after.clone(), draft.events.clone()));
            commit.transfers.push(TransferChange { expected_sequence: draft.expected, events: draft.events, after });
        }
        let is_empty = commit.transfers.is_empty()
            && commit.effects.is_empty()
            && commit.risk.is_empty()
            && commit.control.is_empty()
            && commit.ended.is_empty()
            && commit.cursor.is_none()
            && commit.acknowledged.is_none();
        if is_empty {
            return Ok(Vec::new());
        }
        self.ledger.commit(commit).await?;
        view.keep(drafted, now);
        for event in orders {
            view.obey(event, now, &self.policy);
        }
        self.show(view);
        for (transfer, events) in &changed {
            self.observer.stored(transfer, events);
        }
        self.wake.notify_waiters();
        Ok(changed.into_iter().map(|(transfer, _)| transfer).collect())
    }

    /// What the machine makes of one input; its events are folded into the draft.
    async fn step_one(
        &self,
        id: DepositId,
        input: &Input,
        context: &Context<'_>,
        drafts: &mut BTreeMap<DepositId, Draft>,
    ) -> Result<Output, EngineError> {
        let draft = match drafts.entry(id) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Draft::of(self.ledger.transfer(id).await?)),
        };
        let mut output = match step(draft.after.as_ref(), input, context) {
            Ok(output) => output,
            Err(refusal) => {
                self.observer.refused(id, &refusal.to_string());
                return Ok(Output::default());
            }
        };
        if !output.events.is_empty() {
            let after = apply(draft.after.take(), &output, context.now)
                .map_err(|error| EngineError::Unfoldable { id: id.to_string(), reason: error.to_string() })?;
            draft.after = Some(after);
            draft.events.append(&mut output.events);
        }
        Ok(output)
    }

    /// Contradicted fast payouts that the destination is not being shown yet.
    async fn new_contradictions(
        &self,
        drafts: &BTreeMap<DepositId, Draft>,
    ) -> Result<Vec<(DepositId, Input)>, EngineError> {
        let mut new = Vec::new();
        for (id, by) in contradictions(drafts.values().filter_map(|draft| draft.after.as_ref())) {
            let paid = drafts.get(&id).and_then(|draft| draft.after.as_ref());
            let effect = paid.map(|paid| by.effect_id(&paid.deposit));
            if let Some(effect) = effect
                && self.ledger.effect(effect).await?.is_none()
            {
                new.push((id, Input::Contradicted(by)));
            }
        }
        Ok(new)
    }

    async fn open_ids(
        &self,
        source: Option<&ChainId>,
        drafts: &mut BTreeMap<DepositId, Draft>,
    ) -> Result<Vec<DepositId>, EngineError> {
        let filter = TransferFilter { source: source.cloned(), open_only: true };
        let mut ids = Vec::new();
        for transfer in self.ledger.transfers(&filter).await? {
            ids.push(transfer.id);
            drafts.entry(transfer.id).or_insert_with(|| Draft::of(Some(transfer)));
        }
        for (id, draft) in drafts {
            let is_from = |transfer: &Transfer| source.is_none_or(|source| *source == transfer.deposit.source_chain);
            if !ids.contains(id) && draft.after.as_ref().is_some_and(is_from) {
                ids.push(*id);
            }
        }
        Ok(ids)
    }

    async fn reload_risk(&self, view: &mut RiskView) -> Result<(), EngineError> {
        let risk = self.ledger.risk_events(view.sequence).await?;
        let control = self.ledger.control_events(view.control_sequence).await?;
        for recorded in &risk {
            view.apply(&recorded.body, recorded.at);
        }
        for recorded in &control {
            view.obey(&recorded.body, recorded.at, &self.policy);
        }
        if !risk.is_empty() || !control.is_empty() {
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

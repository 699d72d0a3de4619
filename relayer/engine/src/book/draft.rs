//! One try at a change: every input is stepped on what is stored and on what came of those before it, and all of it is
//! committed, or nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use spandrel_core::ledger::{Commit, Ledger, TransferChange, TransferFilter};
use spandrel_core::{Context, Event, Input, Output, Transfer, apply, step};
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;
use spandrel_verifiers::{ChainId, DepositId};

use super::Book;
use crate::contradiction::contradictions;
use crate::risk_view::RiskView;
use crate::{Change, Clock, EngineError, Step};

/// A transfer as it is stored, and as the inputs make it.
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
    /// `drafted` holds the risk events that the draft has taken in, whatever becomes of them.
    pub(super) async fn try_record(
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
        let ordered = drafted.len();
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
        commit.control.extend(view.control.overtaken_by(drafted.get(ordered..).unwrap_or_default()));
        let control = commit.control.clone();
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
        for event in &control {
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
}

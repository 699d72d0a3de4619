//! Effects: inserted once under their derived id, leased, ended.

use spandrel_core::ledger::{EffectEnd, LeasedEffect, NewEffect, StoreError};
use spandrel_core::{EffectId, Executor};
use spandrel_verifiers::UnixSeconds;

use super::Written;
use super::stored::{EffectState, Entry, Outbox, Stored};
use crate::json::to_integer;

impl Stored {
    pub fn lease(
        &mut self,
        executor: &Executor,
        now: UnixSeconds,
        until: UnixSeconds,
        limit: u32,
    ) -> Result<Written<Vec<LeasedEffect>>, StoreError> {
        to_integer("lease.now", now)?;
        to_integer("lease.until", until)?;
        let leased = self.outbox.lease(executor, now, until, limit);
        Ok(if leased.is_empty() { Written::unchanged(leased) } else { Written::changed(leased) })
    }
}

impl Outbox {
    pub fn get(&self, id: EffectId) -> Option<&Entry> {
        self.places.get(&id).and_then(|place| self.effects.get(*place))
    }

    /// Inserts an effect unless its id is there, done or not.
    pub fn insert(&mut self, new: NewEffect) {
        if self.places.contains_key(&new.id) {
            return;
        }
        let place = self.effects.len();
        self.places.insert(new.id, place);
        self.due.entry(new.executor.clone()).or_default().insert((new.run_at, place));
        let state = EffectState::Waiting { run_at: new.run_at };
        self.effects.push(Entry { new, attempt: 0, state, overdue_since: None });
    }

    /// Ends an effect that exists and is not done. One that does not work is overdue from the first time on.
    pub fn end(&mut self, id: EffectId, end: EffectEnd, now: UnixSeconds) {
        let Some(place) = self.places.get(&id).copied() else { return };
        let standing = self.effects.get(place).and_then(|entry| entry.overdue_since);
        let (state, overdue_since) = match end {
            EffectEnd::Done => (EffectState::Done, None),
            EffectEnd::Retry { run_at, .. } => (EffectState::Waiting { run_at }, standing.or(Some(now))),
            EffectEnd::Later { run_at, .. } => (EffectState::Waiting { run_at }, None),
        };
        self.set(place, state);
        if let Some(entry) = self.effects.get_mut(place) {
            entry.overdue_since = overdue_since;
        }
    }

    fn lease(&mut self, executor: &Executor, now: UnixSeconds, until: UnixSeconds, limit: u32) -> Vec<LeasedEffect> {
        let Some(due) = self.due.get(executor) else { return Vec::new() };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let places: Vec<usize> =
            due.iter().take_while(|(at, _)| *at <= now).take(limit).map(|(_, place)| *place).collect();
        let mut leased = Vec::with_capacity(places.len());
        for place in places {
            self.set(place, EffectState::Leased { until });
            if let Some(entry) = self.effects.get_mut(place) {
                leased.push(entry.as_leased());
                entry.attempt = entry.attempt.saturating_add(1);
            }
        }
        leased
    }

    fn set(&mut self, place: usize, state: EffectState) {
        let Some(entry) = self.effects.get_mut(place) else { return };
        let due = self.due.entry(entry.new.executor.clone()).or_default();
        if let Some(at) = entry.state.due_at() {
            due.remove(&(at, place));
        }
        if let Some(at) = state.due_at() {
            due.insert((at, place));
        }
        entry.state = state;
    }
}

impl Entry {
    /// The effect, with how often it was leased until now.
    pub fn as_leased(&self) -> LeasedEffect {
        LeasedEffect {
            id: self.new.id,
            deposit: self.new.deposit,
            effect: self.new.effect.clone(),
            attempt: self.attempt,
            is_done: self.state == EffectState::Done,
        }
    }
}

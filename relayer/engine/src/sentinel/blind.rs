//! What sentinels cannot see: each chain and part of it by itself, so that one that is not seen for long hides no other.

use std::collections::BTreeMap;
use std::fmt::Display;

use spandrel_verifiers::ChainId;

/// Parts of chains that are not seen, and why.
#[derive(Clone, Default)]
pub(super) struct Unseen(BTreeMap<(ChainId, &'static str), String>);

impl Unseen {
    /// What was told, unless it was nothing.
    pub(super) fn told<T, E: Display>(&mut self, chain: &ChainId, what: &'static str, told: Result<T, E>) -> Option<T> {
        told.map_err(|error| self.add(chain, what, error)).ok()
    }

    pub(super) fn add(&mut self, chain: &ChainId, what: &'static str, why: impl Display) {
        self.0.insert((chain.clone(), what), why.to_string());
    }

    /// These and the others.
    pub(super) fn and(mut self, others: &Self) -> Self {
        self.0.extend(others.0.clone());
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says what began and what ended since `before`: each once.
    pub(super) fn log_changes_since(&self, before: &Self) {
        for ((chain, what), why) in self.0.iter().filter(|(part, _)| !before.0.contains_key(part)) {
            tracing::warn!(%chain, what, why, "the sentinels do not see a chain");
        }
        for (chain, what) in before.0.keys().filter(|part| !self.0.contains_key(part)) {
            tracing::warn!(%chain, what, "the sentinels see a chain again");
        }
    }
}

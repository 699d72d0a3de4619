//! What sentinels did, and what guardians made of it: the log of risk events is their memory.

use std::collections::{BTreeMap, BTreeSet};

use spandrel_risk::{RiskEvent, Scope};
use spandrel_verifiers::UnixSeconds;
use spandrel_watchers::sentinel::Finding;

/// How a reason begins that a sentinel gave.
const SIGNATURE: &str = "sentinel: ";

/// What sentinels did, as the risk log tells.
#[derive(Default)]
pub(super) struct Marks {
    /// Risk events taken in.
    pub(super) sequence: u64,
    /// Findings that paused, by scope.
    paused: BTreeMap<Scope, BTreeSet<String>>,
    /// Findings whose pause guardians lifted.
    pub(super) lifted: BTreeSet<String>,
}

impl Marks {
    pub(super) fn take(&mut self, event: &RiskEvent) {
        self.sequence += 1;
        match event {
            RiskEvent::Paused { scope, reason, .. } => {
                if let Some(key) = key_of(reason) {
                    self.paused.entry(scope.clone()).or_default().insert(key.to_owned());
                }
            }
            RiskEvent::Resumed { scope } => self.lifted.extend(self.paused.remove(scope).unwrap_or_default()),
            _ => {}
        }
    }

    pub(super) fn has_paused(&self, scope: &Scope, key: &str) -> bool {
        self.paused.get(scope).is_some_and(|keys| keys.contains(key))
    }
}

/// What sentinels found and paused for, by the risk log: by scope and in words, each until its pause has run out at `now` or
/// was lifted.
pub fn standing_findings<'a>(
    events: impl IntoIterator<Item = &'a RiskEvent>,
    now: UnixSeconds,
) -> impl Iterator<Item = (Scope, &'a str)> {
    let mut standing: BTreeMap<Scope, BTreeMap<&str, &str>> = BTreeMap::new();
    for event in events {
        match event {
            RiskEvent::Paused { scope, until, reason } if now < *until => {
                if let Some((key, found)) = key_of(reason).zip(reason.strip_prefix(SIGNATURE)) {
                    standing.entry(scope.clone()).or_default().insert(key, found);
                }
            }
            RiskEvent::Resumed { scope } => drop(standing.remove(scope)),
            _ => {}
        }
    }
    standing.into_iter().flat_map(|(scope, found)| found.into_values().map(move |found| (scope.clone(), found)))
}

/// The key of the finding that a reason tells.
fn key_of(reason: &str) -> Option<&str> {
    reason.strip_prefix(SIGNATURE)?.split_once(": ").map(|(key, _)| key)
}

/// The reason of a pause for `finding`.
pub(super) fn reason_of(finding: &Finding) -> String {
    format!("{SIGNATURE}{}: {}", finding.key(), finding.what)
}

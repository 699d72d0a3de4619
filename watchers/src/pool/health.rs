//! What is known of each endpoint of a pool, for metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// For how long an endpoint may disagree with the others before someone must look: new blocks settle what two honest
/// nodes see differently much sooner.
pub const TOLERATED_DISSENT: Duration = Duration::from_secs(120);

/// What an endpoint has said so far, by kind of answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls answered.
    pub answered: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Votes for what another endpoint had read.
    pub agree: u64,
    /// Votes against it.
    pub disagree: u64,
    /// Votes that did not come: it failed, or was left alone.
    pub missing: u64,
    /// Votes withheld: it had not come so far.
    pub abstain: u64,
}

/// One endpoint now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its name, without credentials.
    pub name: String,
    /// Whether it is left alone after failures.
    pub is_open: bool,
    /// For how long it has disagreed with another endpoint, without agreeing since. It holds what was read.
    pub dissents_for: Option<Duration>,
    /// What it has said.
    pub counts: Counts,
}

impl Standing {
    /// Whether it has disagreed for longer than [`TOLERATED_DISSENT`].
    pub fn is_alarming(&self) -> bool {
        self.dissents_for.is_some_and(|dissents_for| dissents_for > TOLERATED_DISSENT)
    }
}

/// Counters of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Meter {
    is_open: AtomicBool,
    dissents_since: Mutex<Option<Instant>>,
    answered: AtomicU64,
    failed: AtomicU64,
    agree: AtomicU64,
    disagree: AtomicU64,
    missing: AtomicU64,
    abstain: AtomicU64,
}

impl Meter {
    pub(super) fn answered(&self) {
        self.is_open.store(false, Ordering::Relaxed);
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, opened: bool) {
        self.is_open.store(opened, Ordering::Relaxed);
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn agreed(&self) {
        *self.dissents_since() = None;
        self.agree.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn disagreed(&self, now: Instant) {
        self.dissents_since().get_or_insert(now);
        self.disagree.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn was_missing(&self) {
        self.missing.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn abstained(&self) {
        self.abstain.fetch_add(1, Ordering::Relaxed);
    }

    fn dissents_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.dissents_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn standing(&self, name: &str, now: Instant) -> Standing {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Standing {
            name: name.to_owned(),
            is_open: self.is_open.load(Ordering::Relaxed),
            dissents_for: self.dissents_since().map(|since| now.saturating_duration_since(since)),
            counts: Counts {
                answered: read(&self.answered),
                failed: read(&self.failed),
                agree: read(&self.agree),
                disagree: read(&self.disagree),
                missing: read(&self.missing),
                abstain: read(&self.abstain),
            },
        }
    }
}

/// Tells how a pool's endpoints stand.
pub trait Health: Send + Sync {
    /// Every endpoint, in configured order.
    fn standings(&self) -> Vec<Standing>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dissent_lasts_until_the_endpoint_agrees() {
        let (meter, start) = (Meter::default(), Instant::now());
        let standing = |after| meter.standing("node", start + after);
        assert_eq!(standing(Duration::ZERO).dissents_for, None);
        meter.disagreed(start);
        meter.disagreed(start + Duration::from_secs(60));
        meter.was_missing();
        assert!(!standing(TOLERATED_DISSENT).is_alarming());
        let late = standing(TOLERATED_DISSENT + Duration::from_secs(1));
        assert!(late.is_alarming(), "counted from the first: {late:?}");
        meter.agreed();
        assert!(!standing(TOLERATED_DISSENT * 2).is_alarming());
    }
}

//! What is known of each endpoint of a pool, for metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
    /// What it has said.
    pub counts: Counts,
}

/// Counters of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Meter {
    is_open: AtomicBool,
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
        self.agree.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn disagreed(&self) {
        self.disagree.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn was_missing(&self) {
        self.missing.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn abstained(&self) {
        self.abstain.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn standing(&self, name: &str) -> Standing {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Standing {
            name: name.to_owned(),
            is_open: self.is_open.load(Ordering::Relaxed),
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

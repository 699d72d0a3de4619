//! What watchers pass over, and what they hear of nodes without asking.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use prometheus::{IntCounterVec, Opts, Registry};
use spandrel_verifiers::ChainId;
use spandrel_watchers::bitcoin::HintStats;

/// Says how many deposits had no name.
type Unnamed = Box<dyn Fn() -> u64 + Send + Sync>;
/// Says what was heard, by node.
type Heard = Box<dyn Fn() -> Vec<(String, HintStats)> + Send + Sync>;

/// Chains that are followed, with what their watchers count.
pub struct Followed {
    unnamed: IntCounterVec,
    notifications: IntCounterVec,
    skipped: Mutex<Vec<(ChainId, Unnamed)>>,
    heard: Mutex<Vec<(ChainId, Heard)>>,
}

impl Followed {
    /// Registers the counters.
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let counters = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec> {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        Ok(Self {
            unnamed: counters(
                "spandrel_watcher_unnamed_deposits_total",
                "Deposits skipped since the start for an asset, destination or lane that is in no list; one that is read \
                 again counts again",
                &["chain"],
            )?,
            notifications: counters(
                "spandrel_watcher_notifications_total",
                "What was heard of a Bitcoin node's ZMQ publisher since the start: messages (received, missed, unreadable), \
                 connections made, and restarts of its counters",
                &["chain", "node", "event"],
            )?,
            skipped: Mutex::default(),
            heard: Mutex::default(),
        })
    }

    /// Shows how many deposits of `chain` were skipped.
    pub fn unnamed(&self, chain: &ChainId, told: impl Fn() -> u64 + Send + Sync + 'static) {
        lock(&self.skipped).push((chain.clone(), Box::new(told)));
    }

    /// Shows what was heard of the nodes of `chain`.
    pub fn heard(&self, chain: &ChainId, told: impl Fn() -> Vec<(String, HintStats)> + Send + Sync + 'static) {
        lock(&self.heard).push((chain.clone(), Box::new(told)));
    }

    pub(super) fn show(&self) {
        for (chain, told) in lock(&self.skipped).iter() {
            show(&self.unnamed, &[chain.as_str()], told());
        }
        for (chain, told) in lock(&self.heard).iter() {
            for (node, HintStats { received, missed, restarts, unreadable, connections }) in told() {
                let counts = [
                    ("received", received),
                    ("missed", missed),
                    ("restarts", restarts),
                    ("unreadable", unreadable),
                    ("connections", connections),
                ];
                for (event, count) in counts {
                    show(&self.notifications, &[chain.as_str(), &node, event], count);
                }
            }
        }
    }
}

fn lock<T>(told: &Mutex<T>) -> MutexGuard<'_, T> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Brings a counter up to `count`.
pub(super) fn show(counters: &IntCounterVec, labels: &[&str], count: u64) {
    let counter = counters.with_label_values(labels);
    counter.inc_by(count.saturating_sub(counter.get()));
}

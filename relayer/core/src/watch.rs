//! The port by which sentinels tell other processes what stands.

use std::future::Future;

use serde::{Deserialize, Serialize};
use spandrel_verifiers::UnixSeconds;

use crate::ledger::StoreError;

/// What sentinels see as it stands. Those who decide on a resumption may be another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// Which sentinels, by what they look at: the same after a restart.
    pub of: String,
    /// When they saw everything last, or were set up.
    pub looked_at: UnixSeconds,
    /// What they found and nobody has lifted.
    pub found: Vec<Found>,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// What tells it from all others.
    pub key: String,
    /// By which rule and what, for people.
    pub what: String,
    /// Whether a resumption waits for its end.
    pub delays: bool,
    /// Since when it stands.
    pub since: UnixSeconds,
}

/// Where watches are kept: of each sentinels the last.
pub trait Watchbook: Send + Sync {
    /// Puts `watch` in the place of what these sentinels told before.
    fn tell(&self, watch: Watch) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What all of them told last, by whom they are of. What does not read back is an error.
    fn watches(&self) -> impl Future<Output = Result<Vec<Watch>, StoreError>> + Send;
}

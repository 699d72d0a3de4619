//! The port by which sentinels tell other processes what stands.

use std::future::Future;

use serde::{Deserialize, Serialize};
use spandrel_risk::{Corridor, Lane};
use spandrel_verifiers::{AssetId, ChainId, UnixSeconds};

use crate::ledger::StoreError;

/// Seconds after which sentinels that told nothing are not there any more: the chains that nobody reads are late by then.
const GONE: u64 = 86_400;

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
    /// Deposits that vaults do not take now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<ClosedVault>,
    /// Payouts that destinations do not make now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_payouts: Vec<ClosedPayout>,
}

impl Watch {
    /// Whether whoever told this is not there any more: it is no word on how things stand at `now`.
    pub fn is_gone(&self, now: UnixSeconds) -> bool {
        now.saturating_sub(self.looked_at) >= GONE
    }
}

/// Deposits that the vault of a source does not take, by the word of its own contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedVault {
    /// Whose vault.
    pub source: ChainId,
    /// For which chain; absent: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<ChainId>,
    /// Of which asset; absent: of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// Until when, inclusive; absent for a freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixSeconds>,
}

impl ClosedVault {
    /// Whether a deposit of `asset` on `source` for `destination` is refused at `now`.
    pub fn stops(&self, source: &ChainId, destination: &ChainId, asset: &AssetId, now: UnixSeconds) -> bool {
        self.source == *source
            && self.destination.as_ref().is_none_or(|only| only == destination)
            && self.asset.as_ref().is_none_or(|only| only == asset)
            && self.until.is_none_or(|until| now <= until)
    }
}

/// Payouts that a destination does not make, by the word of its own contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedPayout {
    /// Which destination.
    pub destination: ChainId,
    /// Of what was deposited where; absent: anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ChainId>,
    /// By which lane; absent: by both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// Of which asset; absent: of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset: Option<AssetId>,
    /// Until when, inclusive; absent for a freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixSeconds>,
}

impl ClosedPayout {
    /// Whether a payout of `corridor` is refused at `now`.
    pub fn stops(&self, corridor: &Corridor, now: UnixSeconds) -> bool {
        self.destination == corridor.destination
            && self.source.as_ref().is_none_or(|only| *only == corridor.source)
            && self.lane.is_none_or(|only| only == corridor.lane)
            && self.asset.as_ref().is_none_or(|only| *only == corridor.asset)
            && self.until.is_none_or(|until| now <= until)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_that_was_told_before_payouts_were_looked_at_reads_back() {
        let watch: Watch = serde_json::from_str(r#"{"of":"a","looked_at":3,"found":[]}"#).unwrap();
        assert_eq!(watch.closed_payouts, []);
    }
}

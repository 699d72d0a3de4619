//! How long the holders of a Bitcoin vault's key have to move what its depositors could take back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use prometheus::{IntGaugeVec, Registry};
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::gauges;

/// What was listed last of a chain.
struct Listed {
    at: UnixSeconds,
    /// When the first refund may come; None if nothing is to be moved.
    soonest: Option<UnixSeconds>,
}

/// One series for each chain with a vault whose outputs are listed.
#[derive(Clone)]
pub struct Vaults {
    left: IntGaugeVec,
    unlisted: IntGaugeVec,
    told: Arc<Mutex<BTreeMap<ChainId, Listed>>>,
}

impl Vaults {
    /// Registers the gauges.
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let gauges = |name, help| gauges::integers(registry, name, help, &["chain"]);
        Ok(Self {
            left: gauges(
                "spandrel_vault_refund_left_seconds",
                "Until the first output that was paid, or is to be, and was not moved can be taken back; none: there is none",
            )?,
            unlisted: gauges(
                "spandrel_vault_unlisted_seconds",
                "Since it was listed last what is to be moved out of a vault, or since the start",
            )?,
            told: Arc::default(),
        })
    }

    /// Begins to count how long nothing was listed of `chain`.
    pub fn begin(&self, chain: &ChainId, now: UnixSeconds) {
        self.told().entry(chain.clone()).or_insert(Listed { at: now, soonest: None });
    }

    /// Takes what was listed at `now`: when the first output may be taken back, if any is to be moved.
    pub fn listed(&self, chain: &ChainId, soonest: Option<UnixSeconds>, now: UnixSeconds) {
        self.told().insert(chain.clone(), Listed { at: now, soonest });
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<ChainId, Listed>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Between two listings time goes on.
    pub(super) fn show(&self, now: UnixSeconds) {
        self.left.reset();
        for (chain, listed) in self.told().iter() {
            self.unlisted.with_label_values(&[chain.as_str()]).set(now.saturating_sub(listed.at).cast_signed());
            if let Some(soonest) = listed.soonest {
                let left = soonest.cast_signed().saturating_sub(now.cast_signed());
                self.left.with_label_values(&[chain.as_str()]).set(left);
            }
        }
    }
}

//! How much is left of the time in which a start may begin at the trusted root of a chain.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use prometheus::{IntGaugeVec, Registry};
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::gauges;
use crate::trust::TrustPeriod;

type Told = Box<dyn Fn() -> Option<TrustPeriod> + Send + Sync>;

/// Chains that are followed from a trusted root.
pub struct Trusts {
    left: IntGaugeVec,
    period: IntGaugeVec,
    told: Mutex<Vec<(ChainId, Told)>>,
}

impl Trusts {
    /// Registers the gauges.
    pub fn new(registry: &Registry) -> Result<Self> {
        let gauges = |name, help| gauges::integers(registry, name, help, &["chain"]);
        Ok(Self {
            left: gauges(
                "spandrel_trust_left_seconds",
                "For how long a start may still begin at the trusted root, by chain; negative: no more",
            )?,
            period: gauges("spandrel_trust_period_seconds", "The weak-subjectivity period as configured, by chain")?,
            told: Mutex::default(),
        })
    }

    /// Shows what `told` says of `chain`, once it knows.
    pub fn add(&self, chain: &ChainId, told: impl Fn() -> Option<TrustPeriod> + Send + Sync + 'static) {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((chain.clone(), Box::new(told)));
    }

    pub(super) fn show(&self, now: UnixSeconds) {
        for (chain, told) in self.told.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let Some(period) = told() else { continue };
            self.left.with_label_values(&[chain.as_str()]).set(period.left(now));
            self.period.with_label_values(&[chain.as_str()]).set(period.seconds.cast_signed());
        }
    }
}

//! What the accounts that pay for gas have, beside what each must be able to send.

use alloy_primitives::{Address, U256};
use anyhow::Result;
use prometheus::{GaugeVec, Opts, Registry};
use spandrel_verifiers::ChainId;

use super::windows::approximate;

/// One series for each account on each chain.
#[derive(Clone)]
pub struct Balances {
    has: GaugeVec,
    least: GaugeVec,
}

impl Balances {
    /// Registers the gauges.
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let gauges = |name: &str, help: &str| -> Result<GaugeVec> {
            let gauges = GaugeVec::new(Opts::new(name, help), &["chain", "account"])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        Ok(Self {
            has: gauges(
                "spandrel_submit_balance_units",
                "What an account that pays for gas has, in the chain's coin, base units",
            )?,
            least: gauges(
                "spandrel_submit_least_balance_units",
                "What such an account must be able to send: its largest transaction at the highest fee, base units",
            )?,
        })
    }

    /// Shows what `account` has. What no node tells is not shown: an old balance would be taken for the present one.
    pub fn show(&self, chain: &ChainId, account: Address, least: U256, has: Option<U256>) {
        let account = account.to_string();
        let labels = [chain.as_str(), &account];
        self.least.with_label_values(&labels).set(approximate(&least));
        match has {
            Some(has) => self.has.with_label_values(&labels).set(approximate(&has)),
            // Nothing is there to be taken away when it was never told.
            None => drop(self.has.remove_label_values(&labels)),
        }
    }
}

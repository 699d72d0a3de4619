//! What is used of limits that something fills, as they stand: windows of 24 hours, and exposure.

use alloy_primitives::U512;
use anyhow::Result;
use prometheus::{GaugeVec, Opts, Registry};
use spandrel_risk::{Corridor, Lane, Limit, RiskPolicy, RiskState, Tank};
use spandrel_verifiers::UnixSeconds;

use crate::control::corridor_value;

/// Labels of a lane of a corridor: as many as are configured.
pub(super) const CORRIDOR: [&str; 4] = ["source", "destination", "asset", "lane"];

/// All of them.
pub struct Windows {
    of_corridor: Window,
    of_corridor_by_value: Window,
    exposure: Window,
    of_asset: Window,
    of_asset_by_value: Window,
    of_destination_by_value: Window,
}

/// What is used, and its limit.
struct Window {
    used: GaugeVec,
    limit: GaugeVec,
}

impl Window {
    fn show(&self, of: &[&str], used: U512, bound: Limit) {
        self.used.with_label_values(of).set(approximate(&used));
        self.limit.with_label_values(of).set(limit(bound));
    }
}

impl Windows {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self> {
        let gauges = |name: &str, help: String, of: &[&str]| -> Result<GaugeVec> {
            let gauges = GaugeVec::new(Opts::new(name, help), of)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        let window = |used: &str, limit: &str, what: &str, of: &[&str]| -> Result<Window> {
            Ok(Window {
                used: gauges(used, format!("Cleared and not paid, or paid in the last 24 hours, {what}"), of)?,
                limit: gauges(limit, format!("Most in 24 hours {what}; +Inf: unlimited"), of)?,
            })
        };
        let (exposed, cap) = ("Paid and not proven, base units", "Most that may be paid and not proven, base units");
        Ok(Self {
            of_corridor: window(
                "spandrel_risk_window_used_units",
                "spandrel_risk_window_limit_units",
                "on a lane of a corridor, base units",
                &CORRIDOR,
            )?,
            of_corridor_by_value: window(
                "spandrel_risk_corridor_value_used_units",
                "spandrel_risk_corridor_value_limit_units",
                "on a lane of a corridor, by value, less what was paid the other way where that is netted",
                &CORRIDOR,
            )?,
            exposure: Window {
                used: gauges("spandrel_risk_exposure_used_units", exposed.to_owned(), &CORRIDOR)?,
                limit: gauges("spandrel_risk_exposure_limit_units", format!("{cap}; +Inf: unlimited"), &CORRIDOR)?,
            },
            of_asset: window(
                "spandrel_risk_asset_window_used_units",
                "spandrel_risk_asset_window_limit_units",
                "over all corridors of an asset, base units",
                &["asset"],
            )?,
            of_asset_by_value: window(
                "spandrel_risk_asset_value_used_units",
                "spandrel_risk_asset_value_limit_units",
                "over all corridors of an asset, by value",
                &["asset"],
            )?,
            of_destination_by_value: window(
                "spandrel_risk_destination_value_used_units",
                "spandrel_risk_destination_value_limit_units",
                "towards a destination, by value",
                &["destination"],
            )?,
        })
    }

    /// Shows them as of `now`.
    pub fn show(&self, policy: &RiskPolicy, risk: &RiskState, now: UnixSeconds) {
        for (corridor, limits) in &policy.limits {
            let Corridor { source, destination, asset, lane } = corridor;
            let labels = [source.as_str(), destination.as_str(), &asset.to_string(), &lane.to_string()];
            self.of_corridor.show(&labels, risk.window_used(corridor, now), limits.window);
            if *lane == Lane::Fast {
                let exposed = risk.exposure(source, asset, destination);
                self.exposure.show(&labels, exposed, policy.exposure_cap(risk, corridor));
            }
        }
        for (corridor, rules) in &policy.wide.corridors {
            let Corridor { source, destination, asset, lane } = corridor;
            let labels = [source.as_str(), destination.as_str(), &asset.to_string(), &lane.to_string()];
            self.of_corridor_by_value.show(&labels, corridor_value(risk, corridor, rules, now), rules.notional);
        }
        for (asset, rules) in &policy.wide.assets {
            let name = asset.to_string();
            self.of_asset.show(&[&name], risk.asset_used(asset, now), rules.window);
            let used = risk.notional_used(&Tank::Asset { asset: asset.clone() }, now);
            self.of_asset_by_value.show(&[&name], used, rules.notional.unwrap_or(Limit::Unlimited));
        }
        for (chain, limit) in &policy.wide.destinations {
            let used = risk.notional_used(&Tank::Destination { chain: chain.clone() }, now);
            self.of_destination_by_value.show(&[chain.as_str()], used, *limit);
        }
    }
}

fn limit(limit: Limit) -> f64 {
    match limit {
        Limit::Amount(amount) => approximate(&amount),
        Limit::Unlimited => f64::INFINITY,
    }
}

/// For drawing, not for deciding: a float holds 53 bits of it.
pub(super) fn approximate(amount: &impl std::fmt::Display) -> f64 {
    amount.to_string().parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;

    #[test]
    fn amounts_are_drawn_as_large_as_they_are() {
        assert_eq!(limit(Limit::Amount(U256::from(50_000_000))), 50_000_000.0);
        assert_eq!(limit(Limit::Unlimited), f64::INFINITY);
        assert!(limit(Limit::Amount(U256::MAX)) > 1e77);
    }
}

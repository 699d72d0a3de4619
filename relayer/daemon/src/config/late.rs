//! From when on a source chain is late: by its row in `telemetry.late_after`, or without one as the alert `ChainLate` counts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use spandrel_verifiers::ChainId;

use super::Config;
use super::check::refuse;

/// Seconds, where the file says nothing. Bitcoin's blocks may take hours.
const BITCOIN_LATE_AFTER: u64 = 10_800;
/// The same of other chains.
const LATE_AFTER: u64 = 900;

impl Config {
    /// For each source chain, after how many seconds its last block is too old. There is none that is never late.
    pub fn late_after(&self) -> BTreeMap<ChainId, u64> {
        let bitcoin = self.bitcoin.iter().map(|source| (&source.chain, BITCOIN_LATE_AFTER));
        let ethereum = self.ethereum.iter().map(|source| (&source.network.chain, LATE_AFTER));
        let row = |chain, default| self.telemetry.late_after.get(chain).copied().unwrap_or(default);
        bitcoin.chain(ethereum).map(|(chain, default)| (chain.clone(), row(chain, default))).collect()
    }

    /// Only sources are read: another chain would be late for ever, and nothing could be resumed.
    pub(super) fn check_late_after(&self, sources: &BTreeSet<ChainId>) -> Result<()> {
        match self.telemetry.late_after.keys().find(|chain| !sources.contains(chain)) {
            Some(other) => refuse("telemetry.late_after", "source chains alone, for nothing else is read", other),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;
    use crate::config::control::tests::SOURCE;

    const BITCOIN: &str = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";

    /// The example and another source, with these rows.
    fn with(rows: &str) -> Result<Config> {
        let written = format!("late_after = {{ \"{BITCOIN}\" = 10800 }}");
        assert!(EXAMPLE.contains(&written), "the example has no {written}");
        Config::parse(&(EXAMPLE.replacen(&written, rows, 1) + SOURCE))
    }

    #[test]
    fn a_source_without_a_row_is_late_as_the_alert_says() {
        let bounds = |rows: &str| with(rows).unwrap().late_after().into_values().collect::<Vec<_>>();
        assert_eq!(bounds(""), [BITCOIN_LATE_AFTER, LATE_AFTER]);
        assert_eq!(bounds(&format!("late_after = {{ \"{BITCOIN}\" = 60 }}")), [60, LATE_AFTER]);
        let alert = include_str!("../../../../docs/operations/alerts.yaml");
        let others = format!("spandrel_watcher_lag_seconds{{chain!~\"bip122:.*\"}} > {LATE_AFTER}");
        let bitcoin = format!("spandrel_watcher_lag_seconds{{chain=~\"bip122:.*\"}} > {BITCOIN_LATE_AFTER}");
        assert!(alert.contains(&others) && alert.contains(&bitcoin));
    }

    #[test]
    fn a_row_of_a_chain_that_is_no_source_is_refused() {
        let error = with("late_after = { \"eip155:31337\" = 900 }").unwrap_err();
        let expected =
            "telemetry.late_after: expected source chains alone, for nothing else is read, found eip155:31337";
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    }
}

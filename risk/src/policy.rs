//! The configured limits, by corridor and lane.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, Deposit};

use crate::limit::decimal;
use crate::{Lane, Limit, Limits};

/// One lane for one asset from one chain to another: what limits and windows are kept for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corridor {
    /// From where.
    pub source: ChainId,
    /// To where.
    pub destination: ChainId,
    /// Asset, in the source's terms.
    pub asset: AssetId,
    /// By which lane.
    pub lane: Lane,
}

impl Corridor {
    /// The corridor of `deposit` on `lane`.
    pub fn of(deposit: &Deposit, lane: Lane) -> Self {
        Self {
            source: deposit.source_chain.clone(),
            destination: deposit.destination_chain.clone(),
            asset: deposit.asset.clone(),
            lane,
        }
    }
}

/// The limits of every corridor. What is not listed is unknown, and unknown is rejected.
///
/// Serialised as a list of rows, each a corridor with its limits; a corridor listed twice is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Row>", into = "Vec<Row>")]
pub struct RiskPolicy {
    /// Limits by corridor.
    pub limits: BTreeMap<Corridor, Limits>,
}

impl RiskPolicy {
    /// The limits of `corridor`, if it is listed.
    pub fn limits(&self, corridor: &Corridor) -> Option<&Limits> {
        self.limits.get(corridor)
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    source: ChainId,
    destination: ChainId,
    asset: AssetId,
    lane: Lane,
    per_transfer: Limit,
    exposure_cap: Limit,
    window: Limit,
    large_from: Limit,
    large_delay: u64,
    #[serde(with = "decimal")]
    dust: U256,
}

impl From<RiskPolicy> for Vec<Row> {
    fn from(policy: RiskPolicy) -> Self {
        let rows = policy.limits.into_iter().map(|(corridor, limits)| {
            let Corridor { source, destination, asset, lane } = corridor;
            let Limits { per_transfer, exposure_cap, window, large_from, large_delay, dust } = limits;
            Row { source, destination, asset, lane, per_transfer, exposure_cap, window, large_from, large_delay, dust }
        });
        rows.collect()
    }
}

impl TryFrom<Vec<Row>> for RiskPolicy {
    type Error = String;

    fn try_from(rows: Vec<Row>) -> Result<Self, String> {
        let mut limits = BTreeMap::new();
        for row in rows {
            let Row { source, destination, asset, lane, .. } = row;
            let Row { per_transfer, exposure_cap, window, large_from, large_delay, dust, .. } = row;
            let corridor = Corridor { source, destination, asset, lane };
            let found = Limits { per_transfer, exposure_cap, window, large_from, large_delay, dust };
            if limits.insert(corridor.clone(), found).is_some() {
                return Err(format!("limits: expected each corridor once, found {corridor:?} twice"));
            }
        }
        Ok(Self { limits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"source":"eip155:1","destination":"eip155:2","asset":"eip155:1/slip44:60","lane":"fast",
        "per_transfer":"10","exposure_cap":"20","window":"unlimited","large_from":"8","large_delay":60,"dust":"1"}"#;

    #[test]
    fn a_policy_reads_back_what_it_writes() {
        let policy: RiskPolicy = serde_json::from_str(&format!("[{ROW}]")).unwrap();
        let written = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<RiskPolicy>(&written).unwrap(), policy);
    }

    #[test]
    fn a_corridor_listed_twice_or_a_missing_or_unknown_field_refuses_to_load() {
        let read = |text: String| serde_json::from_str::<RiskPolicy>(&text).unwrap_err().to_string();
        assert!(read(format!("[{ROW},{ROW}]")).contains("twice"));
        assert!(read(format!("[{}]", ROW.replace(r#""window":"unlimited","#, ""))).contains("window"));
        assert!(read(format!("[{}]", ROW.replace("dust", "dusty"))).contains("dusty"));
    }
}

//! The configured limits, by corridor and lane.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use spandrel_verifiers::{AssetId, ChainId, Deposit};

use crate::limit::decimal;
use crate::{Lane, Limit, Limits, RiskState, WideLimits};

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

/// What may move. What is not listed is unknown, and unknown is rejected.
///
/// Serialised as rows, each a corridor with its limits (a corridor listed twice is refused), and the wide limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskPolicy {
    /// Limits by corridor.
    #[serde(with = "rows")]
    pub limits: BTreeMap<Corridor, Limits>,
    /// Limits that reach over corridors.
    pub wide: WideLimits,
}

impl RiskPolicy {
    /// Limits of corridors alone: nothing is limited over corridors, by value or by party, by decision.
    pub fn of_corridors(limits: BTreeMap<Corridor, Limits>) -> Self {
        let wide = WideLimits::unlimited(limits.keys());
        Self { limits, wide }
    }

    /// The most that fast payouts of `corridor` may come to before their proof as things are: its cap, or what other
    /// destinations leave of the share of what stands locked.
    pub fn exposure_cap(&self, state: &RiskState, corridor: &Corridor) -> Limit {
        let cap = self.limits(corridor).map_or(Limit::CLOSED, |limits| limits.exposure_cap);
        let Some(rule) = self.wide.assets.get(&corridor.asset).and_then(|rules| rules.exposure.as_ref()) else {
            return cap;
        };
        let Corridor { source, asset, destination, .. } = corridor;
        let share = rule.cap(state.locked(source, asset, &rule.returned_as));
        let left = share.saturating_sub(state.exposure_elsewhere(source, asset, destination));
        cap.min(Limit::Amount(U256::saturating_from(left)))
    }

    /// The limits of `corridor`, if it is listed.
    pub fn limits(&self, corridor: &Corridor) -> Option<&Limits> {
        self.limits.get(corridor)
    }
}

/// Limits by corridor, as a list of rows.
pub(crate) mod rows {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        limits: &BTreeMap<Corridor, Limits>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(limits.iter().map(|(corridor, limits)| Row::of(corridor.clone(), *limits)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Corridor, Limits>, D::Error> {
        let mut limits = BTreeMap::new();
        for row in Vec::<Row>::deserialize(deserializer)? {
            let (corridor, found) = row.read();
            if limits.insert(corridor.clone(), found).is_some() {
                return Err(D::Error::custom(format!("limits: expected each corridor once, found {corridor:?} twice")));
            }
        }
        Ok(limits)
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

impl Row {
    fn of(corridor: Corridor, limits: Limits) -> Self {
        let Corridor { source, destination, asset, lane } = corridor;
        let Limits { per_transfer, exposure_cap, window, large_from, large_delay, dust } = limits;
        Self { source, destination, asset, lane, per_transfer, exposure_cap, window, large_from, large_delay, dust }
    }

    fn read(self) -> (Corridor, Limits) {
        let Self { source, destination, asset, lane, .. } = self;
        let Self { per_transfer, exposure_cap, window, large_from, large_delay, dust, .. } = self;
        let limits = Limits { per_transfer, exposure_cap, window, large_from, large_delay, dust };
        (Corridor { source, destination, asset, lane }, limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LimitTable;

    const ROW: &str = r#"{"source":"eip155:1","destination":"eip155:2","asset":"eip155:1/slip44:60","lane":"fast",
        "per_transfer":"10","exposure_cap":"20","window":"unlimited","large_from":"8","large_delay":60,"dust":"1"}"#;

    #[test]
    fn a_policy_reads_back_what_it_writes() {
        let table: LimitTable = serde_json::from_str(&format!("[{ROW}]")).unwrap();
        let policy = RiskPolicy::of_corridors(table.limits);
        let written = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<RiskPolicy>(&written).unwrap(), policy);
    }

    #[test]
    fn a_corridor_listed_twice_or_a_missing_or_unknown_field_refuses_to_load() {
        let read = |text: String| serde_json::from_str::<LimitTable>(&text).unwrap_err().to_string();
        assert!(read(format!("[{ROW},{ROW}]")).contains("twice"));
        assert!(read(format!("[{}]", ROW.replace(r#""window":"unlimited","#, ""))).contains("window"));
        assert!(read(format!("[{}]", ROW.replace("dust", "dusty"))).contains("dusty"));
    }
}

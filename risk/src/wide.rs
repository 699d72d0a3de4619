//! Limits that reach over corridors: per asset, per destination, per party, by value. What is not listed is closed.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{U256, U512};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, Deposit, UnixSeconds};

use crate::limit::decimal;
use crate::velocity::{Bucket, Fill, Side};
use crate::{Charge, Corridor, Lane, Limit, Limits, PriceRule, RiskState};

/// Limits that reach over corridors. An asset or destination that is not listed is unknown, and unknown is rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WideRows", into = "WideRows")]
pub struct WideLimits {
    /// By asset.
    pub assets: BTreeMap<AssetId, AssetRules>,
    /// Notional that may be cleared towards a destination in any 24 hours. Where it is limited, what has no value is held.
    pub destinations: BTreeMap<ChainId, Limit>,
    /// By corridor; without a row, closed to what has a value, and without netting.
    pub corridors: BTreeMap<Corridor, CorridorRules>,
    /// Source chains whose blocks can be bought.
    pub depths: BTreeMap<ChainId, DepthRule>,
}

/// What of one asset may be cleared, wherever it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetRules {
    /// Base units in any 24 hours, over all corridors and both lanes.
    pub window: Limit,
    /// The same by value. A file must say it where there is a price. Absent: there is none, as before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notional: Option<Limit>,
    /// How its price is read. Without one it has no value: limits in amounts hold for it alone, by decision, and where a
    /// destination is limited by value it does not go there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<PriceRule>,
    /// What one sender may have cleared.
    pub sender: Bucket,
    /// What one recipient may be cleared.
    pub recipient: Bucket,
    /// A transfer of more than so many times the p99 of the last clearances is held.
    pub most_of_p99: Limit,
    /// Base units up to which nothing is unusual, so that dust cannot make it so.
    #[serde(with = "decimal")]
    pub usual: U256,
    /// How much of what stands locked may be paid before its proof. Without it the corridors' own caps stand alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<ExposureRule>,
}

/// How much of what stands locked may be paid by the fast lane before its proof, to all destinations together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExposureRule {
    /// Hundredths of a percent of what stands locked: what was proven, without what was paid for what came back.
    pub share: u32,
    /// What stands for the asset on other chains, and is burnt there when it comes back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub returned_as: BTreeSet<AssetId>,
}

/// What of one corridor may be cleared by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorridorRules {
    /// Notional in any 24 hours.
    pub notional: Limit,
    /// The corridor whose payouts make room in this one's window by value, for 24 hours from when they are over and stand.
    /// Never for the fast lane, and never below zero.
    pub netted_with: Option<Corridor>,
}

/// What a chain's blocks cost whoever fakes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthRule {
    /// Notional that faking one block costs. All that is cleared from this chain in 24 hours must stay below the cost of
    /// as many blocks as the deposit stands under.
    #[serde(with = "decimal")]
    pub block_cost: U256,
    /// Fewest blocks, whatever the value.
    pub least: u64,
}

impl AssetRules {
    /// Limits nothing, by decision.
    pub const UNLIMITED: Self = Self {
        window: Limit::Unlimited,
        notional: None,
        price: None,
        sender: Bucket::UNLIMITED,
        recipient: Bucket::UNLIMITED,
        most_of_p99: Limit::Unlimited,
        usual: U256::ZERO,
        exposure: None,
    };
}

impl ExposureRule {
    /// All that stands locked.
    pub const WHOLE: u32 = 10_000;

    /// How much of `locked` that is, rounded down.
    pub(crate) fn cap(&self, locked: U512) -> U512 {
        let share = locked.saturating_mul(U512::from(self.share));
        share.checked_div(U512::from(Self::WHOLE)).unwrap_or_default()
    }
}

impl DepthRule {
    /// How many blocks a value needs over it: so many that it is below their cost.
    pub(crate) fn needed(&self, value: U512) -> u64 {
        let blocks = value.checked_div(U512::from(self.block_cost));
        let needed = blocks.map_or(u64::MAX, |blocks| blocks.saturating_to::<u64>().saturating_add(1));
        needed.max(self.least)
    }
}

impl WideLimits {
    /// Limits nothing that the corridors' own limits let pass, by decision.
    pub fn unlimited<'a>(corridors: impl IntoIterator<Item = &'a Corridor>) -> Self {
        let mut wide = Self::default();
        for corridor in corridors {
            wide.assets.insert(corridor.asset.clone(), AssetRules::UNLIMITED);
            wide.destinations.insert(corridor.destination.clone(), Limit::Unlimited);
        }
        wide
    }

    /// What the clearance of `deposit` is to be charged beside its corridor's window: what it was asked for, by the same time.
    pub fn charge(&self, state: &RiskState, deposit: &Deposit, now: UnixSeconds) -> Charge {
        let Some(rules) = self.assets.get(&deposit.asset) else { return Charge::default() };
        let (price, now) = (state.price(&deposit.asset), state.not_before_clock(now));
        let notional = rules.price.map(|rule| rule.charged(price, deposit.amount, now));
        let sides =
            [(Side::Sender, deposit.sender, &rules.sender), (Side::Recipient, deposit.recipient, &rules.recipient)];
        let fills = sides.into_iter().filter_map(|(side, party, bucket)| Fill::of(side, party, bucket)).collect();
        Charge { notional: notional.unwrap_or_default(), fills }
    }
}

/// The same as rows, as configuration has it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WideRows {
    #[serde(default)]
    asset: Vec<AssetRow>,
    #[serde(default)]
    destination: Vec<DestinationRow>,
    #[serde(default)]
    corridor: Vec<CorridorRow>,
    #[serde(default)]
    depth: Vec<DepthRow>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AssetRow {
    asset: AssetId,
    window: Limit,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notional: Option<Limit>,
    sender: Bucket,
    recipient: Bucket,
    most_of_p99: Limit,
    #[serde(with = "decimal")]
    usual: U256,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exposure: Option<ExposureRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price: Option<PriceRule>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DestinationRow {
    chain: ChainId,
    notional: Limit,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CorridorRow {
    source: ChainId,
    destination: ChainId,
    asset: AssetId,
    lane: Lane,
    notional: Limit,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    netted_with: Option<Corridor>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DepthRow {
    chain: ChainId,
    #[serde(with = "decimal")]
    block_cost: U256,
    least: u64,
}

impl From<WideLimits> for WideRows {
    fn from(wide: WideLimits) -> Self {
        let asset = wide.assets.into_iter().map(|(asset, rules)| {
            let AssetRules { window, notional, price, sender, recipient, most_of_p99, usual, exposure } = rules;
            AssetRow { asset, window, notional, sender, recipient, most_of_p99, usual, exposure, price }
        });
        let destination = wide.destinations.into_iter().map(|(chain, notional)| DestinationRow { chain, notional });
        let corridor = wide.corridors.into_iter().map(|(corridor, rules)| {
            let Corridor { source, destination, asset, lane } = corridor;
            let CorridorRules { notional, netted_with } = rules;
            CorridorRow { source, destination, asset, lane, notional, netted_with }
        });
        let depth = wide.depths.into_iter().map(|(chain, rule)| {
            let DepthRule { block_cost, least } = rule;
            DepthRow { chain, block_cost, least }
        });
        Self {
            asset: asset.collect(),
            destination: destination.collect(),
            corridor: corridor.collect(),
            depth: depth.collect(),
        }
    }
}

impl TryFrom<WideRows> for WideLimits {
    type Error = String;

    fn try_from(rows: WideRows) -> Result<Self, String> {
        let asset = rows.asset.into_iter().map(|row| {
            let AssetRow { asset, window, notional, sender, recipient, most_of_p99, usual, exposure, price } = row;
            (asset, AssetRules { window, notional, price, sender, recipient, most_of_p99, usual, exposure })
        });
        let destination = rows.destination.into_iter().map(|row| (row.chain, row.notional));
        let corridor = rows.corridor.into_iter().map(|row| {
            let CorridorRow { source, destination, asset, lane, notional, netted_with } = row;
            (Corridor { source, destination, asset, lane }, CorridorRules { notional, netted_with })
        });
        let depth = rows.depth.into_iter().map(|row| {
            let DepthRow { chain, block_cost, least } = row;
            (chain, DepthRule { block_cost, least })
        });
        let wide = Self {
            assets: each_once("asset", asset)?,
            destinations: each_once("destination", destination)?,
            corridors: each_once("corridor", corridor)?,
            depths: each_once("depth", depth)?,
        };
        for (corridor, rules) in &wide.corridors {
            let Some(with) = &rules.netted_with else { continue };
            if corridor.lane == Lane::Fast || with.lane == Lane::Fast {
                return Err(format!("corridor.netted_with: expected no fast lane, found {corridor:?} with {with:?}"));
            }
        }
        Ok(wide)
    }
}

fn each_once<K: Ord + std::fmt::Debug, V>(
    name: &str,
    rows: impl Iterator<Item = (K, V)>,
) -> Result<BTreeMap<K, V>, String> {
    let mut all = BTreeMap::new();
    for (key, value) in rows {
        let found = format!("{key:?}");
        if all.insert(key, value).is_some() {
            return Err(format!("{name}: expected each once, found {found} twice"));
        }
    }
    Ok(all)
}

/// Limits of corridors as rows, for configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LimitTable {
    /// Limits by corridor.
    #[serde(with = "crate::policy::rows")]
    pub limits: BTreeMap<Corridor, Limits>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORRIDOR: &str =
        r#"{"source":"eip155:1","destination":"eip155:2","asset":"eip155:1/slip44:60","lane":"light_client"}"#;

    fn read(text: &str) -> Result<WideLimits, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn wide_limits_read_back_what_they_write_and_refuse_what_is_listed_twice() {
        let bucket = r#"{"capacity":"5","refill_seconds":60}"#;
        let asset = format!(
            r#"{{"asset":"eip155:1/slip44:60","window":"10","sender":{bucket},"recipient":{bucket},"most_of_p99":"unlimited","usual":"4",
            "price":{{"unit":"100","floor":"1","fresh_for":1,"stale_after":2,"widest":3}}}}"#
        );
        let corridor = CORRIDOR.replace('}', &format!(r#","notional":"7","netted_with":{CORRIDOR}}}"#));
        let depth = r#"{"chain":"bip122:000000000019d6689c085ae165831e93","block_cost":"9","least":2}"#;
        let destination = r#"{"chain":"eip155:2","notional":"8"}"#;
        let whole = |asset: &str| {
            format!(r#"{{"asset":[{asset}],"destination":[{destination}],"corridor":[{corridor}],"depth":[{depth}]}}"#)
        };
        let wide = read(&whole(&asset)).unwrap();
        assert_eq!(read(&serde_json::to_string(&wide).unwrap()).unwrap(), wide);
        let written = serde_json::to_string(&wide.assets.values().next()).unwrap();
        let is_new = |key| written.contains(key);
        assert!(!is_new("exposure") && !is_new("notional"), "what was written before reads as it was: {written}");
        let by_value = read(&whole(&asset.replace(r#""sender""#, r#""notional":"6","sender""#))).unwrap();
        assert_eq!(read(&serde_json::to_string(&by_value).unwrap()).unwrap(), by_value);
        assert!(by_value.assets.values().all(|rules| rules.notional == Some(Limit::Amount(U256::from(6)))));
        let rule = r#""exposure":{"share":100,"returned_as":["eip155:2/erc20:0x06"]},"price""#;
        let shared = read(&whole(&asset.replace(r#""price""#, rule))).unwrap();
        assert_eq!(read(&serde_json::to_string(&shared).unwrap()).unwrap(), shared);
        assert!(shared.assets.values().all(|rules| rules.exposure.as_ref().is_some_and(|rule| rule.share == 100)));
        assert!(read(&whole(&format!("{asset},{asset}"))).unwrap_err().contains("twice"));
        assert!(read(&whole(&asset.replace("window", "windy"))).unwrap_err().contains("windy"));
    }

    #[test]
    fn the_fast_lane_is_never_netted() {
        for fast in [0, 1] {
            let lanes = [0, 1].map(|n| if n == fast { "fast" } else { "light_client" });
            let corridor = CORRIDOR.replace("light_client", lanes[0]);
            let with = CORRIDOR.replace("light_client", lanes[1]);
            let row = corridor.replace('}', &format!(r#","notional":"7","netted_with":{with}}}"#));
            assert!(read(&format!(r#"{{"corridor":[{row}]}}"#)).unwrap_err().contains("no fast lane"));
        }
    }

    #[test]
    fn a_value_needs_so_many_blocks_that_it_is_below_their_cost() {
        let rule = DepthRule { block_cost: U256::from(100), least: 2 };
        let needed = [0u64, 199, 200, 299, 300].map(|value| rule.needed(U512::from(value)));
        assert_eq!(needed, [2, 2, 3, 3, 4]);
        let free = DepthRule { block_cost: U256::ZERO, least: 2 };
        assert_eq!(free.needed(U512::ZERO), u64::MAX, "blocks that cost nothing prove nothing");
    }
}

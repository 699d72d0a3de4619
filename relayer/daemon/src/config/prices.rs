//! Where prices come from.

use std::fmt;

use alloy_primitives::Address;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId};
use spandrel_watchers::ethereum::PriceContract;

use super::chains::redacted;

/// A contract that publishes what an asset is worth.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceFeedConfig {
    /// Whose price it is: one with a `price` among the limits over corridors.
    #[schemars(with = "super::schema::Asset")]
    pub asset: AssetId,
    /// The EVM chain that it is on.
    #[schemars(with = "super::schema::Chain")]
    pub chain: ChainId,
    /// Where.
    #[schemars(with = "super::schema::Account")]
    pub contract: Address,
    /// Decimal digits of the unit in which values are limited: 6 for millionths.
    pub digits: u8,
    /// Seconds between two readings.
    pub every_seconds: u64,
    /// How many of `nodes` must tell the same: more than half.
    pub quorum: usize,
    /// JSON-RPC addresses.
    pub nodes: Vec<String>,
    /// What kind of contract it is.
    #[schemars(with = "super::schema::Publisher")]
    pub publisher: PriceContract,
}

/// URLs of nodes often hold credentials: only scheme and host are shown.
impl fmt::Debug for PriceFeedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceFeedConfig")
            .field("asset", &self.asset)
            .field("chain", &self.chain)
            .field("contract", &self.contract)
            .field("publisher", &self.publisher)
            .field("nodes", &self.nodes.iter().map(|node| redacted(node)).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

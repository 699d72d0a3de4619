//! What the bridge serves: chains, assets and routes, from its configuration.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256, keccak256};
use bitcoin::Network;
use spandrel_core::Policy;
use spandrel_risk::{Corridor, Lane};
use spandrel_verifiers::bitcoin::MIN_REFUND_DELAY;
use spandrel_verifiers::{AssetId, ChainId};

use crate::{Denominations, Problem};

/// How deposits are made on a source chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// A Taproot output that pays the vault.
    Bitcoin {
        /// The vault's x-only internal key.
        vault: B256,
        /// For addresses.
        network: Network,
    },
    /// A call of the vault contract.
    Evm {
        /// The `Vault`.
        vault: Address,
    },
}

impl SourceKind {
    /// Seconds after a Bitcoin deposit in which it is paid, less six hours in which the payout goes out: at 300 seconds a block
    /// (`BitcoinInclusionVerifier.REFUND_SECONDS_PER_BLOCK`) its depositor takes it back then.
    pub const LONGEST_ON_BITCOIN: u64 = MIN_REFUND_DELAY as u64 * 300 - 6 * 3_600;
    /// Seconds for which an EVM chain takes a deposit (`Vault.MAX_LIFETIME`), less two days: the one in which it is made, and
    /// one for clocks and payouts that lag.
    pub const LONGEST_ON_EVM: u64 = (30 - 2) * 86_400;

    /// Seconds that may be between a deposit and its payout at most.
    pub const fn longest_wait(&self) -> u64 {
        match self {
            Self::Bitcoin { .. } => Self::LONGEST_ON_BITCOIN,
            Self::Evm { .. } => Self::LONGEST_ON_EVM,
        }
    }
}

/// A source chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which.
    pub chain: ChainId,
    /// How deposits are made.
    pub kind: SourceKind,
    /// Seconds between its blocks, typically.
    pub block_seconds: u64,
    /// Seconds from a deposit to its finality, typically: of the largest amounts, where it goes by amount.
    pub finality_seconds: u64,
    /// What up to some amount is final sooner, in base units, and after how many seconds: smallest amounts first.
    pub sooner: Vec<(U256, u64)>,
    /// Seconds from a deposit to the fast lane's attestation, typically.
    pub fast_seconds: u64,
}

impl Source {
    /// Seconds until a deposit of `amount` is final and stands under `blocks` final blocks, its own included.
    pub fn seconds_to(&self, amount: U256, blocks: u64) -> u64 {
        let finality = |amount| {
            let tier = self.sooner.iter().find(|(up_to, _)| amount <= *up_to);
            tier.map_or(self.finality_seconds, |(_, seconds)| *seconds)
        };
        let above = blocks.saturating_sub(1).saturating_mul(self.block_seconds);
        // A chain's final block moves on as the smallest amounts are final.
        finality(amount).max(finality(U256::ZERO).saturating_add(above))
    }

    /// How many blocks that comes to, a deposit's own included; nothing where no count of blocks makes one final.
    pub fn blocks_to(&self, amount: U256, blocks: u64) -> Option<u64> {
        match self.kind {
            SourceKind::Bitcoin { .. } => self.seconds_to(amount, blocks).checked_div(self.block_seconds),
            SourceKind::Evm { .. } => None,
        }
    }
}

/// One asset from one chain to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Short and stable: derived from the three names.
    pub id: String,
    /// From.
    pub source: ChainId,
    /// To.
    pub destination: ChainId,
    /// Asset, in the source's terms.
    pub asset: AssetId,
    /// The lanes that have limits.
    pub lanes: BTreeSet<Lane>,
}

impl Route {
    /// The corridor of `lane`.
    pub fn corridor(&self, lane: Lane) -> Corridor {
        Corridor { source: self.source.clone(), destination: self.destination.clone(), asset: self.asset.clone(), lane }
    }
}

/// Everything that is served.
#[derive(Clone, Debug)]
pub struct Catalog {
    sources: BTreeMap<ChainId, Source>,
    destinations: BTreeSet<ChainId>,
    routes: BTreeMap<String, Route>,
    denominations: Denominations,
}

impl Catalog {
    /// The catalog of a policy. A source without an entry in `sources` is watched, but takes no orders.
    pub fn new(policy: &Policy, sources: Vec<Source>) -> Self {
        let mut routes: BTreeMap<String, Route> = BTreeMap::new();
        for corridor in policy.risk.limits.keys() {
            let Corridor { source, destination, asset, lane } = corridor;
            let id = route_id(source, destination, asset);
            let route = routes.entry(id.clone()).or_insert_with(|| Route {
                id,
                source: source.clone(),
                destination: destination.clone(),
                asset: asset.clone(),
                lanes: BTreeSet::new(),
            });
            route.lanes.insert(*lane);
        }
        let sources: BTreeMap<_, _> = sources.into_iter().map(|source| (source.chain.clone(), source)).collect();
        Self {
            sources,
            destinations: policy.destinations.keys().cloned().collect(),
            routes,
            denominations: Denominations::default(),
        }
    }

    /// With what amounts are written in.
    #[must_use]
    pub fn denominated(self, denominations: Denominations) -> Self {
        Self { denominations, ..self }
    }

    /// How amounts are written for people.
    pub fn denominations(&self) -> &Denominations {
        &self.denominations
    }

    /// The chains on which deposits are made.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// One of them.
    pub fn source(&self, chain: &ChainId) -> Option<&Source> {
        self.sources.get(chain)
    }

    /// The chains on which payouts are made.
    pub fn destinations(&self) -> impl Iterator<Item = &ChainId> {
        self.destinations.iter()
    }

    /// The routes.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.values()
    }

    /// The route with this id.
    ///
    /// # Errors
    /// 404 `UNKNOWN_ROUTE`.
    pub fn route(&self, id: &str) -> Result<&Route, Problem> {
        let shown: String = id.chars().take(40).collect();
        self.routes
            .get(id)
            .ok_or_else(|| Problem::not_found("UNKNOWN_ROUTE", format!("route {shown:?}")).about("route"))
    }
}

fn route_id(source: &ChainId, destination: &ChainId, asset: &AssetId) -> String {
    let hash = keccak256([source.hash(), destination.hash(), asset.hash()].concat());
    format!("rt_{}", hex::encode(hash.get(..8).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_are_final_sooner_and_depth_by_value_comes_on_top() {
        let source = Source {
            chain: ChainId::eip155(1),
            kind: SourceKind::Evm { vault: Address::ZERO },
            block_seconds: 600,
            finality_seconds: 7_200,
            sooner: vec![(U256::from(10), 1_200), (U256::from(100), 3_600)],
            fast_seconds: 600,
        };
        let seconds = [(10, 0), (11, 1), (100, 1), (101, 1), (10, 2), (101, 3), (101, 12)]
            .map(|(amount, blocks)| source.seconds_to(U256::from(amount), blocks));
        assert_eq!(seconds, [1_200, 3_600, 3_600, 7_200, 1_800, 7_200, 7_800]);
        assert_eq!(source.seconds_to(U256::MAX, u64::MAX), u64::MAX);
    }
}

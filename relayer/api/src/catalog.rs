//! What the bridge serves: chains, assets and routes, from its configuration.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, keccak256};
use bitcoin::Network;
use spandrel_core::Policy;
use spandrel_risk::{Corridor, Lane};
use spandrel_verifiers::{AssetId, ChainId};

use crate::Problem;

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

/// A source chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which.
    pub chain: ChainId,
    /// How deposits are made.
    pub kind: SourceKind,
    /// Seconds from a deposit to its finality, typically.
    pub finality_seconds: u64,
    /// Seconds from a deposit to the fast lane's attestation, typically.
    pub fast_seconds: u64,
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
        Self { sources, destinations: policy.destinations.keys().cloned().collect(), routes }
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

//! What is served: chains, assets, routes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use spandrel_risk::{Corridor, Lane};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::file::assumed;
use utoipa::ToSchema;

use super::{ReasonView, Service};
use crate::{Denomination, Denominations, Problem, Route, SourceKind};

/// A chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChainView {
    /// CAIP-2.
    pub id: String,
    /// Whether deposits are made there.
    pub source: bool,
    /// Whether payouts are made there.
    pub destination: bool,
    /// What makes a block final: `confirmations` (Bitcoin), `sync_committee` (Ethereum).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finality: Option<&'static str>,
    /// Seconds from a deposit to its finality, typically.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finality_seconds: Option<u64>,
    /// `ok`; `halted` while it is not followed, `paused` while nothing goes from or to it, `late` while its last block read is
    /// older than expected.
    pub status: &'static str,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AssetView {
    /// CAIP-19.
    pub id: String,
    /// CAIP-2 of its chain.
    pub chain: String,
    /// Its short name. Absent where the operator has told none and it is no coin that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// How many digits of base units stand behind the point of a unit. Absent where nobody has told: amounts are base units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RouteView {
    /// Hand it in for limits and quotes.
    pub id: String,
    /// CAIP-2.
    pub source: String,
    /// CAIP-2.
    pub destination: String,
    /// CAIP-19, in the source's terms.
    pub asset: String,
    /// The token that is paid, which may have other decimals: as many base units of it are paid as were deposited. Absent where
    /// the operator has not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_as: Option<Denomination>,
    /// `fast`, `light_client`.
    pub lanes: Vec<String>,
    /// Whether orders are taken.
    pub orders: bool,
    /// Seconds from a deposit to its payout, typically, by lane.
    pub eta_seconds: BTreeMap<String, u64>,
    /// Why nothing passes now, by lane; empty while both are open.
    pub closed: BTreeMap<String, ReasonView>,
    /// What is taken on trust, by lane: nothing of it is proven.
    pub trust: BTreeMap<String, Vec<String>>,
}

impl Service {
    /// The chains that are served.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn chains(&self) -> Result<Vec<ChainView>, Problem> {
        let now = self.now();
        let (summary, (risk, policy)) = (self.summary().await?, self.risk());
        let late: BTreeSet<&ChainId> = summary.late(&self.late_after, now).map(|(chain, _)| chain).collect();
        let is_paused = |id: &ChainId| {
            let mut corridors =
                policy.limits.keys().filter(|way| way.source == *id || way.destination == *id).peekable();
            let stopped = |way: &Corridor| risk.pauses_at(now).any(|(scope, _)| scope.stops(way));
            corridors.peek().is_some() && corridors.all(stopped)
        };
        let catalog = &self.catalog;
        let ids: BTreeSet<_> = catalog.sources().map(|source| &source.chain).chain(catalog.destinations()).collect();
        let view = |id: &ChainId| {
            let source = catalog.source(id);
            ChainView {
                id: id.to_string(),
                source: source.is_some(),
                destination: catalog.destinations().any(|chain| chain == id),
                finality: source.map(|source| match source.kind {
                    SourceKind::Bitcoin { .. } => "confirmations",
                    SourceKind::Evm { .. } => "sync_committee",
                }),
                finality_seconds: source.map(|source| source.finality_seconds),
                status: match (summary.halted.contains_key(id), is_paused(id), late.contains(id)) {
                    (true, ..) => "halted",
                    (false, true, _) => "paused",
                    (false, false, true) => "late",
                    (false, false, false) => "ok",
                },
            }
        };
        Ok(ids.into_iter().map(view).collect())
    }

    /// How amounts are written for people.
    pub(crate) fn denominations(&self) -> &Denominations {
        self.catalog.denominations()
    }

    /// The assets that are served.
    pub fn assets(&self) -> Vec<AssetView> {
        let assets: BTreeSet<_> = self.catalog.routes().map(|route| &route.asset).collect();
        let view = |asset: &spandrel_verifiers::AssetId| {
            let chain = asset.as_str().split('/').next().unwrap_or_default();
            let told = self.denominations().of(asset.as_str());
            let (symbol, decimals) = told.map(|told| (told.symbol().to_owned(), told.decimals())).unzip();
            AssetView { id: asset.to_string(), chain: chain.to_owned(), symbol, decimals }
        };
        assets.into_iter().map(view).collect()
    }

    /// The routes that are served.
    ///
    /// # Errors
    /// None that a route of the catalog can have.
    pub async fn routes(&self) -> Result<Vec<RouteView>, Problem> {
        let mut views = Vec::new();
        for route in self.catalog.routes() {
            let source = self.catalog.source(&route.source);
            let eta = source.map(|source| {
                let of = |lane: &Lane| match lane {
                    Lane::Fast => source.fast_seconds,
                    Lane::LightClient => source.finality_seconds,
                };
                route.lanes.iter().map(|lane| (lane.to_string(), of(lane))).collect()
            });
            let lanes = self.limits(&route.id).await?.into_iter();
            views.push(RouteView {
                id: route.id.clone(),
                source: route.source.to_string(),
                destination: route.destination.to_string(),
                asset: route.asset.to_string(),
                paid_as: self.denominations().paid(route.asset.as_str(), route.destination.as_str()),
                lanes: route.lanes.iter().map(ToString::to_string).collect(),
                orders: source.is_some(),
                eta_seconds: eta.unwrap_or_default(),
                trust: route.lanes.iter().map(|lane| (lane.to_string(), self.trusted(route, *lane))).collect(),
                closed: lanes.filter_map(|limits| Some((limits.lane, limits.closed?))).collect(),
            });
        }
        Ok(views)
    }

    /// What whoever is paid over a lane takes on trust.
    fn trusted(&self, route: &Route, lane: Lane) -> Vec<String> {
        let quorum = |set: &SignerSet| format!("{} of {}", set.threshold, set.members.len());
        match lane {
            Lane::Fast => {
                let signers = self.policy.destinations.get(&route.destination).map(|to| quorum(&to.signers));
                let signers = signers.unwrap_or_default();
                vec![format!("{signers} signers saw the deposit on their own nodes; it is paid before it is final")]
            }
            Lane::LightClient => {
                let verifiers = quorum(&self.policy.verifiers);
                let own = format!("{verifiers} verifiers proved the deposit's block, each by its own light client");
                let assumed = assumed(&route.source).iter().map(|&line| line.to_owned());
                [own].into_iter().chain(assumed).collect()
            }
        }
    }
}

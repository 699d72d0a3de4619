//! What is served: chains, assets, routes.

use std::collections::BTreeSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::Service;
use crate::SourceKind;

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
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AssetView {
    /// CAIP-19.
    pub id: String,
    /// CAIP-2 of its chain.
    pub chain: String,
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
    /// `fast`, `light_client`.
    pub lanes: Vec<String>,
    /// Whether orders are taken.
    pub orders: bool,
}

impl Service {
    /// The chains that are served.
    pub fn chains(&self) -> Vec<ChainView> {
        let catalog = &self.catalog;
        let ids: BTreeSet<_> = catalog.sources().map(|source| &source.chain).chain(catalog.destinations()).collect();
        let view = |id: &spandrel_verifiers::ChainId| {
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
            }
        };
        ids.into_iter().map(view).collect()
    }

    /// The assets that are served.
    pub fn assets(&self) -> Vec<AssetView> {
        let assets: BTreeSet<_> = self.catalog.routes().map(|route| &route.asset).collect();
        let view = |asset: &spandrel_verifiers::AssetId| {
            let chain = asset.as_str().split('/').next().unwrap_or_default();
            AssetView { id: asset.to_string(), chain: chain.to_owned() }
        };
        assets.into_iter().map(view).collect()
    }

    /// The routes that are served.
    pub fn routes(&self) -> Vec<RouteView> {
        let view = |route: &crate::Route| RouteView {
            id: route.id.clone(),
            source: route.source.to_string(),
            destination: route.destination.to_string(),
            asset: route.asset.to_string(),
            lanes: route.lanes.iter().map(ToString::to_string).collect(),
            orders: self.catalog.source(&route.source).is_some(),
        };
        self.catalog.routes().map(view).collect()
    }
}

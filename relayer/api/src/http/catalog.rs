//! `GET /v1/chains`, `/v1/assets`, `/v1/routes`.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use crate::SourceKind;

#[derive(Serialize, ToSchema)]
pub struct ChainView {
    /// CAIP-2.
    id: String,
    /// Whether deposits are made there.
    source: bool,
    /// Whether payouts are made there.
    destination: bool,
    /// What makes a block final: `confirmations` (Bitcoin), `sync_committee` (Ethereum).
    #[serde(skip_serializing_if = "Option::is_none")]
    finality: Option<&'static str>,
    /// Seconds from a deposit to its finality, typically.
    #[serde(skip_serializing_if = "Option::is_none")]
    finality_seconds: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct AssetView {
    /// CAIP-19.
    id: String,
    /// CAIP-2 of its chain.
    chain: String,
}

#[derive(Serialize, ToSchema)]
pub struct RouteView {
    /// Hand it in for limits and quotes.
    id: String,
    /// CAIP-2.
    source: String,
    /// CAIP-2.
    destination: String,
    /// CAIP-19, in the source's terms.
    asset: String,
    /// `fast`, `light_client`.
    lanes: Vec<String>,
    /// Whether orders are taken.
    orders: bool,
}

/// The chains that are served.
#[utoipa::path(get, path = "/v1/chains", responses(
    (status = 200, body = [ChainView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = crate::Problem, content_type = "application/problem+json"),
))]
pub async fn chains(State(api): State<Api>, headers: HeaderMap) -> Response {
    let catalog = &api.service.catalog;
    let ids: BTreeSet<_> = catalog.sources().map(|source| &source.chain).chain(catalog.destinations()).collect();
    let chains = ids.into_iter().map(|id| {
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
    });
    tagged(&headers, catalog.version(), || chains.collect::<Vec<_>>())
}

/// The assets that are served.
#[utoipa::path(get, path = "/v1/assets", responses(
    (status = 200, body = [AssetView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = crate::Problem, content_type = "application/problem+json"),
))]
pub async fn assets(State(api): State<Api>, headers: HeaderMap) -> Response {
    let catalog = &api.service.catalog;
    let assets: BTreeSet<_> = catalog.routes().map(|route| &route.asset).collect();
    let view = |asset: &spandrel_verifiers::AssetId| {
        let chain = asset.as_str().split('/').next().unwrap_or_default();
        AssetView { id: asset.to_string(), chain: chain.to_owned() }
    };
    tagged(&headers, catalog.version(), || assets.into_iter().map(view).collect::<Vec<_>>())
}

/// The routes that are served.
#[utoipa::path(get, path = "/v1/routes", responses(
    (status = 200, body = [RouteView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = crate::Problem, content_type = "application/problem+json"),
))]
pub async fn routes(State(api): State<Api>, headers: HeaderMap) -> Response {
    let catalog = &api.service.catalog;
    let view = |route: &crate::Route| RouteView {
        id: route.id.clone(),
        source: route.source.to_string(),
        destination: route.destination.to_string(),
        asset: route.asset.to_string(),
        lanes: route.lanes.iter().map(ToString::to_string).collect(),
        orders: catalog.source(&route.source).is_some(),
    };
    tagged(&headers, catalog.version(), || catalog.routes().map(view).collect::<Vec<_>>())
}

/// 304 when the caller has this version.
fn tagged<T: Serialize>(headers: &HeaderMap, version: &str, body: impl FnOnce() -> T) -> Response {
    let tag = format!("\"{version}\"");
    let sent = headers.get(header::IF_NONE_MATCH).and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let is_known = sent.split(',').any(|known| known.trim().trim_start_matches("W/") == tag || known.trim() == "*");
    let caching: [(HeaderName, String); 2] = [(header::ETAG, tag), (header::CACHE_CONTROL, "max-age=60".to_owned())];
    if is_known { (StatusCode::NOT_MODIFIED, caching).into_response() } else { (caching, Json(body())).into_response() }
}

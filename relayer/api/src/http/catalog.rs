//! `GET /v1/chains`, `/v1/assets`, `/v1/routes`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Api;
use crate::service::{AssetView, ChainView, RouteView};

/// The chains that are served.
#[utoipa::path(get, path = "/v1/chains", responses(
    (status = 200, body = [ChainView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = crate::Problem, content_type = "application/problem+json"),
))]
pub async fn chains(State(api): State<Api>, headers: HeaderMap) -> Response {
    tagged(&headers, api.service.catalog.version(), || api.service.chains())
}

/// The assets that are served.
#[utoipa::path(get, path = "/v1/assets", responses(
    (status = 200, body = [AssetView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = crate::Problem, content_type = "application/problem+json"),
))]
pub async fn assets(State(api): State<Api>, headers: HeaderMap) -> Response {
    tagged(&headers, api.service.catalog.version(), || api.service.assets())
}

/// The routes that are served.
#[utoipa::path(get, path = "/v1/routes", responses(
    (status = 200, body = [RouteView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = crate::Problem, content_type = "application/problem+json"),
))]
pub async fn routes(State(api): State<Api>, headers: HeaderMap) -> Response {
    tagged(&headers, api.service.catalog.version(), || api.service.routes())
}

/// 304 when the caller has this version.
fn tagged<T: Serialize>(headers: &HeaderMap, version: &str, body: impl FnOnce() -> T) -> Response {
    let tag = format!("\"{version}\"");
    let sent = headers.get(header::IF_NONE_MATCH).and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let is_known = sent.split(',').any(|known| known.trim().trim_start_matches("W/") == tag || known.trim() == "*");
    let caching: [(HeaderName, String); 2] = [(header::ETAG, tag), (header::CACHE_CONTROL, "max-age=60".to_owned())];
    if is_known { (StatusCode::NOT_MODIFIED, caching).into_response() } else { (caching, Json(body())).into_response() }
}

//! `GET /v1/chains`, `/v1/assets`, `/v1/routes`.

use alloy::primitives::keccak256;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Api;
use crate::Problem;
use crate::service::{AssetView, ChainView, RouteView};

/// The chains that are served.
#[utoipa::path(get, path = "/v1/chains", responses(
    (status = 200, body = [ChainView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn chains(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    Ok(tagged(&headers, &api.service.chains().await?))
}

/// The assets that are served.
#[utoipa::path(get, path = "/v1/assets", responses(
    (status = 200, body = [AssetView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub async fn assets(State(api): State<Api>, headers: HeaderMap) -> Response {
    tagged(&headers, &api.service.assets())
}

/// The routes that are served.
#[utoipa::path(get, path = "/v1/routes", responses(
    (status = 200, body = [RouteView]), (status = 304, description = "unchanged since the given ETag"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn routes(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    Ok(tagged(&headers, &api.service.routes().await?))
}

/// 304 when the caller has the same body already. What it says may change at any time, so it is asked for again.
fn tagged<T: Serialize>(headers: &HeaderMap, body: &T) -> Response {
    let text = serde_json::to_vec(body).unwrap_or_default();
    let tag = format!("\"{}\"", hex::encode(keccak256(&text).get(..8).unwrap_or_default()));
    let sent = headers.get(header::IF_NONE_MATCH).and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let is_known = sent.split(',').any(|known| known.trim().trim_start_matches("W/") == tag || known.trim() == "*");
    let caching: [(HeaderName, String); 2] = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache".to_owned())];
    if is_known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

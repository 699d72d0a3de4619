//! `GET /v1/limits`, `POST /v1/quotes`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::answer::{Json, Query};
use crate::Problem;
use crate::service::{LaneLimits, Quote, QuoteRequest};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfRoute {
    /// Id of a route, as `GET /v1/routes` lists them.
    route: String,
}

/// What each lane of a route takes now.
#[utoipa::path(get, path = "/v1/limits", params(OfRoute), responses(
    (status = 200, body = [LaneLimits]),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn limits(State(api): State<Api>, Query(of): Query<OfRoute>) -> Result<axum::Json<Vec<LaneLimits>>, Problem> {
    Ok(axum::Json(api.service.limits(&of.route).await?))
}

/// What an amount would get now. Nothing is reserved.
#[utoipa::path(post, path = "/v1/quotes", request_body = QuoteRequest, responses(
    (status = 201, body = Quote),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn quote(
    State(api): State<Api>,
    Json(request): Json<QuoteRequest>,
) -> Result<(StatusCode, axum::Json<Quote>), Problem> {
    Ok((StatusCode::CREATED, axum::Json(api.service.quote(&request).await?)))
}

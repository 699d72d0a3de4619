//! `GET /v1/status`: how the bridge is, for users.

use axum::extract::State;

use super::Api;
use crate::Problem;
use crate::service::StatusView;

/// How the bridge is.
#[utoipa::path(get, path = "/v1/status", responses(
    (status = 200, body = StatusView),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn status(State(api): State<Api>) -> Result<axum::Json<StatusView>, Problem> {
    Ok(axum::Json(api.service.status().await?))
}

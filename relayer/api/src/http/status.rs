//! How the bridge is: `GET /v1/status` for users, `/healthz` for what spreads their requests over processes, `/readyz` for who
//! watches it.

use axum::extract::State;
use axum::http::StatusCode;

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

/// 200 while the process answers.
#[utoipa::path(get, path = "/healthz", responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// 200 while the ledger answers and nothing is halted, late or paused, else 503. What it is stands in `/v1/status`.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json",
        description = "`NOT_READY`, with the word of `/v1/status`; `LEDGER_UNAVAILABLE`"),
))]
pub async fn ready(State(api): State<Api>) -> Result<&'static str, Problem> {
    match api.service.status().await?.status {
        "ok" => Ok("ready\n"),
        word => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NOT_READY", word).retry_in(5)),
    }
}

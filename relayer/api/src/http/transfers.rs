//! `GET /v1/transfers`, `/v1/transfers/{id}`, `/v1/transfers/{id}/instructions`, `/v1/transfers/{id}/proof`.

use axum::extract::State;

use super::Api;
use super::answer::{Path, Query};
use super::auth::Caller;
use crate::Problem;
use crate::instructions::Instructions;
use crate::service::{ListRequest, ProofView, TransferList, TransferView};

/// Deposits, newest first; or with `mine` and a key, the orders that were placed with it.
#[utoipa::path(get, path = "/v1/transfers", params(ListRequest), security((), ("api_key" = [])), responses(
    (status = 200, body = TransferList),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json", description = "`mine` without a key"),
    (status = 403, body = Problem, content_type = "application/problem+json",
        description = "`mine` with a key that may not order"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    Query(request): Query<ListRequest>,
) -> Result<axum::Json<TransferList>, Problem> {
    Ok(axum::Json(api.service.list(&request, caller).await?))
}

/// One transfer, by its order's id or its deposit's.
#[utoipa::path(get, path = "/v1/transfers/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = TransferView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Result<axum::Json<TransferView>, Problem> {
    Ok(axum::Json(api.service.transfer(&id).await?))
}

/// How the deposit of an order is made and, on Bitcoin, taken back: the same as when it was ordered, whatever became of it.
#[utoipa::path(get, path = "/v1/transfers/{id}/instructions", params(("id" = String, Path)), responses(
    (status = 200, body = Instructions),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json",
        description = "`UNKNOWN_TRANSFER`; `NO_ORDER` for a deposit that nobody ordered here"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn instructions(State(api): State<Api>, Path(id): Path<String>) -> Result<axum::Json<Instructions>, Problem> {
    Ok(axum::Json(api.service.instructions(&id).await?))
}

/// The proof of a transfer, and the calls with which anyone can claim it.
#[utoipa::path(get, path = "/v1/transfers/{id}/proof", params(("id" = String, Path)), responses(
    (status = 200, body = ProofView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "`NO_DEPOSIT_YET` and `NOT_PROVEN_YET`, to be asked for again; `NO_PROOF`, for good"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn proof(State(api): State<Api>, Path(id): Path<String>) -> Result<axum::Json<ProofView>, Problem> {
    Ok(axum::Json(api.service.proof(&id).await?))
}

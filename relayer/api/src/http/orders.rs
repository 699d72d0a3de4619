//! `POST /v1/transfers`, `PUT /v1/transfers/{id}/source-tx`, `POST /v1/transfers/{id}/cancel`: all need a key.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::{Json, Path};
use super::auth::Writer;
use super::{Api, Who};
use crate::Problem;
use crate::service::{OrderRequest, OrderView, TransferView};

/// Whether what is answered was answered before.
pub(super) type Replayed = [(HeaderName, &'static str); 1];

/// The key under which a write is not done twice.
///
/// # Errors
/// 400 without one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<&str, Problem> {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    key.ok_or_else(|| Problem::invalid("Idempotency-Key", "a key, new for each request", "none"))
}

/// 201 for what was made now, 200 for what is told again.
pub(super) fn made_or_replayed(is_replayed: bool) -> (StatusCode, Replayed) {
    let (status, replayed) = if is_replayed { (StatusCode::OK, "true") } else { (StatusCode::CREATED, "false") };
    (status, [(HeaderName::from_static("idempotency-replayed"), replayed)])
}

/// Orders a transfer, and says how its deposit is made. The same key and body answer the same again. With keys that users get
/// by themselves (`POST /v1/keys`) so many orders of one address wait for their deposits at once.
#[utoipa::path(post, path = "/v1/transfers", request_body = OrderRequest,
    params(("Idempotency-Key" = String, Header, description = "1 to 128 printable characters, new for each transfer")),
    security(("api_key" = [])), responses(
    (status = 201, body = OrderView, headers(("Idempotency-Replayed" = bool))),
    (status = 200, body = OrderView, headers(("Idempotency-Replayed" = bool)),
        description = "it was ordered before, by the same request"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "`IDEMPOTENCY_KEY_IN_FLIGHT`: the same key is being worked on"),
    (status = 410, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`IDEMPOTENCY_KEY_REUSED`: another request had this key; `NO_LANE` and others"),
    (status = 429, body = Problem, content_type = "application/problem+json",
        description = "`RATE_LIMITED`; `TOO_MANY_OPEN_ORDERS` until the first of them expires, as `Retry-After` says"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn create(
    State(api): State<Api>,
    Writer(caller): Writer,
    Extension(who): Extension<Who>,
    headers: HeaderMap,
    Json(request): Json<OrderRequest>,
) -> Result<(StatusCode, Replayed, axum::Json<OrderView>), Problem> {
    let (key, share) = (idempotency_key(&headers)?, api.rates.order_share(&who));
    let (order, is_replayed) = api.service.order(&caller.id, key, &request, share).await?;
    let (status, replayed) = made_or_replayed(is_replayed);
    Ok((status, replayed, axum::Json(order)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceTx {
    /// As the source chain's users write it: 32 bytes of hex.
    #[schema(pattern = "^(0x)?[0-9A-Fa-f]{64}$")]
    source_tx: String,
}

/// Tells where the deposit of an order is, before or after it is observed. Until it is, another transaction corrects the
/// one that was named before, eight times.
#[utoipa::path(put, path = "/v1/transfers/{id}/source-tx", request_body = SourceTx, params(("id" = String, Path)),
    security(("api_key" = [])), responses(
    (status = 200, body = TransferView, description = "the deposit was seen there"),
    (status = 202, body = TransferView, description = "noted; it was not observed yet"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "it was corrected too often"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`OTHER_SOURCE_TX`: the deposit was seen in another transaction"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn name_source_tx(
    State(api): State<Api>,
    Writer(caller): Writer,
    Path(id): Path<String>,
    Json(told): Json<SourceTx>,
) -> Result<(StatusCode, axum::Json<TransferView>), Problem> {
    let (transfer, is_seen) = api.service.name_source_tx(&caller.id, &id, &told.source_tx).await?;
    Ok((if is_seen { StatusCode::OK } else { StatusCode::ACCEPTED }, axum::Json(transfer)))
}

/// Calls an order off, while no deposit was seen for it.
#[utoipa::path(post, path = "/v1/transfers/{id}/cancel", params(("id" = String, Path)),
    security(("api_key" = [])), responses(
    (status = 202, body = TransferView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn cancel(
    State(api): State<Api>,
    Writer(caller): Writer,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<TransferView>), Problem> {
    Ok((StatusCode::ACCEPTED, axum::Json(api.service.cancel(&caller.id, &id).await?)))
}

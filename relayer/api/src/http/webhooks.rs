//! `/v1/webhooks`: all of it needs a key with the scope `webhooks:write`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::Api;
use super::answer::{Json, Path};
use super::auth::WebhookOwner;
use super::orders::{Replayed, idempotency_key, made_or_replayed};
use crate::Problem;
use crate::service::{DeliveryView, TestView, WebhookRequest, WebhookSecretView, WebhookView};

/// Registers a webhook: it is told of every event of this key's orders from now on. Its secret is shown here alone. The same
/// idempotency key and body answer the same again.
#[utoipa::path(post, path = "/v1/webhooks", request_body = WebhookRequest,
    params(("Idempotency-Key" = String, Header, description = "1 to 128 printable characters, new for each webhook")),
    security(("api_key" = [])), responses(
    (status = 201, body = WebhookSecretView, headers(("Idempotency-Replayed" = bool))),
    (status = 200, body = WebhookSecretView, headers(("Idempotency-Replayed" = bool)),
        description = "it was registered before, by the same request"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn register(
    State(api): State<Api>,
    WebhookOwner(caller): WebhookOwner,
    headers: HeaderMap,
    Json(request): Json<WebhookRequest>,
) -> Result<(StatusCode, Replayed, axum::Json<WebhookSecretView>), Problem> {
    let key = idempotency_key(&headers)?;
    let (webhook, is_replayed) = api.service.register_webhook(&caller.id, key, &request).await?;
    let (status, replayed) = made_or_replayed(is_replayed);
    Ok((status, replayed, axum::Json(webhook)))
}

/// The webhooks of this key, oldest first.
#[utoipa::path(get, path = "/v1/webhooks", operation_id = "list_webhooks", security(("api_key" = [])), responses(
    (status = 200, body = [WebhookView]),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    WebhookOwner(caller): WebhookOwner,
) -> Result<axum::Json<Vec<WebhookView>>, Problem> {
    Ok(axum::Json(api.service.webhooks(&caller.id).await?))
}

/// Ends a webhook. What waits for it is not sent any more.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", params(("id" = String, Path)), security(("api_key" = [])), responses(
    (status = 204, description = "it is gone"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn remove(
    State(api): State<Api>,
    WebhookOwner(caller): WebhookOwner,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.service.delete_webhook(&caller.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test event now, once, and says what came of it.
#[utoipa::path(post, path = "/v1/webhooks/{id}/test",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header,
        description = "1 to 128 printable characters; the delivery's id is made of it")),
    security(("api_key" = [])), responses(
    (status = 200, body = TestView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn test(
    State(api): State<Api>,
    WebhookOwner(caller): WebhookOwner,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<axum::Json<TestView>, Problem> {
    Ok(axum::Json(api.service.test_webhook(&caller.id, &id, idempotency_key(&headers)?).await?))
}

/// Gives a webhook a new secret, shown this once; the same key answers it again for a day. For a day deliveries are signed with the one before, too.
#[utoipa::path(post, path = "/v1/webhooks/{id}/rotate",
    params(("id" = String, Path), ("Idempotency-Key" = String, Header,
        description = "1 to 128 printable characters, new for each rotation")),
    security(("api_key" = [])), responses(
    (status = 200, body = WebhookSecretView, headers(("Idempotency-Replayed" = bool))),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json",
        description = "`IDEMPOTENCY_KEY_REUSED`: another request had this key"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn rotate(
    State(api): State<Api>,
    WebhookOwner(caller): WebhookOwner,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Replayed, axum::Json<WebhookSecretView>), Problem> {
    let key = idempotency_key(&headers)?;
    let (webhook, is_replayed) = api.service.rotate_webhook(&caller.id, &id, key).await?;
    let (_, replayed) = made_or_replayed(is_replayed);
    Ok((StatusCode::OK, replayed, axum::Json(webhook)))
}

/// The last deliveries of a webhook, newest first.
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", params(("id" = String, Path)), security(("api_key" = [])),
    responses(
    (status = 200, body = [DeliveryView]),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn deliveries(
    State(api): State<Api>,
    WebhookOwner(caller): WebhookOwner,
    Path(id): Path<String>,
) -> Result<axum::Json<Vec<DeliveryView>>, Problem> {
    Ok(axum::Json(api.service.deliveries(&caller.id, &id).await?))
}

/// Queues a delivery again that was given up.
#[utoipa::path(post, path = "/v1/webhooks/{id}/deliveries/{delivery}/redeliver",
    params(("id" = String, Path), ("delivery" = String, Path)), security(("api_key" = [])), responses(
    (status = 202, description = "it waits again"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn redeliver(
    State(api): State<Api>,
    WebhookOwner(caller): WebhookOwner,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    api.service.redeliver(&caller.id, &id, &delivery).await?;
    Ok(StatusCode::ACCEPTED)
}

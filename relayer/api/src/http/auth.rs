//! Who calls: a key in `Authorization: Bearer sk_…`.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use spandrel_store::{ApiKey, ApiScope};

use super::Api;
use crate::Problem;
use crate::service::permitted;

/// A caller who may write transfers.
pub struct Writer(pub ApiKey);

/// A caller who may have webhooks.
pub struct WebhookOwner(pub ApiKey);

/// A caller with a key or without.
pub struct Caller(pub Option<ApiKey>);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        known(parts, api).await.map(Self)
    }
}

impl FromRequestParts<Api> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        permitted(known(parts, api).await?, ApiScope::TransfersWrite).map(Self)
    }
}

impl FromRequestParts<Api> for WebhookOwner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        permitted(known(parts, api).await?, ApiScope::WebhooksWrite).map(Self)
    }
}

/// The key that `rate::limit` found, so that it is looked up once.
#[derive(Clone)]
pub struct Known(pub Option<ApiKey>);

async fn known(parts: &Parts, api: &Api) -> Result<Option<ApiKey>, Problem> {
    match parts.extensions.get::<Known>() {
        Some(known) => Ok(known.0.clone()),
        None => api.service.caller(parts.headers.get(header::AUTHORIZATION).map(|sent| sent.as_bytes())).await,
    }
}

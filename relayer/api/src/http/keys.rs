//! `POST /v1/keys`: a key for oneself. It needs none, and is counted by address.

use std::net::{IpAddr, SocketAddr};

use axum::Extension;
use axum::extract::{ConnectInfo, State};
use axum::http::{StatusCode, header};

use super::Api;
use super::answer::Json;
use crate::service::{KeyRequest, KeyView};
use crate::{Problem, Service};

/// Makes a key that may order transfers. It is shown this once.
#[utoipa::path(post, path = "/v1/keys", request_body = KeyRequest, responses(
    (status = 201, body = KeyView, headers(("Cache-Control"))),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json", description = "keys come from the operator"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn make(
    State(api): State<Api>,
    address: Option<Extension<ConnectInfo<SocketAddr>>>,
    Json(request): Json<KeyRequest>,
) -> Result<(StatusCode, [(header::HeaderName, &'static str); 1], axum::Json<KeyView>), Problem> {
    let key = api.own_key(address.map(|address| address.0.0.ip()), &request).await?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], axum::Json(key)))
}

impl Api {
    /// A key for whoever asks from `address`.
    ///
    /// # Errors
    /// 403 where keys come from the operator, 429 and 503 when the hour's are given out, 400 for a name that is none.
    pub(crate) async fn own_key(&self, address: Option<IpAddr>, request: &KeyRequest) -> Result<KeyView, Problem> {
        let Some(keys) = &self.keys else { return Err(Service::no_own_keys()) };
        keys.take(address)?;
        self.service.own_key(request).await
    }
}

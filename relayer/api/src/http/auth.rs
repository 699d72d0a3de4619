//! Who calls: a key in `Authorization: Bearer sk_…`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use spandrel_store::{ApiKey, ApiScope};

use super::Api;
use crate::{ApiSecret, Problem};

/// A caller who may write transfers.
pub struct Writer(pub ApiKey);

impl FromRequestParts<Api> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Some(key) = known(parts, api).await? else {
            return Err(unauthorized("a key is needed: Authorization: Bearer sk_…"));
        };
        if !key.grant.scopes.contains(&ApiScope::TransfersWrite) {
            let detail = "this key may not write transfers";
            return Err(Problem::new(StatusCode::FORBIDDEN, "SCOPE_MISSING", detail));
        }
        Ok(Self(key))
    }
}

/// The key that `rate::limit` found, so that it is looked up once.
#[derive(Clone)]
pub struct Known(pub Option<ApiKey>);

async fn known(parts: &Parts, api: &Api) -> Result<Option<ApiKey>, Problem> {
    match parts.extensions.get::<Known>() {
        Some(known) => Ok(known.0.clone()),
        None => caller(&parts.headers, api).await,
    }
}

/// The caller's key, if one is sent.
///
/// # Errors
/// 401 for a key that is malformed, unknown, wrong or revoked: which of these is not said.
pub async fn caller(headers: &HeaderMap, api: &Api) -> Result<Option<ApiKey>, Problem> {
    let Some(sent) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let invalid = || unauthorized("this key is not valid");
    let text = sent.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(invalid)?;
    let secret = ApiSecret::parse(text).ok_or_else(invalid)?;
    let key = api.service.store.api_key(secret.id()).await?.ok_or_else(invalid)?;
    if !secret.is(&key) || key.revoked_at.is_some() {
        return Err(invalid());
    }
    Ok(Some(key))
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", detail).about("Authorization")
}

//! Who calls, and what they may do.

use axum::http::StatusCode;
use spandrel_store::{ApiKey, ApiScope};

use super::Service;
use crate::{ApiSecret, Problem};

impl Service {
    /// The key that `authorization` (`Bearer sk_…`) holds, if one is sent.
    ///
    /// # Errors
    /// 401 for a key that is malformed, unknown, wrong or revoked: which of these is not said.
    pub(crate) async fn caller(&self, authorization: Option<&[u8]>) -> Result<Option<ApiKey>, Problem> {
        let Some(sent) = authorization else { return Ok(None) };
        let invalid = || unauthorized("this key is not valid");
        let text = std::str::from_utf8(sent).ok().and_then(|text| text.strip_prefix("Bearer ")).ok_or_else(invalid)?;
        let secret = ApiSecret::parse(text).ok_or_else(invalid)?;
        let key = self.store.api_key(secret.id()).await?.ok_or_else(invalid)?;
        if !secret.is(&key) || key.revoked_at.is_some() {
            return Err(invalid());
        }
        Ok(Some(key))
    }
}

/// A caller who may do what `scope` says.
///
/// # Errors
/// 401 without a key, 403 for a key without the scope.
pub(crate) fn permitted(caller: Option<ApiKey>, scope: ApiScope) -> Result<ApiKey, Problem> {
    let key = caller.ok_or_else(|| unauthorized("a key is needed: Authorization: Bearer sk_…"))?;
    if !key.grant.scopes.contains(&scope) {
        let detail = match scope {
            ApiScope::TransfersWrite => "this key may not write transfers",
            ApiScope::WebhooksWrite => "this key may not have webhooks",
        };
        return Err(Problem::new(StatusCode::FORBIDDEN, "SCOPE_MISSING", detail));
    }
    Ok(key)
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", detail).about("Authorization")
}

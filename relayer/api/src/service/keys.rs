//! Keys that users get by themselves: they order transfers, and nothing else. Their requests count as their address's.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use spandrel_store::{ApiGrant, ApiScope, TenantClass};
use utoipa::ToSchema;

use super::Service;
use crate::{Problem, issue_key};

/// Longest name of a key, characters.
const MAX_NAME: usize = 64;

/// What a key is called.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// For its holder and the operator: no control characters, and not of spaces alone.
    #[serde(default)]
    #[schema(
        max_length = 64,
        pattern = r"^[^\u0000-\u001F\u007F-\u009F]*[^\s\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$"
    )]
    pub name: Option<String>,
}

/// A new key, shown this once.
#[derive(Clone, Serialize, ToSchema)]
pub struct KeyView {
    /// Its public part.
    pub id: String,
    /// The whole key, for `Authorization: Bearer`.
    pub key: String,
    /// What it may do.
    pub scopes: Vec<&'static str>,
}

impl std::fmt::Debug for KeyView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyView").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Service {
    /// Makes a key that may order transfers, for whoever asks. It has no webhooks: those make the bridge call others.
    ///
    /// # Errors
    /// 400 for a name that is none.
    pub async fn own_key(&self, request: &KeyRequest) -> Result<KeyView, Problem> {
        let name = request.name.as_deref().unwrap_or("self-served");
        let is_name =
            !name.trim().is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
        if !is_name {
            return Err(Problem::invalid("name", format!("1 to {MAX_NAME} printable characters"), name));
        }
        let grant = ApiGrant { scopes: [ApiScope::TransfersWrite].into(), class: TenantClass::Public };
        let (secret, key) = issue_key(name, grant, self.now(), &mut rand::rng());
        self.store.add_api_key(&key).await?;
        Ok(KeyView {
            id: key.id,
            key: secret.reveal(),
            scopes: key.grant.scopes.into_iter().map(ApiScope::name).collect(),
        })
    }

    /// What is answered where keys come from the operator alone.
    pub(crate) fn no_own_keys() -> Problem {
        let detail = "keys are given out by the operator here";
        Problem::new(StatusCode::FORBIDDEN, "KEYS_BY_OPERATOR", detail)
    }
}

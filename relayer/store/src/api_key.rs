//! Keys of the transfer API. Only a hash of the secret is stored.

use std::collections::BTreeSet;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::UnixSeconds;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ApiScope {
    /// Make, cancel and annotate transfers.
    #[serde(rename = "transfers:write")]
    TransfersWrite,
    /// Register, read and delete webhooks.
    #[serde(rename = "webhooks:write")]
    WebhooksWrite,
}

impl ApiScope {
    /// All.
    pub const ALL: [Self; 2] = [Self::TransfersWrite, Self::WebhooksWrite];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::TransfersWrite => "transfers:write",
            Self::WebhooksWrite => "webhooks:write",
        }
    }
}

/// How much a key may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantClass {
    /// Whoever asked: no more than the address that uses the key.
    Public,
    /// The default.
    #[default]
    Standard,
    /// A partner with a higher rate.
    Partner,
}

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Public part: first half of what the holder sends.
    pub id: String,
    /// For operators.
    pub name: String,
    /// SHA-256 of the secret part, which has 256 bits of entropy: no slow hash is needed.
    pub secret_hash: B256,
    /// What it may do, and how often.
    pub grant: ApiGrant,
    /// Unix seconds.
    pub created_at: UnixSeconds,
    /// When it stopped being valid.
    pub revoked_at: Option<UnixSeconds>,
}

/// What a key may do, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiGrant {
    /// What it may do.
    pub scopes: BTreeSet<ApiScope>,
    /// How often.
    pub class: TenantClass,
}

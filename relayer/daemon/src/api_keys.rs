//! `spandrel api`: keys of the transfer API, and its document.

use std::path::Path;

use anyhow::{Result, ensure};
use spandrel_api::issue_key;
use spandrel_store::{ApiGrant, ApiScope, TenantClass};

use crate::clock::unix_now;
use crate::output::print;
use crate::status::{look_at, open, table};

/// Makes a key that may write transfers and have webhooks, and prints it: the only time that its secret is shown.
pub async fn new(database: &Path, name: &str, is_partner: bool, json: bool) -> Result<()> {
    ensure!(!name.trim().is_empty(), "name: expected a name, found none");
    let class = if is_partner { TenantClass::Partner } else { TenantClass::Standard };
    let grant = ApiGrant { scopes: [ApiScope::TransfersWrite, ApiScope::WebhooksWrite].into(), class };
    let (secret, key) = issue_key(name, grant, unix_now(), &mut rand::rng());
    open(database).await?.add_api_key(&key).await?;
    print(json, &serde_json::json!({ "id": key.id, "key": secret.reveal() }), || secret.reveal())
}

/// Lists keys, without their secrets.
pub async fn list(database: &Path, json: bool) -> Result<()> {
    let mut values = Vec::new();
    let mut rows = table(&["id", "name", "class", "revoked"]);
    for key in look_at(database).await?.api_keys().await? {
        values.push(serde_json::json!({
            "id": key.id, "name": key.name, "class": key.grant.class, "scopes": key.grant.scopes,
            "created_at": key.created_at, "revoked_at": key.revoked_at,
        }));
        let revoked = if key.revoked_at.is_some() { "yes" } else { "no" };
        let class = match key.grant.class {
            TenantClass::Public => "public",
            TenantClass::Standard => "standard",
            TenantClass::Partner => "partner",
        };
        rows.add_row([key.id.as_str(), key.name.as_str(), class, revoked]);
    }
    print(json, &values, || rows.to_string())
}

/// Ends a key. It is refused from the next request on.
pub async fn revoke(database: &Path, id: &str, json: bool) -> Result<()> {
    ensure!(open(database).await?.revoke_api_key(id, unix_now()).await?, "no valid key {id}");
    print(json, &serde_json::json!({ "id": id, "revoked": true }), || format!("{id}: revoked"))
}

/// Prints the OpenAPI document.
pub fn document() -> Result<()> {
    println!("{}", spandrel_api::http::openapi().to_pretty_json()?);
    Ok(())
}

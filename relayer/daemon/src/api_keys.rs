//! `spandrel api`: keys of the transfer API, and its document.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use spandrel_api::issue_key;
use spandrel_store::{ApiGrant, ApiScope, TenantClass};

use crate::cli::LedgerOptions;
use crate::clock::unix_now;
use crate::output::print;
use crate::status::{look_at, open, table};

/// `spandrel api …`.
#[derive(Debug, Subcommand)]
pub enum ApiCommand {
    /// Make a key and print it: its secret is shown this once.
    NewKey {
        /// Whose it is.
        name: String,
        /// What it may do, once for each; all of it when it is not given.
        #[arg(long, value_parser = scope(), default_values = ApiScope::ALL.map(ApiScope::name))]
        scope: Vec<ApiScope>,
        /// With a partner's rate.
        #[arg(long)]
        partner: bool,
        /// Which ledger.
        #[command(flatten)]
        ledger: LedgerOptions,
    },
    /// List keys.
    ListKeys {
        /// Which ledger.
        #[command(flatten)]
        ledger: LedgerOptions,
    },
    /// End a key.
    RevokeKey {
        /// Its id: the part between `sk_` and the next underscore.
        id: String,
        /// Which ledger.
        #[command(flatten)]
        ledger: LedgerOptions,
    },
    /// Print the OpenAPI document.
    Openapi,
}

/// Carries a command out.
pub async fn run(command: ApiCommand, json: bool) -> Result<()> {
    match command {
        ApiCommand::NewKey { name, scope, partner, ledger } => {
            let class = if partner { TenantClass::Partner } else { TenantClass::Standard };
            let grant = ApiGrant { scopes: scope.into_iter().collect(), class };
            new(&ledger.database, &name, grant, json).await
        }
        ApiCommand::ListKeys { ledger } => list(&ledger.database, json).await,
        ApiCommand::RevokeKey { id, ledger } => revoke(&ledger.database, &id, json).await,
        ApiCommand::Openapi => document(),
    }
}

/// Reads a scope as it is written; the command line names all that there are.
fn scope() -> impl TypedValueParser<Value = ApiScope> {
    let find = |name: String| ApiScope::ALL.into_iter().find(|scope| scope.name() == name);
    PossibleValuesParser::new(ApiScope::ALL.map(ApiScope::name))
        .try_map(move |name| find(name).context("expected a scope"))
}

/// Makes a key that may do what `grant` says, and prints it: the only time that its secret is shown.
async fn new(database: &Path, name: &str, grant: ApiGrant, json: bool) -> Result<()> {
    ensure!(!name.trim().is_empty(), "name: expected a name, found none");
    let (secret, key) = issue_key(name, grant, unix_now(), &mut rand::rng());
    open(database).await?.add_api_key(&key).await?;
    print(json, &serde_json::json!({ "id": key.id, "key": secret.reveal() }), || secret.reveal())
}

/// Lists keys, without their secrets.
async fn list(database: &Path, json: bool) -> Result<()> {
    let mut values = Vec::new();
    let mut rows = table(&["id", "name", "class", "scopes", "revoked"]);
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
        let scopes: Vec<&str> = key.grant.scopes.iter().map(|scope| scope.name()).collect();
        rows.add_row([key.id.as_str(), key.name.as_str(), class, &scopes.join(" "), revoked]);
    }
    print(json, &values, || rows.to_string())
}

/// Ends a key. It is refused from the next request on.
async fn revoke(database: &Path, id: &str, json: bool) -> Result<()> {
    ensure!(open(database).await?.revoke_api_key(id, unix_now()).await?, "no valid key {id}");
    print(json, &serde_json::json!({ "id": id, "revoked": true }), || format!("{id}: revoked"))
}

/// Prints the OpenAPI document.
fn document() -> Result<()> {
    println!("{:#}", spandrel_api::http::openapi());
    Ok(())
}

//! Signing a statement and telling it to the control API.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use spandrel_risk::control::{Act, SignedStatement, Statement, Typed};
use spandrel_signer::{LocalKey, SecretRef};

use crate::clock::unix_now;
use crate::config::{Config, KeyRef};
use crate::wiring;

/// How long the control API may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where the control API is.
#[derive(Debug, clap::Args)]
pub struct Door {
    /// The configuration: deployment, keystore, and where the control API listens.
    #[arg(long, default_value = "spandrel.toml")]
    config: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Who says something, and why.
#[derive(Debug, clap::Args)]
pub struct Order {
    #[command(flatten)]
    door: Door,
    /// Name of the guardian's key in the keystore.
    #[arg(long)]
    key: String,
    /// Where its password is: `file:<path>` or `env:<NAME>`.
    #[arg(long)]
    password: SecretRef,
    /// Why: one line, kept in the audit log.
    #[arg(long)]
    reason: String,
    /// How long the statement may be used, as in `10m`; at most a day.
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    valid_for: Duration,
    /// Show what would be signed; nothing is signed or sent.
    #[arg(long)]
    dry_run: bool,
}

/// A connection to the control API.
pub struct Client {
    http: reqwest::Client,
    base: String,
    config: Config,
    json: bool,
}

impl Door {
    /// Reads the configuration; the API is asked when it is needed.
    pub fn open(&self) -> Result<Client> {
        let config = Config::read(&self.config)?;
        let control =
            config.control.as_ref().context("control: expected guardians in the configuration, found none")?;
        let base = format!("http://{}", control.listen);
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Client { http, base, config, json: self.json })
    }
}

impl Client {
    /// What `path` shows, and its version.
    pub async fn get(&self, path: &str) -> Result<(Value, String)> {
        let url = format!("{}/v1/control/{path}", self.base);
        let answer = self.http.get(&url).send().await.with_context(|| format!("control API at {}", self.base))?;
        let version = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
        Ok((read(answer).await?, version))
    }

    /// Whether JSON is asked for.
    pub fn is_json(&self) -> bool {
        self.json
    }

    async fn post(&self, signed: &SignedStatement, version: Option<&str>) -> Result<Value> {
        let mut request = self.http.post(format!("{}/v1/control/statements", self.base)).json(signed);
        if let Some(version) = version {
            request = request.header("if-match", version);
        }
        read(request.send().await.with_context(|| format!("control API at {}", self.base))?).await
    }
}

async fn read(answer: reqwest::Response) -> Result<Value> {
    let status = answer.status();
    let body: Value = answer.json().await.context("control API: expected JSON")?;
    if !status.is_success() {
        bail!("{}: {}", body["code"].as_str().unwrap_or("ERROR"), body["detail"].as_str().unwrap_or_default());
    }
    Ok(body)
}

impl Order {
    /// The connection that this order would use.
    pub fn client(&self) -> Result<Client> {
        self.door.open()
    }

    /// Signs `act` and sends it; `version` is what was looked at before, if that matters.
    pub async fn send(&self, act: Act, version: Option<&str>) -> Result<()> {
        let client = self.client()?;
        let deployment = client.config.control_policy().context("control: expected guardians, found none")?.deployment;
        if self.dry_run {
            return self.show(&client, act);
        }
        let reference = KeyRef { name: self.key.clone(), password: self.password.clone() };
        let key = wiring::unlock(&client.config, &reference)?;
        let statement = self.statement(act, &key, next_nonce(&client, &key, deployment).await?);
        let signature = key.sign_digest(statement.digest(deployment))?;
        let taken = client.post(&SignedStatement::new(statement, &signature), version).await?;
        if client.json {
            println!("{}", serde_json::to_string_pretty(&taken)?);
            return Ok(());
        }
        let state = taken["state"].as_str().unwrap_or_default();
        println!("{state}  {}", taken["statement"].as_str().unwrap_or_default());
        match state {
            "proposed" => println!("another guardian must approve it: spandrel proposals approve <the id above>"),
            "approved" => println!("carried out at {} at the earliest", taken["ready_at"]),
            _ => {}
        }
        Ok(())
    }

    fn statement(&self, act: Act, key: &LocalKey, nonce: u64) -> Statement {
        let expiry = unix_now().saturating_add(self.valid_for.as_secs());
        Statement { act, reason: self.reason.clone(), guardian: key.address(), nonce, expiry }
    }

    /// What would be signed: guardian and nonce are known only with the key and the API.
    fn show(&self, client: &Client, act: Act) -> Result<()> {
        let expiry = unix_now().saturating_add(self.valid_for.as_secs());
        let guardian = alloy_primitives::Address::ZERO;
        let statement = Statement { act, reason: self.reason.clone(), guardian, nonce: 0, expiry };
        if client.json {
            println!(
                "{}",
                serde_json::to_string_pretty(&serde_json::json!({ "dry_run": true, "statement": statement }))?
            );
        } else {
            println!("would sign as {} and send to {}", self.key, client.base);
            println!("  {}", statement.act);
            println!("  {}", Typed::of(&statement).type_text());
        }
        Ok(())
    }
}

/// The key's next number. An API of another deployment is not one to sign for.
async fn next_nonce(client: &Client, key: &LocalKey, deployment: alloy_primitives::B256) -> Result<u64> {
    let (signers, _) = client.get("signers").await?;
    let found = signers["deployment"].as_str().unwrap_or_default();
    ensure!(found == deployment.to_string(), "deployment: expected {deployment}, found {found}");
    let own = key.address().to_string().to_lowercase();
    let rows = signers["guardians"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = rows.iter().find(|row| row["address"].as_str().is_some_and(|address| address.to_lowercase() == own));
    row.and_then(|row| row["next_nonce"].as_u64()).with_context(|| format!("{} is no guardian there", key.address()))
}

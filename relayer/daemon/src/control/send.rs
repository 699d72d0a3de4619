//! Signing a statement and telling it to the control API.

use std::path::PathBuf;
use std::time::Duration;

use alloy_primitives::{Address, B256};
use anyhow::{Context, Result, ensure};
use reqwest::Url;
use serde_json::Value;
use spandrel_risk::control::{Act, SignedStatement, Statement, Typed, by_a_guardian};
use spandrel_signer::{Hardness, Keystore, LocalKey, SecretRef};

use crate::clock::{moment, unix_now};
use crate::config::{Config, KeyRef};
use crate::output::print;
use crate::reach::{self, Trust};
use crate::secret_arg::Reference;
use crate::wiring;

/// How long the control API may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The control API refused a statement, or to show something.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Denied {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub detail: String,
}

/// Where the control API is.
#[derive(Debug, clap::Args)]
pub struct Door {
    /// The configuration: deployment, keystore, and where the control API listens.
    #[arg(long, default_value = "spandrel.toml")]
    config: PathBuf,
    /// The control API's address, https or on this machine; the configuration's `control.listen` when it is not given.
    #[arg(long)]
    control: Option<Url>,
    #[command(flatten)]
    trust: Trust,
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
    #[arg(long, required_unless_present = "dry_run", value_parser = Reference)]
    password: Option<SecretRef>,
    /// Why: one line, kept in the audit log.
    #[arg(long)]
    reason: String,
    /// How long the statement may be used, as in `10m`; at most a day.
    #[arg(long, default_value = "10m", value_parser = humantime::parse_duration)]
    valid_for: Duration,
    /// Show the statement that would be signed; nothing is signed or sent.
    #[arg(long)]
    dry_run: bool,
}

/// A connection to the control API.
pub struct Client {
    http: reqwest::Client,
    base: String,
    config: Config,
}

impl Door {
    /// Reads the configuration; the API is asked when it is needed.
    pub fn open(&self) -> Result<Client> {
        let config = Config::read(&self.config)?;
        let control =
            config.control.as_ref().context("control: expected guardians in the configuration, found none")?;
        let base = match &self.control {
            Some(url) => url.clone(),
            None => reach::address("control.listen", "--control", control.listen, control.tls.is_some())?,
        };
        reach::require_private("--control", &base)?;
        let http = self.trust.client()?.timeout(PATIENCE).no_proxy().build()?;
        Ok(Client { http, base: base.as_str().trim_end_matches('/').to_owned(), config })
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
    let body = reach::read_json(answer).await.context("control API")?;
    if !status.is_success() {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        return Err(Denied { code: text("code"), detail: text("detail") }.into());
    }
    Ok(body)
}

impl Order {
    /// The connection that this order would use.
    pub fn client(&self) -> Result<Client> {
        self.door.open()
    }

    /// Signs `act` and sends it; `version` is what was looked at before, if that matters.
    pub async fn send(&self, act: Act, version: Option<&str>, json: bool) -> Result<()> {
        let client = self.client()?;
        let deployment = client.config.control_policy().context("control: expected guardians, found none")?.deployment;
        let Some(password) = self.password.as_ref().filter(|_| !self.dry_run) else {
            return self.show(&client, act, deployment, json).await;
        };
        let key = self.unlock(&client.config, password)?;
        let nonce = next_nonce(&client, key.address(), deployment).await?;
        let (words, is_stop) = (act.to_string(), matches!(act, Act::Pause { .. } | Act::Freeze { .. }));
        let taken = client.post(&self.sign(&key, act, nonce, deployment)?, version).await?;
        print(json, &taken, || told(&words, is_stop, &taken))
    }

    /// Signs `act` as the key's statement number `nonce`, asking nobody; who may say what is in the configuration, too.
    pub(super) fn sign_alone(&self, act: Act, nonce: u64) -> Result<(SignedStatement, Config)> {
        let config = Config::read(&self.door.config)?;
        let policy = config.control_policy().context("control: expected guardians in the configuration, found none")?;
        let password = self.password.as_ref().context("--password: expected the key's, found none")?;
        let key = self.unlock(&config, password)?;
        let signed = self.sign(&key, act, nonce, policy.deployment)?;
        by_a_guardian(&signed, &policy, unix_now())?;
        Ok((signed, config))
    }

    fn unlock(&self, config: &Config, password: &SecretRef) -> Result<LocalKey> {
        wiring::unlock(config, &KeyRef { name: self.key.clone(), password: password.clone() })
    }

    fn sign(&self, key: &LocalKey, act: Act, nonce: u64, deployment: B256) -> Result<SignedStatement> {
        let statement = self.statement(act, key.address(), nonce);
        let signature = key.sign_digest(statement.digest(deployment))?;
        Ok(SignedStatement::new(statement, &signature))
    }

    fn statement(&self, act: Act, guardian: Address, nonce: u64) -> Statement {
        let expiry = unix_now().saturating_add(self.valid_for.as_secs());
        Statement { act, reason: self.reason.clone(), guardian, nonce, expiry }
    }

    /// What would be signed. The key stays locked; its next number is shown when the control API says it.
    async fn show(&self, client: &Client, act: Act, deployment: B256, json: bool) -> Result<()> {
        let guardian = self.address(&client.config)?;
        let nonce = next_nonce(client, guardian, deployment).await;
        if let Err(error) = &nonce {
            eprintln!("spandrel: nonce: not known, 0 is shown: {error:#}");
        }
        let statement = self.statement(act, guardian, *nonce.as_ref().unwrap_or(&0));
        let digest = statement.digest(deployment);
        let value = serde_json::json!({
            "dry_run": true, "deployment": deployment, "statement": statement, "digest": digest,
            "nonce_known": nonce.is_ok(),
        });
        print(json, &value, || {
            let typed = Typed::of(&statement).type_text();
            format!(
                "would sign as {} ({guardian}) and send to {}\n  {}\n  {typed}\n  digest {digest}\n{:#}",
                self.key, client.base, statement.act, value["statement"]
            )
        })
    }

    /// The key's address, as its file claims it.
    fn address(&self, config: &Config) -> Result<Address> {
        let folder = &config.keystore;
        ensure!(folder.is_dir(), "keystore: expected a folder at {}, found none", folder.display());
        let keys = Keystore::open(folder, Hardness::Dev)?.list()?;
        let found = keys.iter().find(|info| info.name == self.key);
        let names = || keys.iter().map(|info| info.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = found.with_context(|| format!("key: expected one of {}, found {:?}", names(), self.key))?;
        Ok(found.address)
    }
}

/// What became of a statement, in words: what was said, and what is so now. A first freeze is proposed, and in force.
fn told(words: &str, is_stop: bool, taken: &Value) -> String {
    let id = taken["statement"].as_str().unwrap_or_default();
    let state = taken["state"].as_str().unwrap_or_default();
    let until = taken["in_force_until"].as_u64().map(|until| format!("paused until {}", moment(until)));
    let (state, what) = match (state, until, taken["ready_at"].as_u64()) {
        ("proposed", Some(until), _) => (
            "in force",
            format!("{until}; without end when another guardian freezes too: spandrel proposals approve {id}"),
        ),
        ("proposed", None, _) if !is_stop => {
            (state, format!("another guardian must agree: spandrel proposals approve {id}"))
        }
        ("approved", _, Some(at)) => (state, format!("carried out at {} at the earliest", moment(at))),
        (_, Some(until), _) => (state, until),
        _ if is_stop => (state, "paused without end".to_owned()),
        _ => (state, String::new()),
    };
    let chains = "\nthe chains that it concerns are still being told: spandrel status lists what waits for them";
    format!("{state}  {id}\n{words}\n{what}{}", if is_stop { chains } else { "" })
}

/// The key's next number. An API of another deployment is not one to sign for.
async fn next_nonce(client: &Client, guardian: Address, deployment: B256) -> Result<u64> {
    let (signers, _) = client.get("signers").await?;
    let found = signers["deployment"].as_str().unwrap_or_default();
    ensure!(found == deployment.to_string(), "deployment: expected {deployment}, found {found}");
    let rows = signers["guardians"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = rows.iter().find(|row| row["address"].as_str().is_some_and(|text| text.parse() == Ok(guardian)));
    row.and_then(|row| row["next_nonce"].as_u64()).with_context(|| format!("{guardian} is no guardian there"))
}

//! The bridge as a process of its own, with the transfer API on, over the demo's embedded chains.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use alloy::primitives::{Address, keccak256};
use anyhow::{Context, Result, ensure};
use bitcoin::address::NetworkUnchecked;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use spandrel::clock::unix_now;
use spandrel::config::ApiConfig;
use spandrel::demo::bridge::Bridge;
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel_api::issue_key;
use spandrel_store::{ApiGrant, ApiScope, Sqlite, TenantClass};
use spandrel_testnets::bitcoin::RegtestNode;
use tempfile::TempDir;
use tokio::process::Child;

use crate::process;

const AMOUNT: u64 = 20_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// x-only key of the user's refund: twice the generator point.
const REFUND_KEY: &str = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

/// How much callers without a key may ask.
pub enum Anonymous {
    /// So much that the server itself is measured.
    Unbounded,
    /// So many requests a second.
    PerSecond(NonZeroU32),
}

/// A bridge that serves.
pub struct Served {
    /// Where.
    pub address: SocketAddr,
    /// A key that may write, of a partner.
    pub key: String,
    chains: Chains,
    process: Child,
    client: Client,
    route: String,
    _folder: TempDir,
}

/// An order that waits for its deposit.
#[derive(Clone)]
pub struct Order {
    /// The transfer's.
    pub id: String,
    script: bitcoin::ScriptBuf,
}

impl Served {
    /// Starts chains and bridge, and waits until it answers.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn start(anonymous: Anonymous, max_streams: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let chains = Chains::start(&RealNodes::default()).await?;
        let bridge = Bridge::build(&chains, folder.path()).await?;
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let anonymous_per_second = match anonymous {
            Anonymous::Unbounded => NonZeroU32::new(10_000_000).context("not zero")?,
            Anonymous::PerSecond(rate) => rate,
        };
        let unbounded = NonZeroU32::new(10_000_000).context("not zero")?;
        let mut config = bridge.config.clone();
        config.api = Some(ApiConfig {
            listen: address,
            tls: None,
            anonymous_per_second,
            key_per_second: unbounded,
            partner_per_second: unbounded,
            own_keys_per_hour: None,
            open_orders_per_address: spandrel_api::http::OPEN_ORDERS,
            max_streams,
            streams_per_caller: max_streams,
            webhook_key: None,
            refused_webhook_networks: Vec::new(),
            proxies: None,
            vaults: BTreeMap::new(),
        });
        config.check()?;
        let path = folder.path().join("load.toml");
        std::fs::write(&path, toml::to_string(&config)?)?;
        let grant = ApiGrant { scopes: [ApiScope::TransfersWrite].into(), class: TenantClass::Partner };
        let (secret, key) = issue_key("load", grant, unix_now(), &mut rand::rng());
        Sqlite::open(&config.database).await?.add_api_key(&key).await?;
        let process = process::start(&["up", "--config", path.to_str().context("a UTF-8 path")?])?;
        let mut served = Self {
            address,
            key: secret.reveal(),
            route: String::new(),
            client: Client::new(),
            chains,
            process,
            _folder: folder,
        };
        served.route = served.bitcoin_route().await?;
        Ok(served)
    }

    async fn bitcoin_route(&self) -> Result<String> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.client.get(self.url("/v1/routes")).send().await {
                Ok(answer) => {
                    let routes: Value = answer.error_for_status()?.json().await?;
                    let source = self.chains.bitcoin_id();
                    let mut routes = routes.as_array().context("routes")?.iter();
                    let route = routes.find(|route| route["source"] == source.as_str()).context("a route")?;
                    return Ok(route["id"].as_str().context("id")?.to_owned());
                }
                Err(error) => ensure!(tokio::time::Instant::now() < deadline, "the API does not answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where a client of this server begins.
    pub fn base(&self) -> String {
        self.url("")
    }

    /// The route from Bitcoin.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// A quote's request on that route.
    pub fn quote(&self) -> Value {
        json!({ "route": self.route, "amount": AMOUNT.to_string(), "lane": "light_client" })
    }

    /// Orders a transfer, of a recipient that `number` makes.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn order(&self, number: usize) -> Result<Order> {
        let quote = answer(self.post("/v1/quotes").json(&self.quote())).await?;
        let recipient = Address::from_word(keccak256(format!("load {number}")));
        let order = json!({ "quote": quote["id"], "recipient": recipient, "refund_key": REFUND_KEY });
        let request = self.post("/v1/transfers").header("Idempotency-Key", format!("load-{number}"));
        let order = answer(request.json(&order)).await?;
        let address = order["instructions"]["address"].as_str().context("address")?;
        let address: bitcoin::Address<NetworkUnchecked> = address.parse()?;
        Ok(Order {
            id: order["transfer"]["id"].as_str().context("id")?.to_owned(),
            script: address.require_network(bitcoin::Network::Regtest)?.script_pubkey(),
        })
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path)).bearer_auth(&self.key)
    }

    /// Makes an order's deposit.
    ///
    /// # Errors
    /// When the node refuses it.
    pub async fn pay(&self, order: &Order) -> Result<()> {
        self.chains.bitcoin.pay(&order.script, AMOUNT).await?;
        Ok(())
    }

    /// Mines a block in which deposits stand, or that buries them.
    ///
    /// # Errors
    /// When the node refuses.
    pub async fn mine(&self) -> Result<()> {
        self.chains.bitcoin.mine(1).await?;
        Ok(())
    }

    /// Whether an order was paid out.
    ///
    /// # Errors
    /// When the API does not tell.
    pub async fn is_paid(&self, order: &Order) -> Result<bool> {
        Ok(self.transfer(order).await?["payout_tx"].is_string())
    }

    /// Whether an order's deposit was seen.
    ///
    /// # Errors
    /// When the API does not tell.
    pub async fn is_deposited(&self, order: &Order) -> Result<bool> {
        Ok(self.transfer(order).await?["deposit"].is_string())
    }

    async fn transfer(&self, order: &Order) -> Result<Value> {
        answer(self.client.get(self.url(&format!("/v1/transfers/{}", order.id)))).await
    }

    /// Resident memory of the process, in bytes.
    ///
    /// # Errors
    /// When it has ended, or the system does not tell.
    pub fn memory(&self) -> Result<u64> {
        let id = self.process.id().context("the process ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }
}

async fn answer(request: RequestBuilder) -> Result<Value> {
    let response = request.send().await?;
    let (status, text) = (response.status(), response.text().await?);
    ensure!(status.is_success(), "{status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

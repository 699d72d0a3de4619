//! A user of the transfer API, who knows nothing but what it is told there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use anyhow::{Context, Result, ensure};
use bitcoin::ScriptBuf;
use bitcoin::address::NetworkUnchecked;
use futures::StreamExt;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use spandrel::clock::unix_now;
use spandrel::config::ApiConfig;
use spandrel_api::issue_key;
use spandrel_store::{ApiGrant, ApiScope, Sqlite, TenantClass};
use spandrel_verifiers::ChainId;
use tokio::time::Instant;

use crate::PATIENCE;

/// x-only key of the user's refund: twice the generator point.
pub const REFUND_KEY: &str = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

/// The API on a free port, with room for whatever a test asks.
pub fn served(vaults: BTreeMap<ChainId, Address>) -> Result<ApiConfig> {
    let rate = 1_000.try_into()?;
    Ok(ApiConfig {
        listen: std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?,
        tls: None,
        anonymous_per_second: rate,
        key_per_second: rate,
        partner_per_second: rate,
        own_keys_per_hour: None,
        open_orders_per_address: spandrel_api::http::OPEN_ORDERS,
        max_streams: 16,
        streams_per_caller: 16,
        webhook_key: None,
        refused_webhook_networks: Vec::new(),
        proxies: None,
        vaults,
    })
}

/// A partner with a key.
pub struct User {
    /// Where the API is.
    pub base: String,
    /// The key.
    pub key: String,
    client: Client,
}

impl User {
    /// Puts a key into the ledger. The API need not answer yet.
    pub async fn new(listen: SocketAddr, store: &Sqlite, scopes: &[ApiScope]) -> Result<Self> {
        let grant = ApiGrant { scopes: scopes.iter().copied().collect(), class: TenantClass::Partner };
        let (secret, key) = issue_key("a test's user", grant, unix_now(), &mut rand::rng());
        store.add_api_key(&key).await?;
        Ok(Self { base: format!("http://{listen}"), key: secret.reveal(), client: Client::new() })
    }

    /// Waits until the API answers.
    pub async fn require_answer(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.get("/v1/status").send().await.is_err() {
            ensure!(Instant::now() < deadline, "the API does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Asks.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    /// What is there.
    pub async fn read(&self, path: &str) -> Result<Value> {
        answer(self.get(path), StatusCode::OK).await
    }

    /// Makes something, once however often it is said.
    pub async fn make(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body);
        let request = request.header("Idempotency-Key", keccak256(body.to_string()).to_string());
        answer(request, StatusCode::CREATED).await
    }

    /// Quotes and orders, on the route whose field is this, as in `("source", "eip155:1")`.
    pub async fn order(&self, route: (&str, &str), amount: u64, lane: &str, recipient: Address) -> Result<Value> {
        let (field, is) = route;
        let routes = self.read("/v1/routes").await?;
        let mut routes = routes.as_array().context("routes")?.iter();
        let route = routes.find(|route| route[field] == is).context("a route")?;
        let quote = json!({ "route": route["id"], "amount": amount.to_string(), "lane": lane });
        let quote = self.make("/v1/quotes", &quote).await?;
        ensure!(quote["receive"] == quote["amount"], "{quote}");
        let order = json!({ "quote": quote["id"], "recipient": recipient, "refund_key": REFUND_KEY });
        self.make("/v1/transfers", &order).await
    }

    /// The names of a transfer's events, from a stream that ends by itself.
    pub async fn follow(&self, id: &str) -> Result<Vec<String>> {
        let request = self.get(&format!("/v1/transfers/{id}/events")).header("Accept", "text/event-stream");
        let mut chunks = request.send().await?.error_for_status()?.bytes_stream();
        let mut text = String::new();
        let whole = async {
            while let Some(chunk) = chunks.next().await {
                text.push_str(std::str::from_utf8(&chunk?)?);
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, whole).await.with_context(|| format!("no end of {id}"))??;
        Ok(text.lines().filter_map(|line| line.strip_prefix("event: ")).map(str::to_owned).collect())
    }

    /// A transfer once it is as wanted.
    pub async fn until(&self, id: &str, is_wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let transfer = self.read(&format!("/v1/transfers/{id}")).await?;
            if is_wanted(&transfer) {
                return Ok(transfer);
            }
            ensure!(Instant::now() < deadline, "{transfer}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// What is answered, with this status.
pub async fn answer(request: RequestBuilder, expected: StatusCode) -> Result<Value> {
    let response = request.send().await?;
    let (status, text) = (response.status(), response.text().await?);
    ensure!(status == expected, "expected {expected}, found {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

/// The id of what was ordered.
pub fn id_of(order: &Value) -> Result<&str> {
    order["transfer"]["id"].as_str().context("id")
}

/// What an order's Bitcoin address is paid by.
pub fn deposit_script(instructions: &Value) -> Result<ScriptBuf> {
    let address: bitcoin::Address<NetworkUnchecked> = instructions["address"].as_str().context("address")?.parse()?;
    Ok(address.require_network(bitcoin::Network::Regtest)?.script_pubkey())
}

/// Sends calls as they were told. Those of a proof name no value.
pub async fn send_calls(from: &DynProvider, calls: &Value) -> Result<()> {
    for call in calls.as_array().context("calls")? {
        let text = |field: &str| call[field].as_str().context("a text");
        let mut request =
            TransactionRequest::default().with_to(text("to")?.parse()?).with_input(text("data")?.parse::<Bytes>()?);
        if call.get("value").is_some() {
            request = request.with_value(text("value")?.parse::<U256>()?);
        }
        let receipt = from.send_transaction(request).await?.get_receipt().await?;
        ensure!(receipt.status(), "{call} failed");
    }
    Ok(())
}

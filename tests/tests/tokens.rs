//! An ERC-20 through the whole bridge, there and back, as a user sends it: by the transfer API alone.

use std::time::{Duration, Instant};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use anyhow::{Context, Result, ensure};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use spandrel::clock::unix_now;
use spandrel::config::{ApiConfig, Config};
use spandrel::up::{self, Running};
use spandrel_api::issue_key;
use spandrel_contracts::{TestToken, Vault, WrappedToken};
use spandrel_core::ledger::Ledger;
use spandrel_risk::RiskEvent;
use spandrel_store::{ApiGrant, ApiScope, TenantClass};
use spandrel_tests::PATIENCE;
use spandrel_tests::both_ways::{BothWays, CAP, FUNDS, Side};
use tokio_util::sync::CancellationToken;

/// Base units that go there, and of them those that come back.
const THERE: u64 = CAP / 2;
const BACK: u64 = CAP / 5;
/// Who is paid at home.
const RECIPIENT: Address = Address::repeat_byte(0x70);

/// A user of the transfer API.
struct User<'a> {
    base: String,
    key: String,
    client: Client,
    bridge: &'a BothWays,
}

impl<'a> User<'a> {
    /// With a key of its own, once the API answers.
    async fn new(bridge: &'a BothWays, api: &ApiConfig, running: &Running) -> Result<Self> {
        let grant = ApiGrant { scopes: [ApiScope::TransfersWrite].into(), class: TenantClass::Partner };
        let (secret, key) = issue_key("tokens", grant, unix_now(), &mut rand::rng());
        running.store().add_api_key(&key).await?;
        let (base, client) = (format!("http://{}", api.listen), Client::new());
        let deadline = Instant::now() + PATIENCE;
        while client.get(format!("{base}/v1/status")).send().await.is_err() {
            ensure!(Instant::now() < deadline, "the API does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Self { base, key: secret.reveal(), client, bridge })
    }

    async fn get(&self, path: &str) -> Result<Value> {
        answer(self.client.get(format!("{}{path}", self.base)), StatusCode::OK).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body);
        let key = alloy::primitives::keccak256(body.to_string()).to_string();
        answer(request.header("Idempotency-Key", key), StatusCode::CREATED).await
    }

    /// Sends `amount` of `token` from one side, by the calls that it is told, until the bridge says that nothing will change
    /// any more; answers how it ended.
    async fn send(&self, from: &Side, token: Address, amount: u64, lane: &str, recipient: Address) -> Result<Value> {
        let asset = from.asset(token)?;
        let routes = self.get("/v1/routes").await?;
        let routes = routes.as_array().context("routes")?;
        let route = routes.iter().find(|route| route["asset"] == asset.as_str()).context("a route")?;
        let quote = json!({ "route": route["id"], "amount": amount.to_string(), "lane": lane });
        let quote = self.post("/v1/quotes", &quote).await?;
        ensure!(quote["receive"] == quote["amount"], "{quote}");
        let order = json!({ "quote": quote["id"], "recipient": recipient });
        let order = self.post("/v1/transfers", &order).await?;
        let calls = order["instructions"]["calls"].as_array().context("calls")?;
        ensure!(calls.len() == 2, "approved, then locked: {calls:?}");
        for call in calls {
            let text = |field: &str| call[field].as_str().context("a text");
            let request = TransactionRequest::default()
                .with_to(text("to")?.parse()?)
                .with_input(text("data")?.parse::<Bytes>()?)
                .with_value(text("value")?.parse::<U256>()?);
            let receipt = from.user.send_transaction(request).await?.get_receipt().await?;
            ensure!(receipt.status(), "{call} failed");
        }
        let id = order["transfer"]["id"].as_str().context("id")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let transfer = self.get(&format!("/v1/transfers/{id}")).await?;
            if transfer["terminal"] == true {
                return Ok(transfer);
            }
            ensure!(Instant::now() < deadline, "{transfer}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// What the token's contracts say: the user's and the vault's at home, what is owed there, and what is in circulation
    /// away.
    async fn books(&self) -> Result<[u64; 4]> {
        let BothWays { home, away, user, .. } = self.bridge;
        let token = TestToken::new(home.token, &home.user);
        let owed = Vault::new(home.at.vault, &home.user).outstanding(home.token, away.id().hash()).call().await?;
        let (own, locked) = (token.balanceOf(*user).call().await?, token.balanceOf(home.at.vault).call().await?);
        let away = WrappedToken::new(away.token, &away.user).totalSupply().call().await?;
        Ok([own, locked, owed, away].map(|amount| amount.saturating_to()))
    }
}

async fn answer(request: RequestBuilder, expected: StatusCode) -> Result<Value> {
    let response = request.send().await?;
    let (status, text) = (response.status(), response.text().await?);
    ensure!(status == expected, "expected {expected}, found {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

fn served(bridge: &BothWays) -> Result<(Config, ApiConfig)> {
    let rate = 1_000.try_into()?;
    let api = ApiConfig {
        listen: std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?,
        tls: None,
        anonymous_per_second: rate,
        key_per_second: rate,
        partner_per_second: rate,
        own_keys_per_hour: None,
        open_orders_per_address: spandrel_api::http::OPEN_ORDERS,
        max_streams: 8,
        streams_per_caller: 8,
        webhook_key: None,
        refused_webhook_networks: Vec::new(),
        proxies: None,
        vaults: [&bridge.home, &bridge.away].map(|side| (side.id(), side.at.vault)).into(),
    };
    let config = Config { api: Some(api.clone()), ..bridge.config.clone() };
    config.check()?;
    Ok((config, api))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erc_20_goes_there_by_the_fast_lane_and_comes_back_by_its_proof() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build(folder.path()).await?;
    let (config, api) = served(&bridge)?;
    let stop = CancellationToken::new();
    let running = up::start(config, None, stop.clone()).await?;
    let user = User::new(&bridge, &api, &running).await?;
    ensure!(user.books().await? == [FUNDS, 0, 0, 0], "nothing has moved");

    let there = user.send(&bridge.home, bridge.home.token, THERE, "fast", bridge.user).await?;
    ensure!(there["status"] == "settled" && there["lane"] == "fast", "{there}");
    ensure!(user.books().await? == [FUNDS - THERE, THERE, THERE, THERE], "locked at home, minted away");

    let back = user.send(&bridge.away, bridge.away.token, BACK, "light_client", RECIPIENT).await?;
    ensure!(back["status"] == "final" && back["lane"] == "light_client", "{back}");
    let left = THERE - BACK;
    ensure!(user.books().await? == [FUNDS - THERE, left, left, left], "burnt away, released at home");
    let paid = TestToken::new(bridge.home.token, &bridge.home.user).balanceOf(RECIPIENT).call().await?;
    ensure!(paid == U256::from(BACK), "{paid} was paid");

    let paused = running.store().risk_events(0).await?.into_iter().find_map(|event| match event.body {
        RiskEvent::Paused { scope, reason, .. } => Some(format!("{scope}: {reason}")),
        _ => None,
    });
    ensure!(paused.is_none(), "a sentinel took it for something else: {paused:?}");
    stop.cancel();
    running.finish().await
}

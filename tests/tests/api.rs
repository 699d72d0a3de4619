//! A transfer as a user makes it: by the REST API alone, from the quote to the proof, on the demo's embedded chains.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use anyhow::{Context, Result, ensure};
use bitcoin::ScriptBuf;
use bitcoin::address::NetworkUnchecked;
use futures::StreamExt;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use spandrel::clock::unix_now;
use spandrel::config::ApiConfig;
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::{proof, up};
use spandrel_api::issue_key;
use spandrel_contracts::WrappedToken;
use spandrel_signer::SecretRef;
use spandrel_store::{ApiGrant, ApiScope, Sqlite, TenantClass};
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_tests::PATIENCE;
use spandrel_tests::process::binary;
use spandrel_tests::tamper::{leaves, tamper};
use spandrel_verifiers::{ChainId, DepositId};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

const AMOUNT: u64 = 50_000;
/// x-only key of the user's refund: twice the generator point.
const REFUND_KEY: &str = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

struct User {
    base: String,
    key: String,
    client: Client,
    hooks: Hooks,
}

/// The user's own server: what was posted to it, by transfer.
#[derive(Clone)]
struct Hooks {
    url: String,
    received: Arc<Mutex<Vec<Value>>>,
}

impl Hooks {
    async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let hooks = Self { url: format!("http://{}/", listener.local_addr()?), received: Arc::default() };
        let received = hooks.received.clone();
        let take = move |axum::Json(body): axum::Json<Value>| async move {
            received.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(body);
        };
        let app = axum::Router::new().route("/", axum::routing::post(take));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(hooks)
    }

    /// The events that were told of a transfer, in the order of their sequence.
    fn told(&self, order: &str) -> Vec<String> {
        let received = self.received.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut told: Vec<(u64, String)> = received
            .iter()
            .filter(|body| body["data"]["transfer"] == order)
            .filter_map(|body| Some((body["data"]["sequence"].as_u64()?, body["type"].as_str()?.to_owned())))
            .collect();
        told.sort();
        told.into_iter().map(|(_, name)| name.trim_start_matches("transfer.").to_owned()).collect()
    }
}

impl User {
    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.key).json(body)
    }

    /// Quotes and orders on the route from `source`.
    async fn order(&self, source: &ChainId, lane: &str, recipient: Address) -> Result<Value> {
        let routes = answer(self.get("/v1/routes"), StatusCode::OK).await?;
        let routes = routes.as_array().context("routes")?;
        let route = routes.iter().find(|route| route["source"] == source.as_str()).context("a route")?;
        let quote = json!({ "route": route["id"], "amount": AMOUNT.to_string(), "lane": lane });
        let quote = answer(self.post("/v1/quotes", &quote), StatusCode::CREATED).await?;
        ensure!(quote["receive"] == quote["amount"], "{quote}");
        let order = json!({ "quote": quote["id"], "recipient": recipient, "refund_key": REFUND_KEY });
        let request = self.post("/v1/transfers", &order).header("Idempotency-Key", source.as_str());
        answer(request, StatusCode::CREATED).await
    }

    /// The names of all events, from a stream that ends by itself.
    async fn follow(&self, id: &str) -> Result<Vec<String>> {
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
}

async fn answer(request: RequestBuilder, expected: StatusCode) -> Result<Value> {
    let response = request.send().await?;
    let (status, text) = (response.status(), response.text().await?);
    ensure!(status == expected, "expected {expected}, found {status}: {text}");
    Ok(serde_json::from_str(&text)?)
}

/// Waits until the API answers.
async fn user(base: String, store: &Sqlite) -> Result<User> {
    let grant =
        ApiGrant { scopes: [ApiScope::TransfersWrite, ApiScope::WebhooksWrite].into(), class: TenantClass::Partner };
    let (secret, key) = issue_key("end to end", grant, unix_now(), &mut rand::rng());
    store.add_api_key(&key).await?;
    let user = User { base, key: secret.reveal(), client: Client::new(), hooks: Hooks::start().await? };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while user.get("/v1/status").send().await.is_err() {
        ensure!(tokio::time::Instant::now() < deadline, "the API does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let register = user.post("/v1/webhooks", &json!({ "url": user.hooks.url })).header("Idempotency-Key", "hooks");
    answer(register, StatusCode::CREATED).await?;
    Ok(user)
}

/// Mines Bitcoin until it is dropped.
async fn mine(chains: &Chains) -> anyhow::Error {
    loop {
        if let Err(error) = chains.bitcoin.mine(1).await {
            return error.into();
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

/// Serves the API of a bridge over the demo's chains while `play` goes on.
async fn beside_a_bridge(play: impl AsyncFnOnce(&User, &Chains, &Bridge) -> Result<()>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::find()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let webhook_key = folder.path().join("webhook-key");
    std::fs::write(&webhook_key, "k".repeat(32))?;
    let rate = 1_000.try_into()?;
    let mut config = bridge.config.clone();
    config.api = Some(ApiConfig {
        listen,
        tls: None,
        anonymous_per_second: rate,
        key_per_second: rate,
        partner_per_second: rate,
        own_keys_per_hour: std::num::NonZeroU32::new(5),
        open_orders_per_address: spandrel_api::http::OPEN_ORDERS,
        max_streams: 8,
        streams_per_caller: 8,
        webhook_key: Some(SecretRef::File(webhook_key)),
        refused_webhook_networks: Vec::new(),
        proxies: None,
        vaults: [(chains.ethereum_id(), bridge.source.vault)].into(),
    });
    config.check()?;
    let stop = CancellationToken::new();
    let running = up::start(config, None, stop.clone()).await?;
    let user = user(format!("http://{listen}"), running.store()).await?;
    let played = tokio::select! {
        played = play(&user, &chains, &bridge) => played,
        error = mine(&chains) => Err(error),
        ended = running.ended() => Err(ended.err().unwrap_or_else(|| anyhow::anyhow!("the bridge stopped by itself"))),
    };
    played?;
    stop.cancel();
    running.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_made_by_the_api_alone_is_paid_told_and_proven() -> Result<()> {
    beside_a_bridge(async |user, chains, bridge| {
        tokio::try_join!(from_bitcoin(user, chains, bridge), from_ethereum(user, chains, bridge))?;
        Ok(())
    })
    .await
}

/// The relayer's account cannot pay for gas. Whoever has the proof needs nothing else of the bridge; and when the relayer can
/// send again, it sees that the deposit is paid, and does not pay it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_claims_by_the_proof_alone_while_the_relayer_cannot() -> Result<()> {
    beside_a_bridge(async |user, chains, bridge| {
        chains.destination.set_balance(bridge.relayer_address, U256::ZERO).await?;
        let recipient = Address::repeat_byte(0x5a);
        let order = user.order(&chains.bitcoin_id(), "light_client", recipient).await?;
        let id = order["transfer"]["id"].as_str().context("id")?;
        let script = deposit_script(&order["instructions"])?;
        let (events, paid) = tokio::join!(user.follow(id), async {
            chains.bitcoin.pay(&script, AMOUNT).await?;
            claim_as_a_stranger(&claimable(user, id).await?, chains).await?;
            let (provider, _) = wallet(&chains.destination, 0)?;
            let sent = provider.get_transaction_count(bridge.relayer_address).await?;
            let token = WrappedToken::new(bridge.target.wrapped[0], provider);
            let balance = token.balanceOf(recipient).call().await?;
            ensure!((sent, balance) == (0, U256::from(AMOUNT)), "{sent} sent by the relayer, {balance} paid");
            chains.destination.set_balance(bridge.relayer_address, U256::from(10).pow(U256::from(20))).await?;
            anyhow::Ok(())
        });
        paid?;
        check(user, chains, bridge, id, &events?, recipient, 0).await
    })
    .await
}

/// The calls of a transfer's proof, once there are any.
async fn claimable(user: &User, id: &str) -> Result<Value> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answered = user.get(&format!("/v1/transfers/{id}/proof")).send().await?;
        match answered.status() {
            StatusCode::OK => {
                let proof: Value = answered.json().await?;
                if proof["claim"].as_array().is_some_and(|calls| !calls.is_empty()) {
                    return Ok(proof["claim"].clone());
                }
            }
            StatusCode::CONFLICT => ensure!(answered.headers().contains_key("retry-after"), "{answered:?}"),
            other => anyhow::bail!("expected 200 or 409, found {other}"),
        }
        ensure!(tokio::time::Instant::now() < deadline, "{id} was not proven");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Sends the calls from an account that the bridge does not know.
async fn claim_as_a_stranger(calls: &Value, chains: &Chains) -> Result<()> {
    let (stranger, _) = wallet(&chains.destination, 7)?;
    for call in calls.as_array().context("calls")? {
        let text = |field: &str| call[field].as_str().context("a text");
        let request =
            TransactionRequest::default().with_to(text("to")?.parse()?).with_input(text("data")?.parse::<Bytes>()?);
        let receipt = stranger.send_transaction(request).await?.get_receipt().await?;
        ensure!(receipt.status(), "{} failed", text("step")?);
    }
    Ok(())
}

/// `.ci/client` generates the client and sets `SPANDREL_GENERATED_CLIENT`. Skipped without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_generated_from_the_document_makes_a_transfer() -> Result<()> {
    let Some(folder) = std::env::var_os("SPANDREL_GENERATED_CLIENT").map(PathBuf::from) else {
        println!("skipped: SPANDREL_GENERATED_CLIENT is not set; .ci/client sets it");
        return Ok(());
    };
    beside_a_bridge(async |user, chains, bridge| {
        let recipient = Address::repeat_byte(0xc1);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("client/transfer.py");
        let mut client = Command::new(folder.join("bin/python"))
            .arg(script)
            .args([&user.base, &user.key, chains.bitcoin_id().as_str()])
            .args([&recipient.to_string(), REFUND_KEY, &AMOUNT.to_string()])
            .env("PYTHONPATH", folder.join("lib"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(client.stdout.take().context("its output")?).lines();
        let instructions: Value = serde_json::from_str(&lines.next_line().await?.context("instructions")?)?;
        chains.bitcoin.pay(&deposit_script(&instructions)?, AMOUNT).await?;
        let transfer: Value = serde_json::from_str(&lines.next_line().await?.context("the transfer's end")?)?;
        ensure!(client.wait().await?.success() && transfer["payout_tx"].is_string(), "{transfer}");
        let (provider, _) = wallet(&chains.destination, 0)?;
        let balance = WrappedToken::new(bridge.target.wrapped[0], provider).balanceOf(recipient).call().await?;
        ensure!(balance == U256::from(AMOUNT), "{recipient} holds {balance}");
        Ok(())
    })
    .await
}

/// What the told address is paid by.
fn deposit_script(instructions: &Value) -> Result<ScriptBuf> {
    let address: bitcoin::Address<NetworkUnchecked> = instructions["address"].as_str().context("address")?.parse()?;
    Ok(address.require_network(bitcoin::Network::Regtest)?.script_pubkey())
}

async fn from_bitcoin(user: &User, chains: &Chains, bridge: &Bridge) -> Result<()> {
    let recipient = Address::repeat_byte(0xb1);
    let order = user.order(&chains.bitcoin_id(), "light_client", recipient).await?;
    let id = order["transfer"]["id"].as_str().context("id")?;
    let script = deposit_script(&order["instructions"])?;
    let (events, paid) = tokio::join!(user.follow(id), chains.bitcoin.pay(&script, AMOUNT));
    paid?;
    check(user, chains, bridge, id, &events?, recipient, 0).await
}

async fn from_ethereum(user: &User, chains: &Chains, bridge: &Bridge) -> Result<()> {
    let recipient = Address::repeat_byte(0xe1);
    let order = user.order(&chains.ethereum_id(), "any", recipient).await?;
    let id = order["transfer"]["id"].as_str().context("id")?;
    let (events, paid) = tokio::join!(user.follow(id), send_calls(bridge, &order["instructions"]["calls"]));
    paid?;
    check(user, chains, bridge, id, &events?, recipient, 1).await
}

/// Sends the calls as they were told, knowing nothing else.
async fn send_calls(bridge: &Bridge, calls: &Value) -> Result<()> {
    for call in calls.as_array().context("calls")? {
        let text = |field: &str| call[field].as_str().context("a text");
        let request = TransactionRequest::default()
            .with_to(text("to")?.parse()?)
            .with_input(text("data")?.parse::<Bytes>()?)
            .with_value(text("value")?.parse::<U256>()?);
        let receipt = bridge.user.send_transaction(request).await?.get_receipt().await?;
        ensure!(receipt.status(), "the deposit transaction failed");
    }
    Ok(())
}

/// The transfer ended well, was told to the webhook as to the stream, was paid, and its proof holds.
async fn check(
    user: &User,
    chains: &Chains,
    bridge: &Bridge,
    id: &str,
    events: &[String],
    recipient: Address,
    wrapped: usize,
) -> Result<()> {
    let transfer = answer(user.get(&format!("/v1/transfers/{id}")), StatusCode::OK).await?;
    ensure!(transfer["terminal"] == true && transfer["payout_tx"].is_string(), "{transfer}");
    ensure!(events.first().is_some_and(|first| first == "observed"), "{events:?}");
    let (provider, _) = wallet(&chains.destination, 0)?;
    let balance = WrappedToken::new(bridge.target.wrapped[wrapped], provider).balanceOf(recipient).call().await?;
    ensure!(balance == U256::from(AMOUNT), "{recipient} holds {balance}");

    let told = async {
        while user.hooks.told(id).len() < events.len() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.context("webhooks in time")?;
    ensure!(user.hooks.told(id) == events, "{:?}, {events:?}", user.hooks.told(id));

    let answered = user.get(&format!("/v1/transfers/{id}/proof")).send().await?.error_for_status()?.text().await?;
    check_download(&answered, transfer["deposit"].as_str().context("deposit")?).await?;
    let found: Value = serde_json::from_str(&answered)?;
    let deposit = DepositId(found["deposit"].as_str().context("deposit")?.parse()?);
    let mut file = serde_json::to_value(proof::make(&bridge.config, deposit).await?)?;
    file["evidence"] = found["evidence"].clone();
    let (_, verified) = proof::check(file.to_string().as_bytes(), unix_now() + 5)?;
    let fact = verified.fact();
    ensure!(fact.id() == deposit && fact.recipient == recipient.into_word() && fact.amount == U256::from(AMOUNT));
    ensure!(found["claim"][1]["to"] == bridge.target.inbox.to_string(), "{}", found["claim"]);
    println!("{}: {}", transfer["source"], events.join(", "));
    Ok(())
}

/// The answer as it was downloaded is checked by the program where nothing is configured; with any part of the evidence changed
/// it is refused.
async fn check_download(answered: &str, deposit: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let run = async |command: &str, content: &str, expected: i32, word: &str| {
        std::fs::write(folder.path().join("proof.json"), content)?;
        let mut program = Command::new(binary()?);
        program.current_dir(folder.path()).env_clear().args(["proof", command, "proof.json"]);
        let output = program.output().await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.code() == Some(expected) && said.contains(word), "{}: {said}", output.status);
        anyhow::Ok(said)
    };
    let honest: Value = serde_json::from_str(answered)?;
    for command in ["verify", "explain"] {
        let said = run(command, answered, 0, deposit).await?;
        ensure!(said.contains("trusted") && said.contains("look it up"), "{said}");
        for change in ["root", "deposit"] {
            let mut changed = honest.clone();
            changed[change] = json!(format!("0x{}", "1".repeat(64)));
            run(command, &changed.to_string(), 3, change).await?;
        }
    }
    // A finality update is not read under a block that is trusted.
    let whole = leaves(&honest["evidence"], "evidence").into_iter().filter(|path| !path.ends_with(".finality"));
    for path in whole {
        run("verify", &tamper(&honest, &path).to_string(), 3, "refused").await.context(path)?;
    }
    Ok(())
}

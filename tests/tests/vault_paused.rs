//! No order is taken for a deposit that the vault on its chain would not take: its own contract is paused, and nothing is here.

use alloy::primitives::B256;
use alloy::providers::DynProvider;
use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel::demo::bridge::source_wallet;
use spandrel::doctor::{State, examine};
use spandrel::up;
use spandrel_contracts::PauseController;
use spandrel_store::ApiScope;
use spandrel_tests::PATIENCE;
use spandrel_tests::both_ways::{BothWays, CAP, Side};
use spandrel_tests::user::{User, served};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Asks what a deposit of `side`'s own coin, or of what stands for home's, would get.
async fn asked(user: &User, side: &Side) -> Result<(StatusCode, Value)> {
    let asset = side.asset(side.coin)?;
    let routes = user.read("/v1/routes").await?;
    let route = routes.as_array().context("routes")?.iter().find(|route| route["asset"] == asset.as_str());
    let body = json!({ "route": route.context("a route")?["id"], "amount": (CAP / 2).to_string() });
    let answer = reqwest::Client::new().post(format!("{}/v1/quotes", user.base)).json(&body).send().await?;
    Ok((answer.status(), answer.json().await?))
}

/// Waits for a quote, or for its refusal.
async fn until(user: &User, side: &Side, expected: StatusCode) -> Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, body) = asked(user, side).await?;
        if status == expected {
            return Ok(body);
        }
        ensure!(Instant::now() < deadline, "expected {expected}, found {status}: {body}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Sends what the chain's own people send.
async fn set(
    pauses: &PauseController::PauseControllerInstance<&DynProvider>,
    scope: B256,
    is_paused: bool,
) -> Result<()> {
    let sent = if is_paused { pauses.pause(scope, 3_600).send().await? } else { pauses.unpause(scope).send().await? };
    ensure!(sent.get_receipt().await?.status(), "taken");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_vaults_own_contract_pauses_is_not_quoted_until_it_is_lifted_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build(folder.path()).await?;
    let BothWays { home, away, .. } = &bridge;
    let api = served([home, away].map(|side| (side.id(), side.at.vault)).into())?;
    let (mut config, listen) = (bridge.config.clone(), api.listen);
    config.api = Some(api);
    config.check()?;
    let stop = CancellationToken::new();
    let running = up::start(config.clone(), None, stop.clone()).await?;
    let user = User::new(listen, running.store(), &[ApiScope::TransfersWrite]).await?;
    user.require_answer().await?;
    until(&user, home, StatusCode::CREATED).await?;

    let (owner, _) = source_wallet(&home.chain, 0)?;
    let pauses = PauseController::new(home.at.pauses, &owner);
    let scopes = [
        pauses.directionScope(2).call().await?,
        pauses.depositsToScope(away.id().hash()).call().await?,
        pauses.assetScope(home.asset(home.coin)?.hash()).call().await?,
    ];
    for scope in scopes {
        set(&pauses, scope, true).await?;
        let refused = until(&user, home, StatusCode::UNPROCESSABLE_ENTITY).await?;
        for lane in refused["lanes"].as_array().context("lanes")? {
            let reason = &lane["reason"];
            ensure!(reason["code"] == "VAULT_PAUSED" && reason["release_at"].is_string(), "{refused}");
        }
        ensure!(asked(&user, away).await?.0 == StatusCode::CREATED, "what goes the other way is quoted");
        let rows = examine(&config).await;
        let deposits = format!("ethereum {} deposits", home.id());
        ensure!(
            rows.iter().any(|row| row.what == deposits && row.state == State::Warn),
            "the doctor says it: {rows:#?}"
        );
        set(&pauses, scope, false).await?;
        until(&user, home, StatusCode::CREATED).await?;
    }
    stop.cancel();
    running.finish().await
}

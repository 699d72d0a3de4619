//! No order is taken for a deposit that the vault on its chain would not take, or that its destination would not pay: their own
//! contracts are paused, and nothing is here.

use alloy::primitives::{Address, B256};
use alloy::providers::DynProvider;
use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel::config::Config;
use spandrel::demo::bridge::source_wallet;
use spandrel::doctor::{State, examine};
use spandrel::up::{self, Running};
use spandrel_contracts::{PauseController, lane};
use spandrel_store::ApiScope;
use spandrel_tests::PATIENCE;
use spandrel_tests::both_ways::{BothWays, CAP, Side};
use spandrel_tests::user::{User, id_of, send_calls, served};
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

/// Waits until `lane` is offered what would be asked of `side`, or is not; answers what is said of it.
async fn until_lane(user: &User, side: &Side, lane: &str, is_offered: bool) -> Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, body) = asked(user, side).await?;
        let offer = body["lanes"].as_array().context("lanes")?.iter().find(|offer| offer["lane"] == lane);
        let offer = offer.context("a lane")?;
        if offer["offered"] == is_offered {
            return Ok(offer.clone());
        }
        ensure!(Instant::now() < deadline, "expected it offered: {is_offered}, found {offer}");
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

/// A process on both chains, and a user of its API.
struct Served {
    config: Config,
    running: Running,
    stop: CancellationToken,
    user: User,
}

impl Served {
    async fn start(bridge: &BothWays) -> Result<Self> {
        let api = served([&bridge.home, &bridge.away].map(|side| (side.id(), side.at.vault)).into())?;
        let (mut config, listen) = (bridge.config.clone(), api.listen);
        config.api = Some(api);
        config.check()?;
        let stop = CancellationToken::new();
        let running = up::start(config.clone(), None, stop.clone()).await?;
        let user = User::new(listen, running.store(), &[ApiScope::TransfersWrite]).await?;
        user.require_answer().await?;
        Ok(Self { config, running, stop, user })
    }

    /// Waits until the doctor says it: of a node that is too busy to answer nothing is said.
    async fn require_warning(&self, what: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let rows = examine(&self.config).await;
            if rows.iter().any(|row| row.what == what && row.state == State::Warn) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{what}: {rows:#?}");
        }
    }

    async fn finish(self) -> Result<()> {
        self.stop.cancel();
        self.running.finish().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_vaults_own_contract_pauses_is_not_quoted_until_it_is_lifted_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build(folder.path()).await?;
    let BothWays { home, away, .. } = &bridge;
    let served = Served::start(&bridge).await?;
    let user = &served.user;
    until(user, home, StatusCode::CREATED).await?;

    let (owner, _) = source_wallet(&home.chain, 0)?;
    let pauses = PauseController::new(home.at.pauses, &owner);
    let scopes = [
        pauses.directionScope(2).call().await?,
        pauses.depositsToScope(away.id().hash()).call().await?,
        pauses.assetScope(home.asset(home.coin)?.hash()).call().await?,
    ];
    for scope in scopes {
        set(&pauses, scope, true).await?;
        let refused = until(user, home, StatusCode::UNPROCESSABLE_ENTITY).await?;
        for lane in refused["lanes"].as_array().context("lanes")? {
            let reason = &lane["reason"];
            ensure!(reason["code"] == "VAULT_PAUSED" && reason["release_at"].is_string(), "{refused}");
        }
        ensure!(asked(user, away).await?.0 == StatusCode::CREATED, "what goes the other way is quoted");
        served.require_warning(&format!("ethereum {} deposits", home.id())).await?;
        set(&pauses, scope, false).await?;
        until(user, home, StatusCode::CREATED).await?;
    }
    served.finish().await
}

/// One transfer is on its way meanwhile: it is proven, cleared, and not paid before the pause is lifted.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_destinations_own_contract_pauses_is_told_with_its_end_until_it_is_lifted_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build(folder.path()).await?;
    let BothWays { home, away, .. } = &bridge;
    let served = Served::start(&bridge).await?;
    let user = &served.user;
    until_lane(user, home, "light_client", true).await?;
    let asset = home.asset(home.coin)?;
    let order = user.order(("asset", asset.as_str()), CAP / 2, "light_client", Address::repeat_byte(0x71)).await?;

    let (owner, _) = source_wallet(&away.chain, 0)?;
    let pauses = PauseController::new(away.at.pauses, &owner);
    let all = pauses.directionScope(1).call().await?;
    let scopes = [
        pauses.laneScope(lane::ETHEREUM).call().await?,
        pauses.payoutsFromScope(home.id().hash()).call().await?,
        pauses.assetScope(asset.hash()).call().await?,
        all,
    ];
    for scope in scopes {
        set(&pauses, scope, true).await?;
        let reason = until_lane(user, home, "light_client", false).await?["reason"].clone();
        ensure!(reason["code"] == "DESTINATION_PAUSED" && reason["release_at"].is_string(), "{reason}");
        ensure!(asked(user, away).await?.0 == StatusCode::CREATED, "what goes the other way is quoted");
        if scope != all {
            set(&pauses, scope, false).await?;
            until_lane(user, home, "light_client", true).await?;
        }
    }

    served.require_warning(&format!("destination {} payouts", away.id())).await?;
    send_calls(&home.user, &order["instructions"]["calls"]).await?;
    let id = id_of(&order)?;
    let waiting = user.until(id, |transfer| transfer["status"] == "cleared").await?;
    let reason = &waiting["reason"];
    ensure!(reason["code"] == "DESTINATION_PAUSED" && reason["release_at"].is_string(), "{waiting}");
    set(&pauses, all, false).await?;
    let ended = user.until(id, |transfer| transfer["terminal"] == true).await?;
    ensure!(ended["status"] == "final" && ended["reason"].is_null(), "{ended}");
    served.finish().await
}

//! An ERC-20 through the whole bridge, there and back, as a user sends it: by the transfer API alone.

use alloy::primitives::{Address, U256};
use anyhow::{Result, ensure};
use serde_json::Value;
use spandrel::up;
use spandrel_contracts::{TestToken, Vault, WrappedToken};
use spandrel_core::ledger::Ledger;
use spandrel_risk::RiskEvent;
use spandrel_store::ApiScope;
use spandrel_tests::both_ways::{BothWays, CAP, FUNDS, Side};
use spandrel_tests::user::{User, id_of, send_calls, served};
use tokio_util::sync::CancellationToken;

/// Base units that go there, and of them those that come back.
const THERE: u64 = CAP / 2;
const BACK: u64 = CAP / 5;
/// Who is paid at home.
const RECIPIENT: Address = Address::repeat_byte(0x70);

/// Sends `amount` of `token` from one side, by the calls that the user is told, until the bridge says that nothing will change
/// any more; answers how it ended.
async fn send(user: &User, from: &Side, token: Address, amount: u64, lane: &str, recipient: Address) -> Result<Value> {
    let asset = from.asset(token)?;
    let order = user.order(("asset", asset.as_str()), amount, lane, recipient).await?;
    let calls = &order["instructions"]["calls"];
    ensure!(calls.as_array().is_some_and(|calls| calls.len() == 2), "approved, then locked: {calls}");
    send_calls(&from.user, calls).await?;
    user.until(id_of(&order)?, |transfer| transfer["terminal"] == true).await
}

/// What the token's contracts say: the user's and the vault's at home, what is owed there, and what is in circulation away.
async fn books(bridge: &BothWays) -> Result<[u64; 4]> {
    let BothWays { home, away, user, .. } = bridge;
    let token = TestToken::new(home.token, &home.user);
    let owed = Vault::new(home.at.vault, &home.user).outstanding(home.token, away.id().hash()).call().await?;
    let (own, locked) = (token.balanceOf(*user).call().await?, token.balanceOf(home.at.vault).call().await?);
    let away = WrappedToken::new(away.token, &away.user).totalSupply().call().await?;
    Ok([own, locked, owed, away].map(|amount| amount.saturating_to()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erc_20_goes_there_by_the_fast_lane_and_comes_back_by_its_proof() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build(folder.path()).await?;
    let api = served([&bridge.home, &bridge.away].map(|side| (side.id(), side.at.vault)).into())?;
    let (mut config, listen) = (bridge.config.clone(), api.listen);
    config.api = Some(api);
    config.check()?;
    let stop = CancellationToken::new();
    let running = up::start(config, None, stop.clone()).await?;
    let user = User::new(listen, running.store(), &[ApiScope::TransfersWrite]).await?;
    user.require_answer().await?;
    ensure!(books(&bridge).await? == [FUNDS, 0, 0, 0], "nothing has moved");

    let there = send(&user, &bridge.home, bridge.home.token, THERE, "fast", bridge.user).await?;
    ensure!(there["status"] == "settled" && there["lane"] == "fast", "{there}");
    ensure!(books(&bridge).await? == [FUNDS - THERE, THERE, THERE, THERE], "locked at home, minted away");

    let back = send(&user, &bridge.away, bridge.away.token, BACK, "light_client", RECIPIENT).await?;
    ensure!(back["status"] == "final" && back["lane"] == "light_client", "{back}");
    let left = THERE - BACK;
    ensure!(books(&bridge).await? == [FUNDS - THERE, left, left, left], "burnt away, released at home");
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

//! A guardian's order to a running bridge stops the chain, although the bridge's account has no role there.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use spandrel::config::{Config, KeyRef};
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::up;
use spandrel_contracts::PauseController;
use spandrel_risk::Scope;
use spandrel_risk::control::Act;
use spandrel_signer::{Hardness, Keystore};
use spandrel_tests::guardians::{guard, order};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

/// The demo's bridge, paying from a new account; who was its account, and is a guardian there, is `ada` now.
async fn guarded(chains: &Chains, bridge: &Bridge) -> Result<(Config, KeyRef, Address)> {
    let mut config = bridge.config.clone();
    let target = config.destination.first_mut().context("a destination")?;
    let guardian = target.account.clone();
    let keystore = Keystore::open(&config.keystore, Hardness::Dev)?;
    let payer = keystore.create("payer", &guardian.password.read()?)?;
    target.account = KeyRef { name: "payer".to_owned(), password: guardian.password.clone() };
    chains.destination.set_balance(payer.address, U256::from(10).pow(U256::from(20))).await?;
    guard(&mut config, [(bridge.relayer_address, "ada"), (Address::repeat_byte(0xb0), "bo")])?;
    Ok((config, guardian, payer.address))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guardians_order_stops_the_chain_by_an_account_without_a_role() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let (config, guardian, payer) = guarded(&chains, &bridge).await?;
    let (provider, _) = wallet(&chains.destination, 0)?;
    let pauses = PauseController::new(bridge.target.pauses, &provider);
    let everything = pauses.globalScope().call().await?;
    let refused = pauses.pause(everything, 60).from(payer).call().await;
    ensure!(refused.is_err(), "the account may not pause");

    let stop = CancellationToken::new();
    let running = up::start(config.clone(), None, stop.clone()).await?;
    let act = Act::Pause { scope: Scope::Global, seconds: 3_600 };
    let stated = order(&config, &guardian, act, "odd payouts").await?;
    let is_paused = async {
        while !pauses.isPaused(everything).call().await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, is_paused).await.context("the chain in time")??;
    ensure!(pauses.isTaken(stated).call().await?, "by the guardian's own signature");
    stop.cancel();
    running.finish().await
}

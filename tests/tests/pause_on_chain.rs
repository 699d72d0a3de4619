//! A guardian's order to a running bridge stops the chain, although the bridge's account has no role there.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use spandrel::clock::unix_now;
use spandrel::config::{Config, ControlConfig, KeyRef};
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::{up, wiring};
use spandrel_contracts::PauseController;
use spandrel_risk::Scope;
use spandrel_risk::control::{Act, SignedStatement, Statement};
use spandrel_signer::{Hardness, Keystore};
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
    let guardians = [(bridge.relayer_address, "ada".to_owned()), (Address::repeat_byte(0xb0), "bo".to_owned())].into();
    let listen = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    config.control = Some(ControlConfig { listen, tls: None, guardians, resume_delay: 900, timelock: 86_400 });
    config.check()?;
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
    let key = wiring::unlock(&config, &guardian)?;
    let statement = Statement {
        act: Act::Pause { scope: Scope::Global, seconds: 3_600 },
        reason: "odd payouts".to_owned(),
        guardian: key.address(),
        nonce: 0,
        expiry: unix_now() + 600,
    };
    let deployment = config.control_policy().context("guardians")?.deployment;
    let signed = SignedStatement::new(statement.clone(), &key.sign_digest(statement.digest(deployment))?);
    let control = config.control.as_ref().context("control")?.listen;
    let url = format!("http://{control}/v1/control/statements");
    let answer = reqwest::Client::new().post(url).json(&signed).send().await?;
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    let is_paused = async {
        while !pauses.isPaused(everything).call().await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, is_paused).await.context("the chain in time")??;
    ensure!(pauses.isTaken(statement.digest(deployment)).call().await?, "by the guardian's own signature");
    stop.cancel();
    running.finish().await
}

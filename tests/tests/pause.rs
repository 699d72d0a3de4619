//! From the start of a guardian's command to nothing being broadcast, on a whole bridge under load: deposits go on, the real
//! engine pays them on anvil, and every `eth_sendRawTransaction` is counted on its way there.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy::consensus::{Transaction as _, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use spandrel::clock::unix_now;
use spandrel::config::Config;
use spandrel::demo::bridge::Bridge;
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::up;
use spandrel_contracts::Inbox::settleCall;
use spandrel_contracts::Vault;
use spandrel_signer::{Hardness, Keystore, SecretRef};
use spandrel_testnets::FaultProxy;
use spandrel_tests::guardians::guard;
use spandrel_tests::{PATIENCE, process};
use spandrel_verifiers::LanePreference;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Wei of each deposit.
const AMOUNT: u64 = 50_000;
/// Between one deposit and the next.
const EVERY: Duration = Duration::from_millis(25);
/// Payouts that leave before the command.
const BEFORE: usize = 12;
/// One of them left within this time before it: a bridge that stood still has nothing to stop.
const BUSY: Duration = Duration::from_millis(500);

/// When each payout left for the destination.
#[derive(Clone, Default)]
struct Broadcasts(Arc<Mutex<Vec<Instant>>>);

impl Broadcasts {
    /// Counts what goes through `proxy` to the contracts that pay.
    fn count(&self, proxy: &FaultProxy, paying: [Address; 2]) {
        let broadcasts = self.0.clone();
        proxy.lie(move |method, params, _| {
            let raw = params[0].as_str().and_then(|raw| raw.parse::<Bytes>().ok()).unwrap_or_default();
            let sent = (method == "eth_sendRawTransaction").then(|| TxEnvelope::decode_2718(&mut raw.as_ref()));
            // What was paid is settled under a pause too: that repays, and pays nobody.
            let is_payout = |sent: &TxEnvelope| {
                sent.to().is_some_and(|to| paying.contains(&to)) && !sent.input().starts_with(&settleCall::SELECTOR)
            };
            if sent.and_then(|sent| sent.ok()).is_some_and(|sent| is_payout(&sent)) {
                broadcasts.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            }
        });
    }

    fn times(&self) -> Vec<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until payouts leave: `BEFORE` of them did, and the last just now.
    async fn until_busy(&self) -> Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let times = self.times();
            if times.len() >= BEFORE && times.last().is_some_and(|last| last.elapsed() < BUSY / 2) {
                return Ok(());
            }
            ensure!(tokio::time::Instant::now() < deadline, "{} payouts, the last not just now", times.len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The demo's configuration behind the proxy, with guardians whose keys are in its keystore.
fn configured(bridge: &Bridge, proxy: &FaultProxy, folder: &Path) -> Result<Config> {
    let mut config = bridge.config.clone();
    config.destination.first_mut().context("a destination")?.rpc = proxy.url().into();
    let keystore = Keystore::open(&config.keystore, Hardness::Dev)?;
    let password = SecretRef::File(folder.join("password")).read()?;
    let guardian = |name| anyhow::Ok((keystore.create(name, &password)?.address, name));
    guard(&mut config, [guardian("ada")?, guardian("bo")?])?;
    std::fs::write(folder.join("guarded.toml"), toml::to_string(&config)?)?;
    Ok(config)
}

/// Deposits until it is dropped.
async fn deposit(chains: &Chains, bridge: &Bridge) -> anyhow::Error {
    let vault = Vault::new(bridge.source.vault, &bridge.user);
    let first = match bridge.user.get_transaction_count(bridge.user_address).pending().await {
        Ok(first) => first,
        Err(error) => return error.into(),
    };
    for nonce in first.. {
        let (recipient, amount) = (Address::repeat_byte(0xd0).into_word(), U256::from(AMOUNT));
        let (destination, inbox) = (chains.destination_id().hash(), bridge.target.inbox.into_word());
        let lane = LanePreference::Fast as u8;
        let lock = vault.lock(Address::ZERO, amount, destination, inbox, recipient, lane, unix_now() + 86_400);
        if let Err(error) = lock.value(amount).nonce(nonce).gas(300_000).send().await {
            return error.into();
        }
        tokio::time::sleep(EVERY).await;
    }
    anyhow::anyhow!("no more nonces")
}

/// One guardian's command while payouts leave; when it began and when it was answered.
async fn pause(folder: &Path) -> Result<(Instant, Instant)> {
    let config = folder.join("guarded.toml");
    let password = format!("file:{}", folder.join("password").display());
    let mut command = Command::new(process::binary()?);
    command.args(["pause", "--global", "--for", "1h", "--reason", "a drill", "--key", "ada", "--password", &password]);
    command.arg("--config").arg(config).kill_on_drop(true);
    let started = Instant::now();
    let output = command.output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok((started, Instant::now()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_after_a_guardians_command_began_no_payout_reaches_the_node() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let proxy = FaultProxy::start(chains.destination.url()).await?;
    let broadcasts = Broadcasts::default();
    broadcasts.count(&proxy, [bridge.target.inbox, bridge.target.fast_lane]);
    let stop = CancellationToken::new();
    let running = up::start(configured(&bridge, &proxy, folder.path())?, None, stop.clone()).await?;
    let play = async {
        broadcasts.until_busy().await?;
        let (started, answered) = pause(folder.path()).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let times = broadcasts.times();
        let before = times.iter().rfind(|at| **at <= started).context("a payout before the command")?;
        let idle = started - *before;
        ensure!(idle < BUSY, "no payout had left for {idle:?} when the command began");
        let during = times.iter().filter(|at| **at > started).count();
        let last = times.last().context("a payout")?.saturating_duration_since(started);
        println!(
            "{} broadcasts, {during} after the command began, the last {last:?}; it was answered in {:?}",
            times.len(),
            answered - started
        );
        ensure!(last < Duration::from_secs(1), "the last payout left {last:?} after the command began");
        tokio::time::sleep(Duration::from_secs(5)).await;
        ensure!(broadcasts.times().len() == times.len(), "it went on");
        anyhow::Ok(())
    };
    tokio::select! {
        played = play => played?,
        error = deposit(&chains, &bridge) => return Err(error.context("deposits")),
        ended = running.ended() => anyhow::bail!("the bridge stopped by itself: {ended:?}"),
    }
    stop.cancel();
    running.finish().await
}

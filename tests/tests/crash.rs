//! A real process, killed at random and restarted, neither loses a deposit nor pays one twice.

use std::time::{Duration, Instant};

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::demo::deposit;
use spandrel_contracts::{Inbox, WrappedToken};
use spandrel_core::Transfer;
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_store::Sqlite;
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_tests::{PATIENCE, process};
use spandrel_verifiers::LanePreference;

const ROUNDS: usize = 8;
const GRACE: Duration = Duration::from_secs(15);

struct Deposit {
    recipient: Address,
    amount: U256,
    is_bitcoin: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_random_pays_every_deposit_exactly_once() -> Result<()> {
    let seed = std::env::var("SPANDREL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    println!("seed {seed} (repeat with SPANDREL_SEED={seed})");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::find()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let store = Sqlite::open(&bridge.config.database).await?;
    let config = folder.path().join("spandrel.toml");
    let config = config.to_str().context("a UTF-8 path")?;

    let mut deposits = Vec::new();
    for round in 0..ROUNDS {
        let mut process = process::start(&["up", "--config", config])?;
        let life = Duration::from_millis(random.random_range(200..4000));
        let dies_at = Instant::now() + life;
        deposits.push(send(&chains, &bridge, &store, round, &mut random).await?);
        while Instant::now() < dies_at {
            chains.bitcoin.mine(1).await?;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        process.kill().await?;
    }

    let mut process = process::start(&["up", "--config", config])?;
    let deadline = Instant::now() + PATIENCE;
    while !all_ended(&store, deposits.len()).await? {
        ensure!(Instant::now() < deadline, "not every transfer ended: {:?}", statuses(&store).await?);
        ensure!(process.try_wait()?.is_none(), "the last process ended by itself");
        chains.bitcoin.mine(1).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    // And asked to stop, it stops, gracefully.
    process::signal(&process, "TERM").await?;
    let stopped = tokio::time::timeout(GRACE, process.wait()).await.context("it did not stop in time")??;
    ensure!(stopped.success(), "after SIGTERM: {stopped}");
    check_balances(&chains, &bridge, &deposits).await?;
    check_claims(&chains, &bridge, deposits.len()).await?;
    check_replay(&store).await?;
    check_decisions(&bridge).await
}

async fn send(
    chains: &Chains,
    bridge: &Bridge,
    store: &Sqlite,
    round: usize,
    random: &mut ChaCha8Rng,
) -> Result<Deposit> {
    let recipient = Address::from_word(keccak256(format!("crash test {round}")));
    let lane = if random.random() { LanePreference::Any } else { LanePreference::LightClient };
    let is_bitcoin = random.random();
    let amount = random.random_range(10_000..1_000_000u64);
    if is_bitcoin {
        deposit::bitcoin(chains, bridge, store, recipient, amount, lane).await?;
    } else {
        deposit::ethereum(chains, bridge, recipient, U256::from(amount), lane).await?;
    }
    Ok(Deposit { recipient, amount: U256::from(amount), is_bitcoin })
}

async fn transfers(store: &Sqlite) -> Result<Vec<Transfer>> {
    Ok(store.transfers(&TransferFilter::default()).await?)
}

async fn statuses(store: &Sqlite) -> Result<Vec<&'static str>> {
    Ok(transfers(store).await?.iter().map(|transfer| transfer.status.name()).collect())
}

async fn all_ended(store: &Sqlite, expected: usize) -> Result<bool> {
    let transfers = transfers(store).await?;
    Ok(transfers.len() == expected && transfers.iter().all(|transfer| transfer.status.is_terminal()))
}

async fn check_balances(chains: &Chains, bridge: &Bridge, deposits: &[Deposit]) -> Result<()> {
    let (provider, _) = wallet(&chains.destination, 0)?;
    for deposit in deposits {
        let token = bridge.target.wrapped[usize::from(!deposit.is_bitcoin)];
        let balance = WrappedToken::new(token, &provider).balanceOf(deposit.recipient).call().await?;
        ensure!(balance == deposit.amount, "{} holds {balance}, not {}", deposit.recipient, deposit.amount);
    }
    Ok(())
}

async fn check_claims(chains: &Chains, bridge: &Bridge, expected: usize) -> Result<()> {
    let (provider, _) = wallet(&chains.destination, 0)?;
    let filter =
        Filter::new().address(bridge.target.inbox).event_signature(Inbox::Claimed::SIGNATURE_HASH).from_block(0);
    let logs = provider.get_logs(&filter).await?;
    let mut ids: Vec<B256> = logs.iter().filter_map(|log| log.topics().get(1).copied()).collect();
    ids.sort();
    ids.dedup();
    ensure!(logs.len() == expected && ids.len() == expected, "{} claims of {} deposits", logs.len(), ids.len());
    Ok(())
}

/// The stored events of every transfer fold to its stored projection.
async fn check_replay(store: &Sqlite) -> Result<()> {
    for stored in transfers(store).await? {
        let mut folded = None;
        for event in store.events(stored.id).await? {
            folded = Some(Transfer::fold(folded, stored.id, &event.body, event.at)?);
        }
        ensure!(folded.as_ref() == Some(&stored), "events of {} do not fold to its projection", stored.id);
    }
    Ok(())
}

/// A second engine makes every decision of the ledger again: to the same.
async fn check_decisions(bridge: &Bridge) -> Result<()> {
    let mut command = tokio::process::Command::new(process::binary()?);
    command.args(["replay", "..", "--json", "--database"]).arg(&bridge.config.database);
    let output = command.kill_on_drop(true).output().await?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{}: {told}{}", output.status, String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_str(&told)?;
    let decisions = &told["decisions"];
    let is_whole = decisions["not_replayed"] == 0 && decisions["mismatch"].is_null();
    ensure!(is_whole && decisions["same"].as_u64() >= Some(ROUNDS as u64), "{told}");
    Ok(())
}

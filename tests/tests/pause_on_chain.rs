//! A guardian's order to a running bridge stops its chains, although the bridge's account has no role there: where it pays, and
//! where deposits are made.

use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolError;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spandrel::clock::unix_now;
use spandrel::config::{Config, KeyRef, VaultPauses};
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::up;
use spandrel_contracts::{PauseController, Vault};
use spandrel_risk::Scope;
use spandrel_risk::control::Act;
use spandrel_signer::{Hardness, Keystore};
use spandrel_tests::PATIENCE;
use spandrel_tests::guardians::{guard, order};
use spandrel_tests::process::binary;
use spandrel_verifiers::LanePreference;
use tokio_util::sync::CancellationToken;

/// Wei of a deposit.
const AMOUNT: u64 = 50_000;

/// The demo's bridge, paying and pausing from a new account; who was its account, and is a guardian on the chains, is `ada`
/// now.
struct Guarded {
    config: Config,
    ada: KeyRef,
    payer: Address,
}

impl Guarded {
    /// Pauses of the source go to the node at `rpc`.
    async fn over(chains: &Chains, bridge: &Bridge, rpc: &str) -> Result<Self> {
        let mut config = bridge.config.clone();
        let target = config.destination.first_mut().context("a destination")?;
        let ada = target.account.clone();
        let keystore = Keystore::open(&config.keystore, Hardness::Dev)?;
        let payer = keystore.create("payer", &ada.password.read()?)?.address;
        let account = KeyRef { name: "payer".to_owned(), password: ada.password.clone() };
        target.account = account.clone();
        let funds = U256::from(10).pow(U256::from(20));
        chains.destination.set_balance(payer, funds).await?;
        let _: Value = bridge.user.raw_request("anvil_setBalance".into(), (payer, funds)).await?;
        config.ethereum.first_mut().context("a source")?.pauses = Some(VaultPauses {
            rpc: rpc.into(),
            inbox: bridge.source.inbox,
            pause_controller: bridge.source.pauses,
            checkpoint_registry: None,
            account,
            max_fee_per_gas: 500_000_000_000,
            escalate_after_seconds: 20,
            confirmations: Some(2),
        });
        guard(&mut config, [(bridge.relayer_address, "ada"), (Address::repeat_byte(0xb0), "bo")])?;
        Ok(Self { config, ada, payer })
    }

    /// Ada pauses everything; the statement's digest.
    async fn pause(&self) -> Result<B256> {
        order(&self.config, &self.ada, Act::Pause { scope: Scope::Global, seconds: 3_600 }, "odd payouts").await
    }
}

/// Waits until the chain has taken what was signed.
async fn is_taken(pauses: Address, provider: &DynProvider, digest: B256) -> Result<()> {
    let pauses = PauseController::new(pauses, provider);
    let taken = async {
        while !pauses.isTaken(digest).call().await? {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, taken).await.context("the chain in time")??;
    ensure!(pauses.isPaused(pauses.globalScope().call().await?).call().await?);
    Ok(())
}

/// Whether the source's vault takes a deposit now.
async fn takes_deposits(chains: &Chains, bridge: &Bridge) -> Result<bool> {
    let vault = Vault::new(bridge.source.vault, &bridge.user);
    let (recipient, amount) = (Address::repeat_byte(0xd0).into_word(), U256::from(AMOUNT));
    let (destination, inbox) = (chains.destination_id().hash(), bridge.target.inbox.into_word());
    let lane = LanePreference::Fast as u8;
    let lock = vault.lock(Address::ZERO, amount, destination, inbox, recipient, lane, unix_now() + 86_400);
    match lock.value(amount).from(bridge.user_address).call().await {
        Ok(_) => Ok(true),
        Err(error) => {
            let data = error.as_revert_data().unwrap_or_default();
            ensure!(data.starts_with(&PauseController::ScopePaused::SELECTOR), "{error}");
            Ok(false)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guardians_order_stops_both_chains_by_an_account_without_a_role() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let guarded = Guarded::over(&chains, &bridge, chains.ethereum.execution_url()).await?;
    let (provider, _) = wallet(&chains.destination, 0)?;
    for (pauses, provider) in [(bridge.target.pauses, &provider), (bridge.source.pauses, &bridge.user)] {
        let pauses = PauseController::new(pauses, provider);
        let everything = pauses.globalScope().call().await?;
        let refused = pauses.pause(everything, 60).from(guarded.payer).call().await;
        ensure!(refused.is_err(), "the account may not pause");
    }
    ensure!(takes_deposits(&chains, &bridge).await?);

    let stop = CancellationToken::new();
    let running = up::start(guarded.config.clone(), None, stop.clone()).await?;
    let digest = guarded.pause().await?;
    is_taken(bridge.target.pauses, &provider, digest).await?;
    is_taken(bridge.source.pauses, &bridge.user, digest).await?;
    ensure!(!takes_deposits(&chains, &bridge).await?, "deposits stop with the payouts");
    stop.cancel();
    running.finish().await
}

/// No relayer runs, and none is asked.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_guardian_signed_offline_stops_both_chains_whoever_sends_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let guarded = Guarded::over(&chains, &bridge, chains.ethereum.execution_url()).await?;
    let config = folder.path().join("guarded.toml");
    std::fs::write(&config, toml::to_string(&guarded.config)?)?;
    let password = serde_json::to_value(&guarded.ada.password)?;
    let mut command = tokio::process::Command::new(binary()?);
    command.args(["pause", "--global", "--for", "1h", "--reason", "no relayer answers", "--key", &guarded.ada.name]);
    command.args(["--password", password.as_str().context("a reference")?, "--offline", "--nonce", "7", "--json"]);
    let printed = command.arg("--config").arg(config).output().await?;
    ensure!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let printed: Value = serde_json::from_slice(&printed.stdout)?;
    ensure!(printed["signed"]["statement"]["nonce"] == 7, "{printed}");

    let (stranger, address) = wallet(&chains.destination, 5)?;
    ensure!(takes_deposits(&chains, &bridge).await? && address != bridge.relayer_address);
    let sides = [
        (chains.destination_id(), bridge.target.pauses, &stranger),
        (chains.ethereum_id(), bridge.source.pauses, &bridge.user),
    ];
    let transactions = printed["transactions"].as_array().context("transactions")?;
    ensure!(transactions.len() == sides.len(), "{printed}");
    for (chain, pauses, provider) in sides {
        let row = transactions.iter().find(|row| row["chain"] == chain.as_str()).context("each chain")?;
        let to: Address = serde_json::from_value(row["to"].clone())?;
        let data: Bytes = serde_json::from_value(row["data"].clone())?;
        ensure!(to == pauses, "{row}");
        let request = TransactionRequest::default().to(to).input(data.into());
        ensure!(provider.send_transaction(request).await?.get_receipt().await?.status(), "{row}");
        let pauses = PauseController::new(pauses, provider);
        ensure!(pauses.isPaused(pauses.globalScope().call().await?).call().await?, "{chain}");
    }
    ensure!(!takes_deposits(&chains, &bridge).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_whose_node_is_down_keeps_no_pause_from_a_destination() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let guarded = Guarded::over(&chains, &bridge, "http://127.0.0.1:1").await?;
    let stop = CancellationToken::new();
    let running = up::start(guarded.config.clone(), None, stop.clone()).await?;
    let digest = guarded.pause().await?;
    let (provider, _) = wallet(&chains.destination, 0)?;
    is_taken(bridge.target.pauses, &provider, digest).await?;
    ensure!(takes_deposits(&chains, &bridge).await?, "nothing reached the source");
    stop.cancel();
    running.finish().await
}

//! The console in headless Chromium, on a whole bridge over the demo's embedded chains: transfers are sent on the send page
//! and followed to their ends, a guardian's pause is signed by a browser wallet and bites, held transfers are extended,
//! dropped and released, and it takes two guardians and time to resume. `tests/console/` drives the browser; what it did is
//! then looked up in the ledger and on the chain.
//!
//! `SPANDREL_CHROMIUM` says where the browser is; `.ci/console` sets it. Skipped without it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spandrel::clock::unix_now;
use spandrel::config::{ApiConfig, Config};
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::up;
use spandrel_api::issue_key;
use spandrel_contracts::{AccessManager, PauseController, WrappedToken};
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_risk::control::ControlEvent;
use spandrel_store::{ApiGrant, ApiScope, Sqlite, TenantClass};
use spandrel_tests::demo::mine;
use spandrel_tests::guardians::guard;
use spandrel_tests::user::{REFUND_KEY, served};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(600);
/// Who is paid, by the transfer's part in the story, and how it ends.
const RECIPIENTS: [(&str, Address, &[&str]); 5] = [
    ("first", Address::repeat_byte(0xc0), PAID),
    ("waiting", Address::repeat_byte(0xc1), PAID),
    ("released", Address::repeat_byte(0xc2), PAID),
    ("dropped", Address::repeat_byte(0xc3), &["rejected"]),
    ("after", Address::repeat_byte(0xc4), PAID),
];
const PAID: &[&str] = &["final", "settled"];
/// 0.01 ether.
const WEI: u64 = 10_000_000_000_000_000;
/// Accounts of the destination's node that are the guardians' keys.
const GUARDIANS: [(usize, &str); 2] = [(3, "ada"), (4, "bo")];
/// The account of the destination's node that may unpause there, and how long it waits for that.
const GOVERNOR: usize = 9;
const UNPAUSE_DELAY: u64 = 900;
/// Seconds from the second guardian's word to a resumption, in this test: long enough to be seen.
const RESUME_DELAY: u64 = 20;

/// The demo's configuration with both doors open, and guardians whose keys the destination's node holds.
fn configured(chains: &Chains, bridge: &Bridge) -> Result<Config> {
    let mut config = bridge.config.clone();
    let vaults = [(chains.ethereum_id(), bridge.source.vault)].into();
    config.api = Some(ApiConfig { own_keys_per_hour: std::num::NonZeroU32::new(5), ..served(vaults)? });
    let [(ada, ada_is), (bo, bo_is)] = GUARDIANS;
    guard(&mut config, [(account(chains, ada)?, ada_is), (account(chains, bo)?, bo_is)])?;
    // Less than the quarter of an hour that `guard` insists on, and the policy's own tests: nobody waits for that here. The
    // timelock of limits stays, and is seen to run.
    if let Some(control) = &mut config.control {
        control.resume_delay = RESUME_DELAY;
    }
    Ok(config)
}

fn account(chains: &Chains, n: usize) -> Result<Address> {
    Ok(chains.destination.signers().get(n).context("an account")?.address())
}

/// Where the pictures go: beside the test binary, in the target directory.
fn shots() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let target = test.ancestors().nth(3).context("a target directory")?;
    Ok(target.join("console"))
}

/// What the browser is told.
async fn world(chains: &Chains, bridge: &Bridge, config: &Config, store: &Sqlite, shots: &Path) -> Result<Value> {
    let grant = ApiGrant { scopes: [ApiScope::TransfersWrite].into(), class: TenantClass::Standard };
    let (secret, key) = issue_key("console", grant, unix_now(), &mut rand::rng());
    store.add_api_key(&key).await?;
    let (api, control) = (config.api.as_ref().context("api")?, config.control.as_ref().context("control")?);
    let recipients: serde_json::Map<String, Value> =
        RECIPIENTS.iter().map(|(part, recipient, _)| ((*part).to_owned(), json!(recipient))).collect();
    Ok(json!({
        "users": format!("http://{}", api.listen),
        "guardians": format!("http://{}", control.listen),
        "key": secret.reveal(),
        "source": chains.ethereum.chain_id().to_string(),
        "sourceNode": chains.ethereum.execution_url(),
        "signerNode": chains.destination.url(),
        "user": bridge.user_address,
        "ada": account(chains, GUARDIANS[0].0)?,
        "bo": account(chains, GUARDIANS[1].0)?,
        "recipients": recipients,
        "amount": WEI.to_string(),
        "destination": on_destination(chains, bridge).await?,
        "resumeDelay": RESUME_DELAY,
        "timelock": control.timelock,
        "refund": REFUND_KEY,
        "shots": shots,
    }))
}

/// What is asked of the destination's contracts, and how everything is unpaused there: by the governor, through the
/// manager, after its delay.
async fn on_destination(chains: &Chains, bridge: &Bridge) -> Result<Value> {
    let (provider, _) = wallet(&chains.destination, 0)?;
    let pauses = PauseController::new(bridge.target.pauses, &provider);
    let everything = pauses.globalScope().call().await?;
    let manager = AccessManager::new(bridge.target.manager, &provider);
    let unpause = pauses.unpause(everything).calldata().clone();
    Ok(json!({
        "token": bridge.target.wrapped[1],
        "pauses": bridge.target.pauses,
        "isPaused": pauses.isPaused(everything).calldata(),
        "manager": bridge.target.manager,
        "governor": account(chains, GOVERNOR)?,
        "schedule": manager.schedule(bridge.target.pauses, unpause.clone(), Default::default()).calldata(),
        "execute": manager.execute(bridge.target.pauses, unpause).calldata(),
        "delay": UNPAUSE_DELAY,
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn people_send_follow_pause_and_cannot_resume_alone_in_a_browser() -> Result<()> {
    let Some(chromium) = std::env::var_os("SPANDREL_CHROMIUM") else {
        println!("skipped: SPANDREL_CHROMIUM is not set; .ci/console sets it");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let config = configured(&chains, &bridge)?;
    let stop = CancellationToken::new();
    let running = up::start(config.clone(), None, stop.clone()).await?;
    let (store, shots) = (running.store().clone(), shots()?);
    let told = world(&chains, &bridge, &config, &store, &shots).await?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/console/run.mjs");
    let mut driving = Command::new("node")
        .arg(script)
        .env("SPANDREL_CHROMIUM", chromium)
        .env("SPANDREL_CONSOLE", told.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("node")?;
    let ended = tokio::select! {
        ended = tokio::time::timeout(PATIENCE, driving.wait()) => ended.context("the browser in time")?,
        error = mine(&chains) => return Err(error),
        ended = running.ended() => return ended.and(Err(anyhow::anyhow!("the bridge stopped by itself"))),
    };
    ensure!(ended?.success(), "the browser's script failed");
    println!("screenshots are in {}", shots.display());
    happened(&chains, &bridge, &store).await?;
    stop.cancel();
    running.finish().await
}

/// What the pages said happened did happen.
async fn happened(chains: &Chains, bridge: &Bridge, store: &Sqlite) -> Result<()> {
    let transfers = store.transfers(&TransferFilter::default()).await?;
    let (provider, _) = wallet(&chains.destination, 0)?;
    let token = WrappedToken::new(bridge.target.wrapped[1], &provider);
    for (part, recipient, ends) in RECIPIENTS {
        let word: B256 = recipient.into_word();
        let sent: Vec<_> = transfers.iter().filter(|sent| sent.deposit.recipient == word).collect();
        ensure!(sent.len() == 1, "{part}: {} transfers", sent.len());
        let status = sent[0].status.name();
        ensure!(ends.contains(&status), "{part}: expected {ends:?}, found {status}");
        let (expected, found) = (if ends == PAID { WEI } else { 0 }, token.balanceOf(recipient).call().await?);
        ensure!(found == U256::from(expected), "{part}: expected {expected}, {recipient} holds {found}");
    }
    let said: Vec<String> = store
        .control_events(0)
        .await?
        .into_iter()
        .filter_map(|event| match event.body {
            ControlEvent::Taken { person, signed, .. } => Some(format!("{person}: {}", signed.statement.act)),
            _ => None,
        })
        .collect();
    println!("{}", said.join("\n"));
    let begins = [
        "ada: pause global for 3600 s",
        "bo: extend",
        "ada: drop",
        "ada: resume global",
        "bo: approve 0x",
        "ada: release",
        "bo: approve 0x",
        "ada: raise ",
        "bo: approve 0x",
        "bo: cancel 0x",
        "bo: lower ",
    ];
    ensure!(said.len() == begins.len() && said.iter().zip(begins).all(|(said, begins)| said.starts_with(begins)));
    Ok(())
}

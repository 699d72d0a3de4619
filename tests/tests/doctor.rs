//! The doctor at a bridge that is well, and at the same bridge with one thing wrong at a time.

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::{DynProvider, PendingTransactionBuilder, Provider};
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spandrel::config::{Config, EXAMPLE, VaultPauses};
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::doctor::{Row, State, examine};
use spandrel_contracts::deploy::Deployment;
use spandrel_contracts::{AccessManager, Outbox, PauseController, roles};
use spandrel_store::Sqlite;
use spandrel_tests::guardians::guard;

/// What is wrong, by its name.
fn wrong(rows: &[Row]) -> Vec<&str> {
    rows.iter().filter(|row| row.state == State::Wrong).map(|row| row.what.as_str()).collect()
}

async fn require(what: &str, config: &Config, expected: &[&str]) -> Result<()> {
    let rows = examine(config).await;
    let found = wrong(&rows);
    ensure!(found == expected, "{what}: expected {expected:?}, found {found:?}: {rows:#?}");
    let is_to_mend = |row: &Row| matches!(row.state, State::Wrong | State::Warn);
    ensure!(rows.iter().all(|row| is_to_mend(row) == row.mend.is_some()), "{rows:#?}");
    println!("{what}: {} rows, wrong: {found:?}", rows.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_that_is_well_is_found_well_and_each_thing_that_is_wrong_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let (config, example) = (&bridge.config, Config::parse(EXAMPLE)?);
    require("no ledger yet", config, &[]).await?;
    Sqlite::open(&config.database).await?.close().await;
    require("all is well", config, &[]).await?;

    let rows = examine(config).await;
    let unpaused = format!("ethereum {} pauses", chains.ethereum_id());
    let row = rows.iter().find(|row| row.what == unpaused).context("that no pause stops deposits")?;
    ensure!(row.state == State::Skipped && row.found.contains("deposits go on"), "{row:?}");
    pauses_of_a_vault(&chains, &bridge).await?;

    let target = chains.destination_id();
    let named = |what: &str| format!("destination {target} {what}");
    let changed = |change: &dyn Fn(&mut Config)| {
        let mut config = bridge.config.clone();
        change(&mut config);
        config
    };
    let away = changed(&|config| config.destination[0].fast_lane = Address::repeat_byte(9));
    require("no contract", &away, &[&named("fast_lane")]).await?;
    let other = changed(&|config| config.destination[0].pause_controller = config.destination[0].inbox);
    let expected = [named("pauses"), named("account's pauses"), named("roles")];
    require("another contract", &other, &expected.each_ref().map(String::as_str)).await?;
    let set = changed(&|config| config.verifier_set = config.signer_set.clone());
    let rows = examine(&set).await;
    ensure!(wrong(&rows).contains(&named("verifier_set").as_str()), "{rows:#?}");
    let verifier = format!("verifier key {}", config.verifier.first().context("a verifier")?.key.name);
    ensure!(wrong(&rows).contains(&verifier.as_str()), "{rows:#?}");
    let root = changed(&|config| config.ethereum[0].trusted_root = Default::default());
    let rows = examine(&root).await;
    ensure!(wrong(&rows).iter().all(|what| what.ends_with(": beacon")) && !wrong(&rows).is_empty(), "{rows:#?}");

    let old = changed(&|config| config.ethereum[0].weak_subjectivity_seconds = std::num::NonZeroU64::MIN);
    let rows = examine(&old).await;
    ensure!(!wrong(&rows).is_empty() && wrong(&rows).iter().all(|what| what.ends_with(": trusted_root")), "{rows:#?}");

    let told = |vault: Address| {
        changed(&|config| {
            let mut api = example.api.clone();
            if let Some(api) = &mut api {
                (api.webhook_key, api.vaults) = (None, [(chains.ethereum_id(), vault)].into());
            }
            config.api = api;
        })
    };
    require("users are told of the vault", &told(bridge.source.vault), &[]).await?;
    // It takes deposits for another outbox.
    let strange = Outbox::deploy(&bridge.user, bridge.source.vault).await?;
    let from = |outbox: Address| changed(&|config| config.ethereum[0].outbox = outbox);
    for (config, found) in [
        (told(Address::repeat_byte(9)), "api.vaults: expected"),
        (from(*strange.address()), "the outbox of vault"),
        (from(bridge.source.vault), "revert"),
    ] {
        let rows = examine(&config).await;
        let wrong: Vec<&Row> = rows.iter().filter(|row| row.state == State::Wrong).collect();
        let is_named = |row: &&Row| row.what.ends_with(": vault") && row.found.contains(found);
        ensure!(!wrong.is_empty() && wrong.iter().all(is_named), "{found}: {rows:#?}");
    }

    let relayer = rows.iter().find(|row| row.what == "account key relayer").context("the relayer's key")?;
    let account: Address = relayer.found.parse()?;
    chains.destination.set_balance(account, U256::from(1_000)).await?;
    require("a poor account", config, &[&named("account")]).await?;
    drop(chains);
    let rows = examine(config).await;
    ensure!(wrong(&rows).contains(&named("node").as_str()) && wrong(&rows).len() >= 9, "{rows:#?}");
    Ok(())
}

/// As it should be, and with one thing wrong at a time.
async fn pauses_of_a_vault(chains: &Chains, bridge: &Bridge) -> Result<()> {
    let funds = U256::from(10).pow(U256::from(20));
    let _: Value = bridge.user.raw_request("anvil_setBalance".into(), (bridge.relayer_address, funds)).await?;
    let named = |what: &str| format!("ethereum {} pauses {what}", chains.ethereum_id());
    let changed = |change: &dyn Fn(&mut VaultPauses)| {
        let mut config = bridge.config.clone();
        let mut pauses = VaultPauses {
            rpc: chains.ethereum.execution_url().to_owned(),
            inbox: bridge.source.inbox,
            pause_controller: bridge.source.pauses,
            account: config.destination[0].account.clone(),
            max_fee_per_gas: 500_000_000_000,
            escalate_after_seconds: 20,
            confirmations: Some(2),
        };
        change(&mut pauses);
        config.ethereum[0].pauses = Some(pauses);
        config
    };
    require("pauses reach the vault", &changed(&|_| {}), &[]).await?;
    let inbox = changed(&|pauses| pauses.inbox = Address::repeat_byte(9));
    require("another inbox", &inbox, &[&named("controller")]).await?;
    let controller = PauseController::deploy(&bridge.user, bridge.source.manager, bridge.source.inbox).await?;
    let other = changed(&|pauses| pauses.pause_controller = *controller.address());
    // Guardians have no role at one that nobody has configured.
    require("another controller", &other, &[&named("vault"), &named("account's pauses"), &named("roles")]).await?;
    let dear = changed(&|pauses| pauses.max_fee_per_gas = u64::MAX);
    require("a poor account", &dear, &[&named("account")]).await?;
    let away = changed(&|pauses| pauses.rpc = chains.destination.url().to_owned());
    require("another chain", &away, &[&named("node")]).await
}

/// The row called `what`, if it is in `state` and shows all `parts`.
async fn shows(config: &Config, what: &str, state: State, parts: &[String]) -> Result<()> {
    let rows = examine(config).await;
    let row = rows.iter().find(|row| row.what == what).with_context(|| format!("{what}: {rows:#?}"))?;
    let text = format!("{} {}", row.found, row.mend.as_deref().unwrap_or_default());
    ensure!(row.state == state && parts.iter().all(|part| text.contains(part)), "{state:?} {parts:?}: {row:#?}");
    Ok(())
}

/// Calls `to` as the timelock that administers a bridge after its handover.
async fn administer(provider: &DynProvider, at: &Deployment, call: impl SolCall) -> Result<()> {
    let timelock = at.timelock.context("a timelock")?;
    let _: Value = provider.raw_request("anvil_impersonateAccount".into(), [timelock]).await?;
    let funds = U256::from(10).pow(U256::from(20));
    let _: Value = provider.raw_request("anvil_setBalance".into(), (timelock, funds)).await?;
    let data = Bytes::from(call.abi_encode());
    let sent = json!({ "from": timelock, "to": at.manager, "data": data, "gas": "0x100000" });
    let hash = provider.raw_request("eth_sendTransaction".into(), [sent]).await?;
    let receipt = PendingTransactionBuilder::new(provider.root().clone(), hash).get_receipt().await?;
    ensure!(receipt.status(), "{receipt:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_pause_and_resume_on_a_chain_is_compared_with_who_is_configured() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let (provider, _) = wallet(&chains.destination, 0)?;
    let (mut config, at) = (bridge.config.clone(), &bridge.target);
    let named = |what: &str| format!("destination {} {what}", chains.destination_id());
    shows(&config, &named("guardians"), State::Skipped, &["[control.guardians]".into()]).await?;
    let [bo, dee, eve] = [0xb0, 0xd0, 0xe0].map(Address::repeat_byte);
    guard(&mut config, [(bridge.relayer_address, "ada"), (bo, "bo")])?;
    let grant = |role, account, delay| {
        let call = AccessManager::grantRoleCall { roleId: role, account, executionDelay: delay };
        administer(&provider, at, call)
    };
    let revoke = |role, account| administer(&provider, at, AccessManager::revokeRoleCall { roleId: role, account });

    require("a guardian without the role", &config, &[&named("guardians")]).await?;
    let parts = [format!("found none of bo ({bo})"), format!("{} calls grantRole(1, address, 0)", at.manager)];
    shows(&config, &named("guardians"), State::Wrong, &parts).await?;
    grant(roles::GUARDIAN, bo, 60).await?;
    require("one that waits", &config, &[&named("guardians")]).await?;
    revoke(roles::GUARDIAN, bo).await?;
    grant(roles::GUARDIAN, bo, 0).await?;
    require("both have it", &config, &[]).await?;
    shows(&config, &named("other guardians"), State::Ok, &[]).await?;

    grant(roles::GUARDIAN, eve, 0).await?;
    require("a stranger is no reason to stop", &config, &[]).await?;
    let parts = [format!("found {eve} too"), format!("revokeRole(1, {eve}) of {}", at.manager)];
    shows(&config, &named("other guardians"), State::Warn, &parts).await?;
    revoke(roles::GUARDIAN, eve).await?;
    shows(&config, &named("other guardians"), State::Ok, &[]).await?;

    shows(&config, &named("resumption"), State::Ok, &["after 900 s".into()]).await?;
    grant(roles::UNPAUSER, dee, 899).await?;
    require("one that does not wait", &config, &[&named("resumption")]).await?;
    let parts = [format!("found {dee} after 899 s"), format!("calls grantRole({}, address, 900)", roles::UNPAUSER)];
    shows(&config, &named("resumption"), State::Wrong, &parts).await?;
    let governor = chains.destination.signers().get(9).context("a governor")?.address();
    revoke(roles::UNPAUSER, dee).await?;
    revoke(roles::UNPAUSER, governor).await?;
    shows(&config, &named("resumption"), State::Wrong, &["found nobody".into(), "calls grantRole(".into()]).await?;

    let selectors = vec![PauseController::unpauseCall::SELECTOR.into()];
    let call = AccessManager::setTargetFunctionRoleCall { target: at.pauses, selectors, roleId: u64::MAX };
    administer(&provider, at, call).await?;
    require("anyone may", &config, &[&named("roles")]).await?;
    shows(&config, &named("roles"), State::Wrong, &["found unpause for anyone".into()]).await
}

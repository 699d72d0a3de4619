//! The doctor at a bridge that is well, and at the same bridge with one thing wrong at a time.

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, PendingTransactionBuilder, Provider};
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use spandrel::config::{AssetConfig, Config, EXAMPLE, VaultPauses};
use spandrel::demo::bridge::{Bridge, FAST_CAP_WEI, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::doctor::{Row, State, examine};
use spandrel_api::Denomination;
use spandrel_contracts::deploy::Deployment;
use spandrel_contracts::{
    AccessManager, Inbox, Outbox, PauseController, RiskGuard, Vault, WrappedToken, erc20_asset, lane, native_asset,
    roles,
};
use spandrel_risk::{Corridor, Lane, Limit};
use spandrel_store::Sqlite;
use spandrel_tests::both_ways::BothWays;
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
    let expected = [named("pauses"), named("vault"), named("account's pauses"), named("roles")];
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
        // Of another outbox the destination knows nothing, either.
        let bridge_of = named(&format!("bridge of {}", chains.ethereum_id()));
        let is_vault = |row: &&Row| row.what.ends_with(": vault") && row.found.contains(found);
        ensure!(wrong.iter().any(is_vault), "{found}: {rows:#?}");
        ensure!(wrong.iter().all(|row| is_vault(row) || row.what == bridge_of), "{found}: {rows:#?}");
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
            rpc: chains.ethereum.execution_url().into(),
            inbox: bridge.source.inbox,
            pause_controller: bridge.source.pauses,
            checkpoint_registry: None,
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
    let away = changed(&|pauses| pauses.rpc = chains.destination.url().into());
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
async fn administer(provider: &DynProvider, at: &Deployment, to: Address, call: impl SolCall) -> Result<()> {
    let timelock = at.timelock.context("a timelock")?;
    let _: Value = provider.raw_request("anvil_impersonateAccount".into(), [timelock]).await?;
    let funds = U256::from(10).pow(U256::from(20));
    let _: Value = provider.raw_request("anvil_setBalance".into(), (timelock, funds)).await?;
    let data = Bytes::from(call.abi_encode());
    let sent = json!({ "from": timelock, "to": to, "data": data, "gas": "0x100000" });
    let hash = provider.raw_request("eth_sendTransaction".into(), [sent]).await?;
    let receipt = PendingTransactionBuilder::new(provider.root().clone(), hash).get_receipt().await?;
    ensure!(receipt.status(), "{receipt:?}");
    Ok(())
}

fn granted(role: u64, account: Address, delay: u32) -> AccessManager::grantRoleCall {
    AccessManager::grantRoleCall { roleId: role, account, executionDelay: delay }
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
    let manager = at.manager;
    let grant = |role, account, delay| administer(&provider, at, manager, granted(role, account, delay));
    let revoke =
        |role, account| administer(&provider, at, manager, AccessManager::revokeRoleCall { roleId: role, account });

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
    administer(&provider, at, manager, call).await?;
    require("anyone may", &config, &[&named("roles")]).await?;
    shows(&config, &named("roles"), State::Wrong, &["found unpause for anyone".into()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_chain_bounds_and_how_it_is_wired_are_compared_with_what_is_configured() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::default()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let (provider, _) = wallet(&chains.destination, 0)?;
    for (provider, at) in [(&provider, &bridge.target), (&bridge.user, &bridge.source)] {
        for role in [roles::GUARDIAN, roles::LIMIT_RAISER, roles::GOVERNOR] {
            let timelock = at.timelock.context("a timelock")?;
            administer(provider, at, at.manager, granted(role, timelock, 0)).await?;
        }
    }
    let (config, at) = (&bridge.config, &bridge.target);
    let (target, source) = (chains.destination_id(), chains.ethereum_id());
    let ether = native_asset(&source)?;
    let named = |what: &str| format!("destination {target} {what}");
    let fast = named(&format!("fast limits of {ether} from {source}"));
    let corridor =
        Corridor { source: source.clone(), destination: target.clone(), asset: ether.clone(), lane: Lane::Fast };
    let with = |per_transfer: u128| {
        let mut config = config.clone();
        let limits = config.limit.limits.get_mut(&corridor).context("limits")?;
        limits.per_transfer = Limit::Amount(U256::from(per_transfer));
        anyhow::Ok(config)
    };
    require("the same limits", config, &[]).await?;
    shows(config, &fast, State::Ok, &[]).await?;
    let (lower, higher) = (with(FAST_CAP_WEI - 1)?, with(FAST_CAP_WEI + 1)?);
    require("the chain allows more", &lower, &[]).await?;
    let off = |here: u128| format!("per_transfer {here}, found {FAST_CAP_WEI}");
    let parts =
        ["what is bounded on-chain is more than configured".into(), off(FAST_CAP_WEI - 1), at.guard.to_string()];
    shows(&lower, &fast, State::Warn, &parts).await?;
    require("the chain allows less", &higher, &[&fast]).await?;
    shows(&higher, &fast, State::Wrong, &[off(FAST_CAP_WEI + 1), "it refuses what is cleared here".into()]).await?;
    let asset = erc20_asset(&source, Address::repeat_byte(9))?;
    let mut another = config.clone();
    let limits = config.limit.limits[&corridor];
    another.limit.limits.insert(Corridor { asset: asset.clone(), ..corridor.clone() }, limits);
    let rows = examine(&another).await;
    let [payout, missing] = [format!("payout of {asset}"), format!("fast limits of {asset}")];
    for what in [named(&format!("{payout} from {source}")), named(&format!("{missing} from {source}"))] {
        ensure!(wrong(&rows).contains(&what.as_str()), "{what}: {rows:#?}");
    }
    let deposits = format!("ethereum {source} node 1: deposits of {asset}");
    ensure!(wrong(&rows).contains(&deposits.as_str()), "{rows:#?}");

    let none =
        RiskGuard::Limits { perTransfer: 0, perWindow: 0, exposureCap: 0, bigFrom: 0, bigDelay: 0, settleWithin: 0 };
    let (of, paid) = (source.hash(), ether.hash());
    let call = RiskGuard::raiseCall { lane: lane::FAST, asset: paid, sourceChain: of, next: none };
    administer(&provider, at, at.guard, call).await?;
    require("no limits on the chain", config, &[&fast]).await?;
    shows(config, &fast, State::Wrong, &["expected limits on the chain, found none".into()]).await?;

    let strange = WrappedToken::deploy(&provider, "T".into(), "sETH".into(), 18, Address::repeat_byte(9)).await?;
    let payout = named(&format!("payout of {ether} from {source}"));
    for (kind, token, found) in [
        (2, *strange.address(), "the inbox of wrapped token"),
        (2, Address::repeat_byte(9), "expected a contract at"),
        (1, *strange.address(), "expected a token that vault"),
        (0, Address::ZERO, "does not know the asset"),
    ] {
        let call = Inbox::setPayoutCall { sourceChain: of, asset: paid, kind, token };
        administer(&provider, at, at.inbox, call).await?;
        require(found, config, &[&payout, &fast]).await?;
        shows(config, &payout, State::Wrong, &[found.into()]).await?;
    }
    administer(&provider, at, at.inbox, Inbox::setBridgeCall { sourceChain: of, bridge: B256::ZERO }).await?;
    let closed = |number| Inbox::setVerifierCall { lane: number, verifier: Address::ZERO };
    administer(&provider, at, at.inbox, closed(lane::BITCOIN)).await?;
    let call = Inbox::setVerifierCall { lane: lane::FAST, verifier: at.ethereum_verifier };
    administer(&provider, at, at.inbox, call).await?;
    let (bridge_of, first, third) =
        (named(&format!("bridge of {source}")), named("verifier of lane 1"), named("verifier of lane 3"));
    require("closed and elsewhere", config, &[&first, &third, &bridge_of, &payout, &fast]).await?;

    let call = Vault::setRouteCall { chain: target.hash(), bridge: B256::ZERO };
    administer(&bridge.user, &bridge.source, bridge.source.vault, call).await?;
    let route = format!("ethereum {source} node 1: route to {target}");
    shows(config, &route, State::Wrong, &[format!("found {}", B256::ZERO), "Vault.setRoute".into()]).await
}

/// By what a token says of itself, on its own chain and where it is paid: amounts are read by it.
#[tokio::test(flavor = "multi_thread")]
async fn units_are_compared_with_what_the_tokens_on_both_chains_say() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build(folder.path()).await?;
    let (home, away) = (bridge.home.id(), bridge.away.id());
    let asset = bridge.home.asset(bridge.home.token)?;
    let own = format!("ethereum {home} node 1: units of {asset}");
    let paid = format!("destination {away} units of {asset} from {home}");
    let with = |change: &dyn Fn(&mut AssetConfig)| {
        let mut config = bridge.config.clone();
        config.asset.iter_mut().filter(|row| row.id == asset).for_each(change);
        config
    };
    let of = Denomination::new;
    shows(&bridge.config, &own, State::Ok, &["\"TKN\", decimals = 6".into()]).await?;
    shows(&bridge.config, &paid, State::Ok, &["\"wTKN\", decimals = 6".into()]).await?;
    let fine = of("TKN", 18)?;
    let coarse = with(&|row| row.own = fine.clone());
    let parts = ["says, symbol = \"TKN\", decimals = 6, found".into(), format!("correct the [[asset]] row of {asset}")];
    shows(&coarse, &own, State::Wrong, &parts).await?;
    shows(&coarse, &paid, State::Ok, &[]).await?;
    let other = of("TOK", 6)?;
    let renamed = with(&|row| row.paid_as = [(away.clone(), other.clone())].into());
    shows(&renamed, &paid, State::Warn, &["symbol = \"wTKN\"".into(), format!("`paid_as` of {away}")]).await?;
    let mut untold = bridge.config.clone();
    untold.asset.clear();
    for what in [&own, &paid] {
        shows(&untold, what, State::Warn, &["shown in base units".into(), "decimals = 6: write it into".into()])
            .await?;
    }
    Ok(())
}

//! Whether what the limits let through can be deposited and paid: vault, guard, lanes, bridges and payouts of a destination,
//! assets and routes of a source's vault.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256};
use anyhow::{Context, Result, ensure};
use spandrel_contracts::{CheckpointRegistry, Inbox, RiskGuard, Vault, WrappedToken, lane, native_asset};
use spandrel_risk::Corridor;
use spandrel_verifiers::{AssetId, ChainId};

use super::caps::{self, claim_lane};
use super::evm::Evm;
use super::{Row, tokens};
use crate::config::{Config, Destination};

/// `Inbox.Kind`.
const RELEASED: u8 = 1;
const MINTED: u8 = 2;
/// `Vault.Kind`.
const UNKNOWN: u8 = 0;
const LOCKED: u8 = 1;

/// Of a destination whose contracts are there.
pub async fn paid(config: &Config, target: &Destination, evm: &Evm) -> Vec<Row> {
    let named = |what: String| format!("destination {} {what}", target.chain);
    let (vault, guard) = (vault(target, evm).await, guard(target, evm).await);
    let mut rows = Vec::new();
    for (name, found) in [("vault", &vault), ("guard", &guard)] {
        let mend = "correct `inbox` or `pause_controller`; if both are right, the contracts are not of one deployment";
        let found = found.as_ref().map(|found| format!("a contract at {found}, of this inbox"));
        rows.push(told(named(name.to_owned()), found, mend));
    }
    let corridors: Vec<&Corridor> =
        config.limit.limits.keys().filter(|corridor| corridor.destination == target.chain).collect();
    for number in corridors.iter().map(|of| claim_lane(&of.source, of.lane)).collect::<BTreeSet<_>>() {
        let mend = "Inbox.setVerifier by its governors, or close the lane here: limits of 0";
        rows.push(told(named(format!("verifier of lane {number}")), opened(target, number, evm).await.as_ref(), mend));
    }
    for source in corridors.iter().map(|of| &of.source).collect::<BTreeSet<_>>() {
        let mend = "Inbox.setBridge by its governors, or correct the source's `outbox` or `vault`";
        let found = bridge(config, target, source, evm).await;
        rows.push(told(named(format!("bridge of {source}")), found.as_ref(), mend));
    }
    for (source, asset) in corridors.iter().map(|of| (&of.source, &of.asset)).collect::<BTreeSet<_>>() {
        let mend = "Inbox.setPayout by its governors, to a token of this inbox or one that its vault locks";
        let what = named(format!("payout of {asset} from {source}"));
        rows.push(match &vault {
            Ok(vault) => told(what, payout(target, source, asset, *vault, evm).await.as_ref(), mend),
            Err(_) => Row::skipped(what, "its vault must be found first"),
        });
        rows.extend(tokens::paid(config, target, source, asset, evm).await);
    }
    if let Ok(guard) = guard {
        rows.extend(caps::look(config, target, guard, evm).await);
    }
    rows
}

/// Of the source `chain`, by the node of `who`: whether its `vault` takes what is to come from there.
pub async fn taken(config: &Config, chain: &ChainId, who: &str, vault: Address, evm: &Evm) -> Vec<Row> {
    let corridors: Vec<&Corridor> = config.limit.limits.keys().filter(|corridor| corridor.source == *chain).collect();
    let mut rows = Vec::new();
    for asset in corridors.iter().map(|of| &of.asset).collect::<BTreeSet<_>>() {
        let what = format!("ethereum {chain} {who}: deposits of {asset}");
        let mend = "Vault.registerAsset by its governors, or correct `limit.asset`";
        rows.push(told(what, deposited(chain, asset, vault, evm).await.as_ref(), mend));
        rows.extend(tokens::own(config, chain, asset, who, evm).await);
    }
    for destination in corridors.iter().map(|of| &of.destination).collect::<BTreeSet<_>>() {
        let Some(target) = config.destination.iter().find(|target| target.chain == *destination) else { continue };
        let what = format!("ethereum {chain} {who}: route to {destination}");
        let mend = "Vault.setRoute by its governors, or correct the destination's `inbox`";
        rows.push(match evm.read(vault, &Vault::routesCall { chain: destination.hash() }).await {
            Ok(found) => Row::same(what, &target.inbox.into_word(), &found, mend),
            Err(error) => Row::wrong(what, format!("{error:#}"), "look at the node"),
        });
        let what = format!("ethereum {chain} {who}: refunds from {destination}");
        rows.push(match refund_times(destination, vault, evm).await {
            Ok((max_age, hold)) => refunded(what, max_age, hold),
            Err(error) => Row::wrong(what, format!("{error:#}"), "look at the node, and at the vault's registry"),
        });
    }
    rows
}

/// Seconds for which a checkpoint of `destination` can be used in the vault's registry, and for which it is to stand there
/// before anything is refunded under it.
async fn refund_times(destination: &ChainId, vault: Address, evm: &Evm) -> Result<(u64, u64)> {
    let registry = evm.read(vault, &Vault::rootsCall {}).await?;
    let rule = evm.read(registry, &CheckpointRegistry::rulesCall { chain: destination.hash() }).await?;
    Ok((rule.maxAge, evm.read(vault, &Vault::refundHoldCall {}).await?))
}

/// What is too old once it has stood for the hold refunds nothing. Twice the hold leaves a depositor as much time again.
fn refunded(what: String, max_age: u64, hold: u64) -> Row {
    let expected = hold.saturating_mul(2);
    let found = format!("expected checkpoints that can be used for {expected} s, twice the hold, found {max_age} s");
    let mend = "CheckpointRegistry.setChainRule by its governors, with a `maxAge` of twice the vault's `refundHold`";
    match max_age {
        0 => Row::skipped(what, "the vault's registry takes no checkpoints of that chain: nothing is refunded"),
        age if age <= hold => Row::wrong(what, format!("{found}: nothing is refunded"), mend),
        age if age < expected => Row::warn(what, found, mend),
        age => Row::ok(what, format!("for {} s after a checkpoint has stood for {hold} s", age.saturating_sub(hold))),
    }
}

fn told(what: String, found: Result<impl ToString, &anyhow::Error>, mend: &str) -> Row {
    match found {
        Ok(found) => Row::ok(what, found),
        Err(error) => Row::wrong(what, format!("{error:#}"), mend),
    }
}

async fn require_code(what: &str, address: Address, evm: &Evm) -> Result<()> {
    ensure!(evm.has_code(address).await?, "{what}: expected a contract at {address}, found none");
    Ok(())
}

async fn vault(target: &Destination, evm: &Evm) -> Result<Address> {
    let vault = evm.read(target.inbox, &Inbox::vaultCall {}).await?;
    require_code("vault", vault, evm).await?;
    let (expected, found) = (target.inbox, evm.read(vault, &Vault::inboxCall {}).await?);
    ensure!(found == expected, "the inbox of vault {vault}: expected {expected}, found {found}");
    let (expected, found) = (target.pause_controller, evm.read(vault, &Vault::pausesCall {}).await?);
    ensure!(found == expected, "the pause controller of vault {vault}: expected {expected}, found {found}");
    Ok(vault)
}

async fn guard(target: &Destination, evm: &Evm) -> Result<Address> {
    let guard = evm.read(target.inbox, &Inbox::guardCall {}).await?;
    require_code("guard", guard, evm).await?;
    let (expected, found) = (target.inbox, evm.read(guard, &RiskGuard::inboxCall {}).await?);
    ensure!(found == expected, "the inbox of guard {guard}: expected {expected}, found {found}");
    Ok(guard)
}

/// The verifier of lane `number`; the fast lane's is the configured one.
async fn opened(target: &Destination, number: u8, evm: &Evm) -> Result<String> {
    let found = evm.read(target.inbox, &Inbox::verifierOfCall { lane: number }).await?;
    ensure!(!found.is_zero(), "expected a verifier, found none: the lane is closed");
    if number == lane::FAST {
        let expected = target.fast_lane;
        ensure!(found == expected, "expected {expected}, `fast_lane`, found {found}");
    }
    require_code("verifier", found, evm).await?;
    Ok(format!("a contract at {found}"))
}

/// The one bridge of `source` whose deposits the inbox pays is the one that is followed here.
async fn bridge(config: &Config, target: &Destination, source: &ChainId, evm: &Evm) -> Result<String> {
    let bitcoin = config.bitcoin.iter().find(|of| of.chain == *source).map(|of| of.vault);
    let ethereum = || config.ethereum.iter().find(|of| of.network.chain == *source).map(|of| of.outbox.into_word());
    let expected: B256 = bitcoin.or_else(ethereum).context("expected a source of this chain, found none")?;
    let found = evm.read(target.inbox, &Inbox::bridgeOfCall { sourceChain: source.hash() }).await?;
    ensure!(found == expected, "expected {expected}, found {found}");
    Ok(found.to_string())
}

async fn payout(target: &Destination, source: &ChainId, asset: &AssetId, vault: Address, evm: &Evm) -> Result<String> {
    let asked = Inbox::payoutOfCall { sourceChain: source.hash(), asset: asset.hash() };
    let payout = evm.read(target.inbox, &asked).await?;
    let token = payout.token;
    match payout.kind {
        MINTED => {
            require_code("wrapped token", token, evm).await?;
            let (expected, found) = (target.inbox, evm.read(token, &WrappedToken::inboxCall {}).await?);
            ensure!(found == expected, "the inbox of wrapped token {token}: expected {expected}, found {found}");
            Ok(format!("minted of {token}"))
        }
        RELEASED => {
            let kind = evm.read(vault, &Vault::assetsCall { token }).await?.kind;
            ensure!(kind == LOCKED, "expected a token that vault {vault} locks, found {token}");
            Ok(format!("released of {token}"))
        }
        _ => anyhow::bail!("expected a token, found none: the inbox does not know the asset"),
    }
}

/// Whether the vault takes the token that `asset` names.
async fn deposited(chain: &ChainId, asset: &AssetId, vault: Address, evm: &Evm) -> Result<String> {
    let token = match asset.as_str().rsplit_once("/erc20:") {
        _ if *asset == native_asset(chain)? => Address::ZERO,
        Some((_, token)) => token.parse().context("limit.asset")?,
        None => anyhow::bail!("limit.asset: expected {chain}/slip44:60 or an erc20 of this chain, found {asset}"),
    };
    let found = evm.read(vault, &Vault::assetsCall { token }).await?;
    let is_it = found.kind != UNKNOWN && found.asset == asset.hash();
    ensure!(is_it, "expected vault {vault} to take it, found that it does not know {asset}");
    Ok(format!("taken from {} base units on", found.minimum))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_checkpoint_can_be_used_after_the_hold() {
        let state = |max_age| refunded("refunds".to_owned(), max_age, 100).state;
        assert_eq!([0, 100, 101].map(state), [State::Skipped, State::Wrong, State::Warn]);
        assert_eq!([199, 200].map(state), [State::Warn, State::Ok]);
    }
}

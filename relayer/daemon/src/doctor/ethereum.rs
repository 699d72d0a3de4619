//! An Ethereum node: its execution client and its beacon API, and the bridge's contracts on its chain.

use alloy_primitives::Address;
use anyhow::{Context, Result, ensure};
use spandrel_contracts::{Outbox, Vault};
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::ethereum::LightClientStore;
use spandrel_watchers::ethereum::{BeaconApi, Encoding, Endpoint};

use super::evm::Evm;
use super::{PATIENCE, Row, Seen, routes};
use crate::clock::{span, unix_now};
use crate::config::{Config, EthereumNode, EthereumSource};
use crate::trust::TrustPeriod;

pub async fn look(config: &Config, source: &EthereumSource, who: String, node: &EthereumNode) -> Seen {
    let chain = &source.network.chain;
    let mut seen = Seen::default();
    let (what, of_vault) = (format!("ethereum {chain} {who}: execution"), format!("ethereum {chain} {who}: vault"));
    match execution(source, node).await {
        Ok((evm, height, time)) => {
            seen.rows.push(Row::ok(what, format!("height {height}, the outbox is there")));
            seen.newest = Some((chain.to_string(), time));
            match vault_of(source, &evm).await {
                Ok(vault) => {
                    seen.rows.push(told_vault(config, source, vault, of_vault));
                    seen.rows.extend(routes::taken(config, chain, &who, vault, &evm).await);
                }
                Err(error) => {
                    let mend = "correct `outbox`: it does not answer as one with a vault";
                    seen.rows.push(Row::wrong(of_vault, format!("{error:#}"), mend));
                }
            }
        }
        Err(error) => {
            let mend = "start the node, correct `execution`, or correct `outbox`";
            seen.rows.push(Row::wrong(what, format!("{error:#}"), mend));
            seen.rows.push(Row::skipped(of_vault, "its node must answer first"));
        }
    }
    let (what, of_root) = (format!("ethereum {chain} {who}: beacon"), format!("ethereum {chain} {who}: trusted_root"));
    match beacon(source, node).await {
        Ok((found, since)) => {
            seen.rows.push(Row::ok(what, found));
            let seconds = source.weak_subjectivity_seconds.get();
            seen.rows.push(trusted(of_root, TrustPeriod { since, seconds }, unix_now()));
        }
        Err(error) => {
            let mend =
                "start the node with its light-client server, correct `beacon`, or choose a newer `trusted_root`";
            seen.rows.push(Row::wrong(what, format!("{error:#}"), mend));
            seen.rows.push(Row::skipped(of_root, "its beacon node must answer first"));
        }
    }
    seen
}

/// Every start begins at the trusted root: it is to be renewed while that may still be done by ordinary means.
fn trusted(what: String, period: TrustPeriod, now: UnixSeconds) -> Row {
    let (left, allowed) = (period.left(now), span(period.seconds));
    let mend = "choose a newer `trusted_root`, of a final block, from a source that you trust; compare it with another";
    match u64::try_from(left) {
        Ok(left) if period.is_short(now) => {
            let found =
                format!("expected a third of {allowed} to be left for a start to begin there, found {}", span(left));
            Row::wrong(what, found, mend)
        }
        Ok(left) => Row::ok(what, format!("a start may begin there for another {}", span(left))),
        Err(_) => {
            let found = format!(
                "expected a block of the last {allowed}, found one that is older by {}",
                span(left.unsigned_abs())
            );
            Row::wrong(what, found, mend)
        }
    }
}

async fn execution(source: &EthereumSource, node: &EthereumNode) -> Result<(Evm, u64, UnixSeconds)> {
    let evm = Evm::new("execution", &node.execution)?;
    evm.require_chain(&source.network.chain).await?;
    ensure!(evm.has_code(source.outbox).await?, "outbox: expected a contract at {}, found none", source.outbox);
    let (height, time) = evm.newest().await?;
    Ok((evm, height, time))
}

/// Users are told to pay at the vault that the outbox takes deposits from.
fn told_vault(config: &Config, source: &EthereumSource, vault: Address, what: String) -> Row {
    match config.api.as_ref().and_then(|api| api.vaults.get(&source.network.chain)) {
        Some(told) if *told != vault => {
            let found = format!("api.vaults: expected {vault}, the outbox's, found {told}");
            Row::wrong(what, found, "correct `api.vaults`: what is paid elsewhere is no deposit")
        }
        _ => Row::ok(what, format!("a contract at {vault}, of this outbox")),
    }
}

/// The vault that the outbox takes deposits from: it holds the money.
pub(super) async fn vault_of(source: &EthereumSource, evm: &Evm) -> Result<Address> {
    let vault = evm.read(source.outbox, &Outbox::vaultCall {}).await?;
    ensure!(evm.has_code(vault).await?, "vault: expected a contract at {vault}, found none");
    let (expected, found) = (source.outbox, evm.read(vault, &Vault::outboxCall {}).await?);
    ensure!(found == expected, "the outbox of vault {vault}: expected {expected}, found {found}");
    Ok(vault)
}

/// What it shows, and when the block of the trusted root was proposed.
async fn beacon(source: &EthereumSource, node: &EthereumNode) -> Result<(String, UnixSeconds)> {
    let endpoint = Endpoint::parse("beacon", &node.beacon)?;
    let name = endpoint.to_string();
    let api = BeaconApi::new(endpoint, source.network.clone(), Encoding::Ssz, PATIENCE)?;
    api.require_network().await?;
    let root = source.trusted_root;
    let named = || format!("{name}: light-client bootstrap of {root}");
    let bootstrap = api.bootstrap(root).await.with_context(named)?;
    let store = LightClientStore::bootstrap(&source.network, root, &bootstrap).with_context(named)?;
    let since = source.network.time_of(store.finalized_header().beacon.slot);
    Ok((format!("{name}: this network, and the bootstrap of the trusted root"), since))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_trusted_root_is_to_be_renewed_while_a_third_of_its_period_is_left() {
        let period = TrustPeriod { since: 10_000, seconds: 9_000 };
        let at = |now| trusted("trusted_root".to_owned(), period, now);
        assert_eq!(at(10_000).state, State::Ok);
        assert_eq!(at(16_000).state, State::Ok);
        let short = at(16_001);
        assert!(short.state == State::Wrong && short.found.contains("a third of 2h 30m"), "{short:?}");
        let over = at(19_060);
        assert!(over.state == State::Wrong && over.found.contains("older by 1m"), "{over:?}");
        assert!(over.mend.is_some_and(|mend| mend.contains("newer `trusted_root`")));
    }
}

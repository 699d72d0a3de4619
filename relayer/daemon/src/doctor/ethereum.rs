//! An Ethereum node: its execution client and its beacon API, and the bridge's contracts on its chain.

use alloy_primitives::Address;
use anyhow::{Context, Result, ensure};
use spandrel_contracts::{Outbox, Vault};
use spandrel_verifiers::UnixSeconds;
use spandrel_watchers::ethereum::{BeaconApi, Encoding, Endpoint};

use super::evm::Evm;
use super::{PATIENCE, Row, Seen};
use crate::config::{Config, EthereumNode, EthereumSource};

pub async fn look(config: &Config, source: &EthereumSource, who: String, node: &EthereumNode) -> Seen {
    let chain = &source.network.chain;
    let mut seen = Seen::default();
    let (what, of_vault) = (format!("ethereum {chain} {who}: execution"), format!("ethereum {chain} {who}: vault"));
    match execution(source, node).await {
        Ok((evm, height, time)) => {
            seen.rows.push(Row::ok(what, format!("height {height}, the outbox is there")));
            seen.newest = Some((chain.to_string(), time));
            seen.rows.push(vault(config, source, &evm, of_vault).await);
        }
        Err(error) => {
            let mend = "start the node, correct `execution`, or correct `outbox`";
            seen.rows.push(Row::wrong(what, format!("{error:#}"), mend));
            seen.rows.push(Row::skipped(of_vault, "its node must answer first"));
        }
    }
    let what = format!("ethereum {chain} {who}: beacon");
    seen.rows.push(match beacon(source, node).await {
        Ok(found) => Row::ok(what, found),
        Err(error) => Row::wrong(
            what,
            format!("{error:#}"),
            "start the node with its light-client server, correct `beacon`, or choose a newer `trusted_root`",
        ),
    });
    seen
}

async fn execution(source: &EthereumSource, node: &EthereumNode) -> Result<(Evm, u64, UnixSeconds)> {
    let evm = Evm::new("execution", &node.execution)?;
    evm.require_chain(&source.network.chain).await?;
    ensure!(evm.has_code(source.outbox).await?, "outbox: expected a contract at {}, found none", source.outbox);
    let (height, time) = evm.newest().await?;
    Ok((evm, height, time))
}

/// The vault that the outbox takes deposits from: it holds the money, and users are told to pay there.
async fn vault(config: &Config, source: &EthereumSource, evm: &Evm, what: String) -> Row {
    let told = config.api.as_ref().and_then(|api| api.vaults.get(&source.network.chain));
    match vault_of(source, evm).await {
        Ok(vault) if told.is_some_and(|told| *told != vault) => {
            let told = told.map(ToString::to_string).unwrap_or_default();
            let found = format!("api.vaults: expected {vault}, the outbox's, found {told}");
            Row::wrong(what, found, "correct `api.vaults`: what is paid elsewhere is no deposit")
        }
        Ok(vault) => Row::ok(what, format!("a contract at {vault}, of this outbox")),
        Err(error) => {
            Row::wrong(what, format!("{error:#}"), "correct `outbox`: it does not answer as one with a vault")
        }
    }
}

pub(super) async fn vault_of(source: &EthereumSource, evm: &Evm) -> Result<Address> {
    let vault = evm.read(source.outbox, &Outbox::vaultCall {}).await?;
    ensure!(evm.has_code(vault).await?, "vault: expected a contract at {vault}, found none");
    let (expected, found) = (source.outbox, evm.read(vault, &Vault::outboxCall {}).await?);
    ensure!(found == expected, "the outbox of vault {vault}: expected {expected}, found {found}");
    Ok(vault)
}

async fn beacon(source: &EthereumSource, node: &EthereumNode) -> Result<String> {
    let endpoint = Endpoint::parse("beacon", &node.beacon)?;
    let name = endpoint.to_string();
    let api = BeaconApi::new(endpoint, source.network.clone(), Encoding::Ssz, PATIENCE)?;
    api.require_network().await?;
    let root = source.trusted_root;
    api.bootstrap(root).await.with_context(|| format!("{name}: light-client bootstrap of {root}"))?;
    Ok(format!("{name}: this network, and the bootstrap of the trusted root"))
}

//! The sentinels: over every destination by all its nodes, and over the sources by the nodes that the ledger is read from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::Address;
use anyhow::{Context, Result};
use spandrel_engine::{Alarms, Book, Sentinel};
use spandrel_signer::{Hardness, Keystore};
use spandrel_store::Sqlite;
use spandrel_verifiers::ChainId;
use spandrel_watchers::ethereum::Endpoint;
use spandrel_watchers::sentinel::{
    DestinationView, DestinationWatch, Payable, SourceView, VaultView, VaultWatch, Watched,
};

use super::{CALL_TIMEOUT, least_balance};
use crate::clock::SystemClock;
use crate::config::{Config, Destination, EthereumSource};

/// The nodes of each source chain.
pub type Sources = BTreeMap<ChainId, Arc<dyn SourceView>>;

/// Sentinels that find into `alarms`.
pub fn sentinel(
    config: &Config,
    book: Arc<Book<Sqlite, SystemClock>>,
    sources: Sources,
    alarms: Alarms,
) -> Result<Sentinel<Sqlite, SystemClock>> {
    let accounts = accounts(config)?;
    let watch = |target: &Destination| destination_view(config, target, accounts.get(&target.account.name).copied());
    let destinations = config.destination.iter().map(watch).collect::<Result<_>>()?;
    let vaults = config.ethereum.iter().map(|source| vault(config, source)).collect::<Result<_>>()?;
    let depths = config.bitcoin.iter().map(|source| (source.chain.clone(), source.confirmations.clone()));
    Ok(Sentinel::new(book, destinations, sources, vaults, alarms).with_depths(depths.collect()))
}

/// What sentinels and the doctor read of a destination, and of the account that pays there.
pub fn destination_view(
    config: &Config,
    target: &Destination,
    account: Option<Address>,
) -> Result<Box<dyn DestinationView>> {
    let nodes = std::iter::once(&target.rpc).chain(&target.witness_rpc);
    let nodes = nodes.map(|url| Endpoint::parse("destination.rpc", url)).collect::<Result<_, _>>()?;
    let watched = Watched {
        inbox: target.inbox,
        fast_lane: target.fast_lane,
        registry: target.checkpoint_registry,
        confirmations: target.confirmations,
        account: account.map(|account| (account, least_balance(target))),
        payable: payable(config, &target.chain),
    };
    Ok(Box::new(DestinationWatch::new(target.chain.clone(), watched, nodes, CALL_TIMEOUT)?))
}

/// What is paid on a chain by any lane.
fn payable(config: &Config, destination: &ChainId) -> Payable {
    let corridors = config.limit.limits.keys().filter(|corridor| corridor.destination == *destination);
    let (sources, assets): (BTreeSet<_>, BTreeSet<_>) =
        corridors.map(|corridor| (corridor.source.clone(), corridor.asset.clone())).unzip();
    Payable { sources: sources.into_iter().collect(), assets: assets.into_iter().collect() }
}

/// What sentinels and the doctor read of a source's vault.
pub fn vault(config: &Config, source: &EthereumSource) -> Result<Box<dyn VaultView>> {
    let nodes = source.nodes.iter().map(|node| Endpoint::parse("execution", &node.execution));
    let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
    let corridors = config.limit.limits.keys();
    let assets: BTreeSet<_> = corridors.map(|corridor| &corridor.asset).collect();
    let chains = config.destination.iter().map(|target| &target.chain);
    let (chain, of) = (&source.network.chain, (nodes, source.quorum));
    Ok(Box::new(VaultWatch::new(chain, source.outbox, assets, chains, of, CALL_TIMEOUT)?))
}

/// Addresses by the names of their keys. A process that has no keys does not watch their balances.
pub(super) fn accounts(config: &Config) -> Result<BTreeMap<String, Address>> {
    if !config.keystore.is_dir() {
        return Ok(BTreeMap::new());
    }
    // Listing needs no password, so the hardness does not matter.
    let keys = Keystore::open(&config.keystore, Hardness::Standard).and_then(|store| store.list());
    Ok(keys.context("keystore")?.into_iter().map(|key| (key.name, key.address)).collect())
}

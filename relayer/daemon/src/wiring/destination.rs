//! EVM chains that are written to: destinations, and sources that pauses are brought to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, U256};
use anyhow::{Context, Result};
use spandrel_signer::LocalKey;
use spandrel_store::Sqlite;
use spandrel_submit::evm::{BatchLimits, Confirmation, Contracts, EvmConfig, EvmDestination, FeePolicy, Proofs};
use spandrel_verifiers::ChainId;

use crate::clock::unix_now;
use crate::config::{Config, Destination as DestinationConfig, NodeUrl, VaultPauses};

/// Most items of one transaction.
pub const BATCH: u32 = 32;
/// Most gas of one transaction.
const BATCH_GAS: u64 = 15_000_000;
/// Most gas of one pause.
const PAUSE_GAS: u64 = 1_000_000;
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
const GWEI: u128 = 1_000_000_000;

/// A destination with its journal and its paying account.
pub type Destination = EvmDestination<Sqlite, LocalKey>;

/// Wei for one full batch at the highest fee.
pub fn least_balance(target: &DestinationConfig) -> U256 {
    U256::from(target.max_fee_per_gas).saturating_mul(U256::from(BATCH_GAS))
}

/// Wei for one pause at the highest fee.
pub fn least_for_pauses(pauses: &VaultPauses) -> U256 {
    U256::from(pauses.max_fee_per_gas).saturating_mul(U256::from(PAUSE_GAS))
}

/// The source chains that pauses are brought to, and the inbox of each.
pub fn paused_vaults(config: &Config) -> BTreeMap<ChainId, Address> {
    config.vault_pauses().map(|(chain, pauses)| (chain.clone(), pauses.inbox)).collect()
}

/// Connects to a destination; its node, its contracts and its account are checked.
pub async fn connect(target: &DestinationConfig, key: LocalKey, store: Sqlite) -> Result<Destination> {
    let witness = |url: &NodeUrl| url.parse().with_context(|| format!("destination {}.witness_rpc", target.chain));
    let evm = EvmConfig {
        chain: target.chain.clone(),
        rpc_url: target.rpc.parse().with_context(|| format!("destination {}.rpc", target.chain))?,
        witnesses: target.witness_rpc.iter().map(witness).collect::<Result<_>>()?,
        timeout: CALL_TIMEOUT,
        contracts: Contracts {
            inbox: target.inbox,
            pauses: target.pause_controller,
            proofs: Some(Proofs { fast_lane: target.fast_lane, registry: target.checkpoint_registry }),
        },
        confirmation: confirmation(target.confirmations),
        fees: fees(target.max_fee_per_gas),
        escalate_after: target.escalate_after_seconds,
        batch: BatchLimits { items: BATCH as usize, gas: BATCH_GAS },
    };
    Ok(EvmDestination::connect(evm, store, key, Arc::new(unix_now)).await?)
}

/// The same to a source chain, for pauses alone.
pub async fn connect_pauses(
    chain: &ChainId,
    pauses: &VaultPauses,
    key: LocalKey,
    store: Sqlite,
) -> Result<Destination> {
    let evm = EvmConfig {
        chain: chain.clone(),
        rpc_url: pauses.rpc.parse().with_context(|| format!("ethereum {chain}.pauses.rpc"))?,
        witnesses: Vec::new(),
        timeout: CALL_TIMEOUT,
        contracts: Contracts { inbox: pauses.inbox, pauses: pauses.pause_controller, proofs: None },
        confirmation: confirmation(pauses.confirmations),
        fees: fees(pauses.max_fee_per_gas),
        escalate_after: pauses.escalate_after_seconds,
        batch: BatchLimits { items: 1, gas: PAUSE_GAS },
    };
    Ok(EvmDestination::connect(evm, store, key, Arc::new(unix_now)).await?)
}

fn confirmation(blocks: Option<u64>) -> Confirmation {
    blocks.map_or(Confirmation::FinalizedTag, Confirmation::Depth)
}

fn fees(most: u64) -> FeePolicy {
    let cap = u128::from(most);
    FeePolicy { least_priority: 1, most_priority: (50 * GWEI).min(cap), cap, most_multiple: 8 }
}

//! Destinations: EVM chains.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use spandrel_signer::LocalKey;
use spandrel_store::Sqlite;
use spandrel_submit::evm::{BatchLimits, Confirmation, Contracts, EvmConfig, EvmDestination, FeePolicy};

use super::roles::unlock;
use crate::clock::unix_now;
use crate::config::{Config, Destination as DestinationConfig};

/// Most items of one transaction.
pub const BATCH: u32 = 32;
/// Most gas of one transaction.
pub const BATCH_GAS: u64 = 15_000_000;
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
const GWEI: u128 = 1_000_000_000;

/// A destination with its journal and its paying account.
pub type Destination = EvmDestination<Sqlite, LocalKey>;

/// The key of the account that pays for gas.
pub fn account_key(config: &Config, target: &DestinationConfig) -> Result<LocalKey> {
    unlock(config, &target.account)
}

/// Connects to a destination; its node, its contracts and its account are checked.
pub async fn connect(target: &DestinationConfig, key: LocalKey, store: Sqlite) -> Result<Destination> {
    let witness = |url: &String| url.parse().with_context(|| format!("destination {}.witness_rpc", target.chain));
    let evm = EvmConfig {
        chain: target.chain.clone(),
        rpc_url: target.rpc.parse().with_context(|| format!("destination {}.rpc", target.chain))?,
        witnesses: target.witness_rpc.iter().map(witness).collect::<Result<_>>()?,
        timeout: CALL_TIMEOUT,
        contracts: Contracts {
            inbox: target.inbox,
            fast_lane: target.fast_lane,
            registry: target.checkpoint_registry,
            pauses: target.pause_controller,
        },
        confirmation: target.confirmations.map_or(Confirmation::FinalizedTag, Confirmation::Depth),
        fees: FeePolicy {
            least_priority: 1,
            most_priority: (50 * GWEI).min(target.max_fee_per_gas.into()),
            cap: target.max_fee_per_gas.into(),
            most_multiple: 8,
        },
        escalate_after: target.escalate_after_seconds,
        batch: BatchLimits { items: BATCH as usize, gas: BATCH_GAS },
    };
    Ok(EvmDestination::connect(evm, store, key, Arc::new(unix_now)).await?)
}

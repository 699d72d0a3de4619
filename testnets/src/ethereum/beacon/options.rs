//! How a beacon companion behaves.

use std::time::Duration;

use alloy_primitives::B256;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkEpoch, Preset};

/// Options of [`Beacon::start`](super::Beacon::start).
#[derive(Clone, Debug)]
pub struct BeaconOptions {
    /// JSON-RPC of the execution chain, such as [`Anvil::url`](crate::ethereum::Anvil::url).
    pub execution_url: String,
    /// Committee size (32 or 512) and the length of epochs and periods.
    pub preset: Preset,
    /// First epoch of Fulu; Electra is active from genesis. `None`: Electra for ever.
    pub fulu_epoch: Option<u64>,
    /// `SECONDS_PER_SLOT` as told by `config/spec`. Blocks are made whenever the execution chain makes them.
    pub seconds_per_slot: u64,
    /// Execution block `n` stands in slot `n * slots_per_block`; the slots between are missed. 1 is usual; more lets
    /// few blocks cross many sync-committee periods.
    pub slots_per_block: u64,
    /// A block's state finalizes the newest ancestor at least this many slots before it.
    pub finality_lag_slots: u64,
    /// How many of the sync committee's seats never sign.
    pub absent_members: usize,
    /// How often the execution chain is asked for new blocks.
    pub follow_every: Duration,
    /// By how much slot 0 is set before the execution chain's block 0, so that no verifier finds a slot in its
    /// future while blocks are made faster than slots pass.
    pub head_start: Duration,
    /// Seed of the validators' keys and of the committees.
    pub seed: B256,
}

impl BeaconOptions {
    /// Minimal preset, Fulu from genesis, a slot a block, two epochs to finality.
    pub fn over(execution_url: impl Into<String>) -> Self {
        Self {
            execution_url: execution_url.into(),
            preset: Preset::Minimal,
            fulu_epoch: Some(0),
            seconds_per_slot: 1,
            slots_per_block: 1,
            finality_lag_slots: 2 * Preset::Minimal.slots_per_epoch(),
            absent_members: 0,
            follow_every: Duration::from_millis(200),
            head_start: Duration::from_secs(24 * 60 * 60),
            seed: B256::repeat_byte(0x5a),
        }
    }

    pub(super) fn chain_config(&self, chain: ChainId, execution_genesis_time: u64) -> ChainConfig {
        let last = u8::from(self.preset == Preset::Minimal);
        let fork = |name, number, epoch| ForkEpoch { name, version: [number, 0, 0, last].into(), epoch };
        let mut forks = vec![fork(Fork::Electra, 5, 0)];
        forks.extend(self.fulu_epoch.map(|epoch| fork(Fork::Fulu, 6, epoch)));
        ChainConfig {
            genesis_validators_root: alloy_primitives::keccak256([self.seed.as_slice(), b"validators root"].concat()),
            chain,
            genesis_time: execution_genesis_time.saturating_sub(self.head_start.as_secs()),
            seconds_per_slot: self.seconds_per_slot,
            preset: self.preset,
            forks,
        }
    }
}

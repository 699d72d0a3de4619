//! Development networks on which one fork holds throughout.

use alloy_primitives::B256;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkEpoch, Preset};

/// A development network with every fork up to `last` from epoch 0, versions `[n, 0, 0, 1]`.
pub fn minimal_network(last: Fork, genesis_validators_root: B256) -> ChainConfig {
    let all = [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu, Fork::Gloas];
    let forks = all.into_iter().zip(1..).filter(|(name, _)| *name <= last);
    ChainConfig {
        chain: ChainId::eip155(31_337),
        genesis_validators_root,
        genesis_time: 0,
        seconds_per_slot: 6,
        preset: Preset::Minimal,
        forks: forks.map(|(name, n)| ForkEpoch { name, version: [n, 0, 0, 1].into(), epoch: 0 }).collect(),
    }
}

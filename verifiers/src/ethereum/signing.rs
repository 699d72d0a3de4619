//! What a sync committee signs (consensus-specs `compute_domain`, `compute_signing_root`).

use alloy_primitives::B256;

use super::containers::BeaconBlockHeader;
use super::fork::ForkVersion;
use super::ssz::{HashTreeRoot, hash_pair};

/// `DOMAIN_SYNC_COMMITTEE`.
pub const DOMAIN_SYNC_COMMITTEE: [u8; 4] = [7, 0, 0, 0];

/// Domain of sync-committee signatures under `fork_version`: the type and 28 bytes of the fork data root.
pub fn sync_committee_domain(fork_version: ForkVersion, genesis_validators_root: B256) -> B256 {
    let fork_data_root = hash_pair(B256::right_padding_from(fork_version.as_slice()), genesis_validators_root);
    let mut domain = [0; 32];
    let bytes = DOMAIN_SYNC_COMMITTEE.into_iter().chain(fork_data_root.0);
    for (to, from) in domain.iter_mut().zip(bytes) {
        *to = from;
    }
    B256::new(domain)
}

/// The message that the committee signs for `header`.
pub fn signing_root(header: &BeaconBlockHeader, fork_version: ForkVersion, genesis_validators_root: B256) -> B256 {
    hash_pair(header.hash_tree_root(), sync_committee_domain(fork_version, genesis_validators_root))
}

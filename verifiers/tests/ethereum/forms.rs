//! What nodes served to light clients, in both forms of a file.

use alloy_primitives::{Address, B256};
use spandrel_verifiers::ethereum::containers::Bootstrap;
use spandrel_verifiers::ethereum::{ChainConfig, Update};
use spandrel_verifiers::file::{EthereumTrust, Trust};

use crate::both_forms::assert_both_forms;

/// # Panics
/// When one form says anything else than the other.
pub fn assert_served(network: &ChainConfig, bootstrap: &Bootstrap, updates: Vec<Update>) {
    assert_both_forms(&Trust::Ethereum(Box::new(EthereumTrust {
        network: network.clone(),
        outbox: Address::repeat_byte(1),
        trusted_root: B256::repeat_byte(2),
        bootstrap: bootstrap.clone(),
        updates,
    })));
}

//! What an Ethereum watcher must be told.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use spandrel_verifiers::ethereum::ChainConfig;
use spandrel_verifiers::follow::FollowError;

use super::{Endpoint, Names};

/// Configuration of [`EthereumWatcher`](super::EthereumWatcher) and its companions.
#[derive(Clone, Debug)]
pub struct EthereumConfig {
    /// The network: chain id, preset, forks, genesis.
    pub network: ChainConfig,
    /// Root of the beacon block at which trust begins (weak subjectivity): no older than the network's weak
    /// subjectivity period, from a source the operator trusts.
    pub trusted_root: B256,
    /// JSON-RPC of an execution node. Evidence needs the state of the newest final block, which a node with the usual
    /// 128 states has while finality is regular; following goes on without any (by `eth_getBlockReceipts`).
    pub execution: Endpoint,
    /// Beacon API of a consensus node that serves light clients.
    pub beacon: Endpoint,
    /// The `Outbox` contract.
    pub outbox: Address,
    /// Block at which reading begins when no cursor is stored: its children are read. Not 0.
    pub start_block: u64,
    /// Chains and assets this bridge knows.
    pub names: Names,
    /// Most blocks of one read.
    pub max_blocks: u64,
    /// Reading pauses when so many blocks are not final: the cursor must hold them all.
    pub max_unfinalized: u64,
    /// Time limit of one call.
    pub call_timeout: Duration,
    /// Longest wait without a hint of the event stream.
    pub idle: Duration,
}

impl EthereumConfig {
    /// Usual limits: 128 blocks a read, 8,192 unfinalized blocks (27 hours), 10 s a call, 15 s idle.
    pub fn new(
        network: ChainConfig,
        trusted_root: B256,
        execution: Endpoint,
        beacon: Endpoint,
        outbox: Address,
        start_block: u64,
        names: Names,
    ) -> Self {
        Self {
            network,
            trusted_root,
            execution,
            beacon,
            outbox,
            start_block,
            names,
            max_blocks: 128,
            max_unfinalized: 8192,
            call_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(15),
        }
    }

    /// Refuses what cannot work.
    pub fn validate(&self) -> Result<(), FollowError> {
        let refuse = |field: &str, expected: &str, found: String| {
            Err(FollowError::Permanent { field: field.to_owned(), expected: expected.to_owned(), found })
        };
        if let Err(error) = self.network.validate() {
            return refuse(&error.field, &error.expected, error.found);
        }
        if self.trusted_root.is_zero() {
            return refuse("trusted_root", "a beacon block root", self.trusted_root.to_string());
        }
        if self.outbox.is_zero() {
            return refuse("outbox", "a contract address", self.outbox.to_string());
        }
        if self.start_block == 0 {
            return refuse(
                "start_block",
                "at least 1: the state of block 0 is not provable everywhere",
                "0".to_owned(),
            );
        }
        if self.max_blocks == 0 || self.max_unfinalized == 0 {
            return refuse("max_blocks, max_unfinalized", "at least 1", "0".to_owned());
        }
        Ok(())
    }
}

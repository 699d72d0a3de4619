//! What a Bitcoin watcher must be told.

use std::time::Duration;

use alloy_primitives::B256;
use spandrel_verifiers::bitcoin::{Anchor, ChainParams};
use spandrel_verifiers::follow::FollowError;

use super::RpcEndpoint;

/// Configuration of [`BitcoinWatcher`](super::BitcoinWatcher) and [`BitcoinEvidence`](super::BitcoinEvidence).
#[derive(Clone, Debug)]
pub struct BitcoinConfig {
    /// The network.
    pub params: ChainParams,
    /// JSON-RPC of a Bitcoin Core node.
    pub rpc: RpcEndpoint,
    /// ZMQ endpoint that publishes `hashblock`, `rawblock` and `sequence`, such as `tcp://127.0.0.1:28332`. Without
    /// one the watcher looks every `idle`.
    pub zmq: Option<String>,
    /// The vault's Taproot internal key, x-only.
    pub vault: B256,
    /// Where trust begins, and the first cursor stands: its children are read.
    pub anchor: Anchor,
    /// Blocks, its own included, after which a block is reported final. What a deposit of some value needs is for
    /// the verifiers to judge.
    pub confirmations: u32,
    /// Most blocks of one read.
    pub max_blocks: u32,
    /// Time limit of one call.
    pub call_timeout: Duration,
    /// Longest wait without a hint.
    pub idle: Duration,
}

impl BitcoinConfig {
    /// Usual limits: 64 blocks a read, 10 s a call, 10 s idle, no ZMQ.
    pub fn new(params: ChainParams, rpc: RpcEndpoint, vault: B256, anchor: Anchor, confirmations: u32) -> Self {
        Self {
            params,
            rpc,
            zmq: None,
            vault,
            anchor,
            confirmations,
            max_blocks: 64,
            call_timeout: Duration::from_secs(10),
            idle: Duration::from_secs(10),
        }
    }

    /// Refuses what cannot work.
    pub fn validate(&self) -> Result<(), FollowError> {
        let refuse = |field: &str, expected: &str, found: String| {
            Err(FollowError::Permanent { field: field.to_owned(), expected: expected.to_owned(), found })
        };
        if let Err(error) = self.anchor.check(&self.params) {
            return refuse(&error.field, &error.expected, error.found);
        }
        if bitcoin::XOnlyPublicKey::from_slice(self.vault.as_slice()).is_err() {
            return refuse("vault", "the x coordinate of a curve point", self.vault.to_string());
        }
        if self.confirmations == 0 || self.max_blocks == 0 {
            return refuse("confirmations, max_blocks", "at least 1", "0".to_owned());
        }
        if self.idle.is_zero() || self.call_timeout.is_zero() {
            return refuse("idle, call_timeout", "more than 0 seconds", "0".to_owned());
        }
        if self.zmq.as_ref().is_some_and(|endpoint| !endpoint.starts_with("tcp://")) {
            return refuse("zmq", "an endpoint tcp://host:port", self.zmq.clone().unwrap_or_default());
        }
        Ok(())
    }
}

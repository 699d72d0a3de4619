//! A beacon companion: gives a real execution chain, such as anvil's, the consensus side that light clients follow.
//!
//! What is real: the execution headers (followed by JSON-RPC, hashed here), the beacon headers, the sync committees'
//! BLS keys with a new committee each period, their signatures, and every SSZ branch. What is not: there is no
//! consensus behind it. One process holds all keys, decides finality by distance, and models only the fields of state
//! and body that light clients prove (`state.rs` says which). It must not be trusted with value.

mod api;
mod chain;
mod events;
mod follow;
mod options;
mod payload;
mod state;
mod validators;

use std::sync::Arc;
use std::time::Duration;

use alloy::providers::Provider;
use alloy_primitives::B256;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::ChainConfig;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use self::chain::BeaconChain;
use self::follow::Shared;
use super::{EthereumTestnetError, anvil};
pub use options::BeaconOptions;

/// A running companion. Dropping it ends its server and stops following.
pub struct Beacon {
    url: String,
    network: ChainConfig,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
    follower: JoinHandle<()>,
}

impl Beacon {
    /// Follows the execution chain to its head, then serves the Beacon API on an ephemeral loopback port.
    ///
    /// Errors: the execution node does not answer, or its blocks are older than Prague's form.
    pub async fn start(options: BeaconOptions) -> Result<Self, EthereumTestnetError> {
        let execution = anvil::connect(&options.execution_url)?;
        let failed = |method: &str, reason: String| EthereumTestnetError::Rpc { method: method.to_owned(), reason };
        let number = execution.get_chain_id().await.map_err(|error| failed("eth_chainId", error.to_string()))?;
        let genesis = execution.get_block_by_number(0.into()).await;
        let genesis = genesis
            .map_err(|error| failed("eth_getBlockByNumber", error.to_string()))?
            .ok_or_else(|| failed("eth_getBlockByNumber", "no block 0".to_owned()))?;
        let network = options.chain_config(ChainId::eip155(number), genesis.header.timestamp);
        let shared = Arc::new(Shared::new(BeaconChain::new(network.clone(), &options)?, execution));
        shared.catch_up().await?;

        let cannot_listen = |reason: std::io::Error| EthereumTestnetError::DidNotStart {
            program: "beacon companion",
            reason: reason.to_string(),
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot_listen)?;
        let url = format!("http://{}", listener.local_addr().map_err(cannot_listen)?);
        let router = api::router(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "beacon companion's server ended");
            }
        });
        let follower = tokio::spawn(follow_every(Arc::clone(&shared), options.follow_every));
        Ok(Self { url, network, shared, server, follower })
    }

    /// Base URL of the Beacon API: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What its light clients must know: chain, genesis, preset, forks.
    pub fn network(&self) -> &ChainConfig {
        &self.network
    }

    /// Imports everything up to the execution chain's head now, without waiting for the next tick.
    ///
    /// Errors: the execution node does not answer, or replaced a block that is final here and [`Self::equivocate`] is not set.
    pub async fn sync(&self) -> Result<(), EthereumTestnetError> {
        self.shared.catch_up().await
    }

    /// Root of the newest final beacon block: what an operator would configure as trusted. `None` before finality.
    pub async fn finalized_root(&self) -> Option<B256> {
        self.shared.chain.read().await.finalized().map(|block| block.root)
    }

    /// Execution height of the newest final block. `None` before finality.
    pub async fn finalized_height(&self) -> Option<u64> {
        self.shared.chain.read().await.finalized().map(|block| block.execution.block_number)
    }

    /// Slot of the newest block.
    pub async fn head_slot(&self) -> Option<u64> {
        self.shared.chain.read().await.head().map(|block| block.header.slot)
    }

    /// While paused, new blocks finalize nothing beyond what their parent did.
    pub async fn pause_finality(&self, paused: bool) {
        self.shared.chain.write().await.finality_paused = paused;
    }

    /// While it does, a reorg of the execution chain takes final blocks along, and the committees sign for both branches.
    pub async fn equivocate(&self, equivocating: bool) {
        self.shared.chain.write().await.is_equivocating = equivocating;
    }
}

impl Drop for Beacon {
    fn drop(&mut self) {
        self.server.abort();
        self.follower.abort();
    }
}

/// A beacon chain lives by its clock: each tick asks the execution chain for what is new.
async fn follow_every(shared: Arc<Shared>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = shared.catch_up().await {
            tracing::warn!(%error, "beacon companion does not follow");
        }
    }
}

//! A source chain with its consensus, the same to whoever uses it: anvil with the companion, or Lodestar with geth.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::B256;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::ChainConfig;

use super::{
    Anvil, AnvilOptions, Beacon, BeaconOptions, EthereumTestnetError, Geth, GethOptions, Lodestar, LodestarOptions,
    Mining,
};

/// Slots until the companion calls a block final; one slot a block, so seconds.
const FINALITY_LAG: u64 = 8;
const BLOCK_TIME: Duration = Duration::from_secs(1);
/// Longest wait for a real chain's first finality: four epochs of eight slots, and as much again.
const FINALITY_TIMEOUT: Duration = Duration::from_secs(240);

/// Binaries of real nodes. Both are needed: the one has no state, the other makes no blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EthereumNodes {
    /// Consensus.
    pub lodestar: PathBuf,
    /// Execution.
    pub geth: PathBuf,
}

impl EthereumNodes {
    /// Those that `SPANDREL_LODESTAR` and `SPANDREL_GETH` (or `PATH`) name, if there are both.
    pub fn find() -> Option<Self> {
        Some(Self { lodestar: Lodestar::find()?, geth: Geth::find()? })
    }
}

/// A running source chain. Dropping it stops its processes.
pub enum SourceChain {
    /// Anvil, and a companion that signs for its blocks.
    Embedded {
        /// Execution.
        execution: Box<Anvil>,
        /// Consensus.
        consensus: Box<Beacon>,
    },
    /// Real nodes: Lodestar in the minimal preset drives geth.
    Real {
        /// Execution.
        execution: Box<Geth>,
        /// Consensus.
        consensus: Box<Lodestar>,
    },
}

impl SourceChain {
    /// Starts the chain `chain_id`: on real nodes where they are given.
    ///
    /// # Errors
    /// As the launchers'.
    pub async fn start(chain_id: u64, nodes: Option<&EthereumNodes>) -> Result<Self, EthereumTestnetError> {
        match nodes {
            None => Self::behind(chain_id, Duration::ZERO).await,
            Some(EthereumNodes { lodestar, geth }) => {
                let options = LodestarOptions::default();
                let execution = Geth::start(geth, GethOptions { chain_id, prague: options.has_prague() }).await?;
                let consensus = Lodestar::start(lodestar, options.over(&execution)).await?;
                execution.indexed().await?;
                Ok(Self::Real { execution: Box::new(execution), consensus: Box::new(consensus) })
            }
        }
    }

    /// Starts the chain `chain_id` on anvil and the companion, with a clock that is so far behind the system's.
    ///
    /// # Errors
    /// As the launchers'.
    pub async fn behind(chain_id: u64, behind: Duration) -> Result<Self, EthereumTestnetError> {
        let since = (SystemTime::now() - behind).duration_since(UNIX_EPOCH);
        let genesis_time = since.ok().map(|since| since.as_secs());
        let mining = Mining::Every(BLOCK_TIME);
        let execution =
            Anvil::start(AnvilOptions { chain_id, mining, genesis_time, ..AnvilOptions::default() }).await?;
        execution.mine(FINALITY_LAG + 4).await?;
        let over = BeaconOptions::over(execution.url());
        let consensus = Beacon::start(BeaconOptions { finality_lag_slots: FINALITY_LAG, ..over }).await?;
        Ok(Self::Embedded { execution: Box::new(execution), consensus: Box::new(consensus) })
    }

    /// JSON-RPC of the execution chain.
    pub fn execution_url(&self) -> &str {
        match self {
            Self::Embedded { execution, .. } => execution.url(),
            Self::Real { execution, .. } => execution.url(),
        }
    }

    /// Beacon API.
    pub fn beacon_url(&self) -> &str {
        match self {
            Self::Embedded { consensus, .. } => consensus.url(),
            Self::Real { consensus, .. } => consensus.url(),
        }
    }

    /// The EIP-155 number.
    pub fn chain_id(&self) -> u64 {
        match self {
            Self::Embedded { execution, .. } => execution.chain_id(),
            Self::Real { execution, .. } => execution.chain_id(),
        }
    }

    /// Signers of the funded accounts.
    pub fn signers(&self) -> Vec<PrivateKeySigner> {
        match self {
            Self::Embedded { execution, .. } => execution.signers(),
            Self::Real { execution, .. } => execution.signers(),
        }
    }

    /// What its light clients must know.
    ///
    /// # Errors
    /// When a real node does not tell it.
    pub async fn network(&self) -> Result<ChainConfig, EthereumTestnetError> {
        match self {
            Self::Embedded { consensus, .. } => Ok(consensus.network().clone()),
            Self::Real { consensus, execution } => consensus.network(ChainId::eip155(execution.chain_id())).await,
        }
    }

    /// Root of the newest final beacon block: waits for the first finality.
    ///
    /// # Errors
    /// When there is none within four minutes.
    pub async fn finalized_root(&self) -> Result<B256, EthereumTestnetError> {
        match self {
            Self::Embedded { consensus, .. } => {
                consensus.sync().await?;
                consensus.finalized_root().await.ok_or_else(|| EthereumTestnetError::Rpc {
                    method: "beacon companion".to_owned(),
                    reason: "it has finalized nothing".to_owned(),
                })
            }
            Self::Real { consensus, .. } => consensus.first_finality(FINALITY_TIMEOUT).await,
        }
    }
}

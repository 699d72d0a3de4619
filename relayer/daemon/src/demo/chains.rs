//! The demo's local chains: anvil twice, a beacon companion over the first, and a Bitcoin regtest node.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use spandrel_testnets::bitcoin::{AnyNode, BitcoinNode, Bitcoind, NodeOptions, RegtestNode};
use spandrel_testnets::ethereum::{Anvil, AnvilOptions, Beacon, BeaconOptions, Mining};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::bitcoin::ChainParams;

/// EIP-155 number of the source Ethereum chain.
const ETHEREUM: u64 = 31337;
/// EIP-155 number of the destination.
const DESTINATION: u64 = 31338;
const BLOCK_TIME: Duration = Duration::from_secs(1);
/// Slots until a block is final; one slot a block, so seconds.
const FINALITY_LAG: u64 = 8;

/// Everything that runs beside the bridge. Dropping it stops all of it.
pub struct Chains {
    /// Source: execution chain.
    pub ethereum: Anvil,
    /// Source: its consensus.
    pub beacon: Beacon,
    /// Source: Bitcoin.
    pub bitcoin: AnyNode,
    /// Where everything is paid.
    pub destination: Anvil,
}

impl Chains {
    /// Starts all of them; a real `bitcoind` where its path is given.
    pub async fn start(bitcoind: Option<PathBuf>) -> Result<Self> {
        let anvil = |chain_id| AnvilOptions { chain_id, mining: Mining::Every(BLOCK_TIME), ..AnvilOptions::default() };
        let (ethereum, destination) =
            tokio::try_join!(Anvil::start(anvil(ETHEREUM)), Anvil::start(anvil(DESTINATION)))?;
        ethereum.mine(FINALITY_LAG + 4).await?;
        let beacon =
            Beacon::start(BeaconOptions { finality_lag_slots: FINALITY_LAG, ..BeaconOptions::over(ethereum.url()) })
                .await?;
        let bitcoin = match bitcoind {
            Some(path) => AnyNode::Bitcoind(Box::new(Bitcoind::start(&path).await?)),
            None => {
                let options = NodeOptions { spendable_coinbases: 20, ..NodeOptions::default() };
                AnyNode::Embedded(BitcoinNode::start(options).await?)
            }
        };
        if bitcoin.tip_height().await? < 120 {
            bitcoin.mine(120).await.context("mining spendable coins")?;
        }
        Ok(Self { ethereum, beacon, bitcoin, destination })
    }

    /// The destination's CAIP-2 id.
    pub fn destination_id(&self) -> ChainId {
        ChainId::eip155(self.destination.chain_id())
    }

    /// The Bitcoin chain's CAIP-2 id.
    pub fn bitcoin_id(&self) -> ChainId {
        ChainParams::regtest().chain()
    }

    /// The source Ethereum chain's CAIP-2 id.
    pub fn ethereum_id(&self) -> ChainId {
        ChainId::eip155(self.ethereum.chain_id())
    }
}

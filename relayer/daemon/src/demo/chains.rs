//! The demo's local chains: Ethereum with its consensus, Bitcoin, and anvil as destination. Real nodes where they are given.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use spandrel_testnets::bitcoin::{AnyNode, BitcoinNode, Bitcoind, NodeOptions, RegtestNode};
use spandrel_testnets::ethereum::{Anvil, AnvilOptions, EthereumNodes, Mining, SourceChain};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::bitcoin::ChainParams;

/// EIP-155 number of the source Ethereum chain.
const ETHEREUM: u64 = 31337;
/// EIP-155 number of the destination.
const DESTINATION: u64 = 31338;
const BLOCK_TIME: Duration = Duration::from_secs(1);

/// Real nodes that are used instead of embedded ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RealNodes {
    /// `bitcoind`.
    pub bitcoind: Option<PathBuf>,
    /// Lodestar with geth.
    pub ethereum: Option<EthereumNodes>,
}

impl RealNodes {
    /// Those that are on this machine: by their variables or, all but Lodestar, on `PATH`.
    pub fn find() -> Self {
        Self { bitcoind: Bitcoind::find(), ethereum: EthereumNodes::find() }
    }

    /// What runs, for people.
    pub fn names(&self) -> String {
        let ethereum = if self.ethereum.is_some() { "Lodestar and geth" } else { "anvil with a beacon companion" };
        let bitcoin = if self.bitcoind.is_some() { "bitcoind" } else { "an embedded regtest node" };
        format!("{ethereum} (Ethereum), {bitcoin} (Bitcoin), anvil (destination)")
    }
}

/// Everything that runs beside the bridge. Dropping it stops all of it.
pub struct Chains {
    /// Source: Ethereum.
    pub ethereum: SourceChain,
    /// Source: Bitcoin.
    pub bitcoin: AnyNode,
    /// Where everything is paid.
    pub destination: Anvil,
}

impl Chains {
    /// Starts all of them, on the real nodes that are given.
    pub async fn start(nodes: &RealNodes) -> Result<Self> {
        let paid_at =
            AnvilOptions { chain_id: DESTINATION, mining: Mining::Every(BLOCK_TIME), ..AnvilOptions::default() };
        let (ethereum, destination) =
            tokio::try_join!(SourceChain::start(ETHEREUM, nodes.ethereum.as_ref()), Anvil::start(paid_at))?;
        let bitcoin = match &nodes.bitcoind {
            Some(path) => AnyNode::Bitcoind(Box::new(Bitcoind::start(path).await?)),
            None => {
                let options = NodeOptions { spendable_coinbases: 20, ..NodeOptions::default() };
                AnyNode::Embedded(BitcoinNode::start(options).await?)
            }
        };
        if bitcoin.tip_height().await? < 120 {
            bitcoin.mine(120).await.context("mining spendable coins")?;
        }
        Ok(Self { ethereum, bitcoin, destination })
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

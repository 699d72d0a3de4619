//! One node of one network: who it is, where a block stands in its eyes, and checked blocks.

use alloy_primitives::B256;
use bitcoin::hashes::Hash;
use bitcoin::{Block, BlockHash};
use spandrel_verifiers::bitcoin::ChainParams;
use spandrel_verifiers::follow::{BlockRef, FollowError};

use super::block::CheckedBlock;
use super::rpc::BitcoinRpc;

/// A node that is asked about one network.
#[derive(Clone, Debug)]
pub struct Node {
    pub rpc: BitcoinRpc,
    pub params: ChainParams,
}

/// Where a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// On the best chain.
    Best,
    /// Known, but not on the best chain.
    Replaced,
    /// Not known to this node.
    Unknown,
}

impl Node {
    /// Checks that the node follows the configured network, by its genesis block.
    pub async fn check_identity(&self) -> Result<(), FollowError> {
        let genesis = self.rpc.hash_at(0).await?.map(hash_from);
        if genesis != Some(self.params.genesis_hash()) {
            let shown = |hash: B256| hash_to(hash).to_string();
            return Err(FollowError::Permanent {
                field: format!("genesis block of {}", self.params.chain()),
                expected: shown(self.params.genesis_hash()),
                found: genesis.map_or("none".to_owned(), shown),
            });
        }
        Ok(())
    }

    /// Where `block` stands.
    pub async fn standing(&self, block: &BlockRef) -> Result<Standing, FollowError> {
        let Some(status) = self.rpc.header_status(hash_to(block.hash)).await? else { return Ok(Standing::Unknown) };
        if status.height != block.height {
            let reason = format!("block {} at height {}, then at {}", block.hash, block.height, status.height);
            return Err(self.contradiction(reason));
        }
        Ok(if status.confirmations >= 1 { Standing::Best } else { Standing::Replaced })
    }

    /// The block `hash`, checked; None if the node does not know it.
    pub async fn block(&self, hash: BlockHash) -> Result<Option<CheckedBlock>, FollowError> {
        let block = self.rpc.block(hash).await?;
        block.map(|block| self.checked(block)).transpose()
    }

    /// A block that the node gave, checked.
    pub fn checked(&self, block: Block) -> Result<CheckedBlock, FollowError> {
        let hash = block.block_hash();
        CheckedBlock::new(block, &self.params).map_err(|error| self.contradiction(format!("block {hash}: {error}")))
    }

    /// The node said what cannot be, or the chain moved between two answers: try again.
    pub fn contradiction(&self, reason: String) -> FollowError {
        FollowError::Transient { endpoint: self.rpc.endpoint(), reason }
    }
}

/// A block hash in wire order.
pub fn hash_from(hash: BlockHash) -> B256 {
    B256::new(hash.to_byte_array())
}

/// A block hash for the JSON-RPC.
pub fn hash_to(hash: B256) -> BlockHash {
    BlockHash::from_byte_array(hash.0)
}

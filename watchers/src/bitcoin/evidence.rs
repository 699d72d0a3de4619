//! Evidence of a deposit: its transaction, the block's header, and the Merkle paths of it and of the coinbase.

use std::sync::Arc;

use alloy_primitives::B256;
use bitcoin::Txid;
use bitcoin::hashes::Hash;
use spandrel_verifiers::Evidence;
use spandrel_verifiers::bitcoin::Inclusion;
use spandrel_verifiers::follow::{BlockRef, EvidenceSource, FollowError, SeenDeposit};

use super::node::{Node, Standing, hash_to};
use super::rpc::{BitcoinRpc, RpcError};
use super::{BitcoinConfig, IntentBook};

/// Core's code for a block whose header is known but whose data is not there: pruned, or not downloaded yet.
const RPC_MISC_ERROR: i64 = -1;

/// The Bitcoin [`EvidenceSource`]. What it makes is checked against the deposit before it is handed out: evidence of
/// another deposit never leaves it.
pub struct BitcoinEvidence<B> {
    node: Node,
    book: Arc<B>,
    vault: B256,
}

impl<B: IntentBook> BitcoinEvidence<B> {
    /// A source that takes the deposits' terms from `book`.
    pub fn new(config: BitcoinConfig, book: Arc<B>) -> Result<Self, FollowError> {
        config.validate()?;
        let rpc = BitcoinRpc::new(config.rpc, config.call_timeout)?;
        Ok(Self { node: Node { rpc, params: config.params }, book, vault: config.vault })
    }

    async fn require_best(&self, block: &BlockRef) -> Result<(), FollowError> {
        match self.node.standing(block).await? {
            Standing::Best => Ok(()),
            Standing::Replaced => Err(unavailable(block, "left the best chain")),
            Standing::Unknown => Err(unavailable(block, "is not known to the node")),
        }
    }
}

impl<B: IntentBook> EvidenceSource for BitcoinEvidence<B> {
    async fn evidence(&self, seen: &SeenDeposit, at: &BlockRef) -> Result<Evidence, FollowError> {
        self.node.check_identity().await?;
        if at.height < seen.block.height {
            return Err(unavailable(at, "does not cover the deposit's block"));
        }
        self.require_best(&seen.block).await?;
        self.require_best(at).await?;
        let block = match self.node.rpc.block(hash_to(seen.block.hash)).await {
            Ok(Some(block)) => self.node.checked(block)?,
            Ok(None) => return Err(unavailable(&seen.block, "is not known to the node")),
            Err(RpcError::Refused { code: RPC_MISC_ERROR, message, .. }) => {
                return Err(unavailable(&seen.block, &format!("is not stored by the node ({message})")));
            }
            Err(error) => return Err(error.into()),
        };

        let deposits = block.deposits(seen.block.height, self.vault, &self.node.params, self.book.as_ref());
        if !deposits.contains(seen) {
            return Err(unavailable(&seen.block, &format!("holds no such deposit as {}", seen.deposit.id())));
        }
        let txid = Txid::from_byte_array(seen.transaction.0);
        let index = block.txids().iter().position(|found| *found == txid);
        let output = index
            .and_then(|index| block.block().txdata.get(index))
            .and_then(|tx| tx.output.get(usize::try_from(seen.position).ok()?));
        let terms = output.and_then(|output| self.book.terms(output.script_pubkey.as_bytes()));
        let (Some(index), Some(terms)) = (index, terms) else {
            return Err(unavailable(&seen.block, "holds no such output"));
        };
        let inclusion = Inclusion::of_block(block.block(), seen.block.height, index, seen.position, terms);
        let inclusion = inclusion.map_err(|error| unavailable(&seen.block, &error.to_string()))?;
        Ok(Evidence::Bitcoin(Box::new(inclusion)))
    }
}

fn unavailable(block: &BlockRef, reason: &str) -> FollowError {
    FollowError::ProofUnavailable(format!("block {} ({}) {reason}", block.height, hash_to(block.hash)))
}

//! Builds the evidence of a deposit: finality update, execution header, account and storage proof, each checked here
//! before it is sent, so that a verifier is not troubled with what cannot verify.

use std::sync::Arc;

use alloy_primitives::B256;
use spandrel_verifiers::ethereum::{DepositEvidence, EthereumVerifier, Inclusion, deposit_slot};
use spandrel_verifiers::follow::{BlockRef, EvidenceSource, FollowError, SeenDeposit};
use spandrel_verifiers::{BlockEvidence, Checkpoint, Evidence};

use super::execution::{Execution, ExecutionBlock};
use super::{EthereumConfig, FinalBlock, LightClient};

/// The Ethereum [`EvidenceSource`].
#[derive(Debug)]
pub struct EthereumEvidence {
    execution: Execution,
    light_client: Arc<LightClient>,
    verifier: EthereumVerifier,
    bridge: B256,
}

impl EthereumEvidence {
    /// Evidence under the final blocks of `light_client`.
    pub fn new(config: &EthereumConfig, light_client: Arc<LightClient>) -> Result<Self, FollowError> {
        config.validate()?;
        let verifier = EthereumVerifier::new(config.network.clone(), config.outbox);
        Ok(Self {
            execution: Execution::new(config.execution.clone(), config.network.chain.clone(), config.call_timeout)?,
            verifier: verifier.map_err(|error| permanent(error.field, error.expected, error.found))?,
            bridge: config.outbox.into_word(),
            light_client,
        })
    }

    /// The newest final block, which must cover `height`; its proof must be an update, not the trusted root.
    async fn final_block(&self, height: u64) -> Result<FinalBlock, FollowError> {
        let known = self.light_client.refresh().await;
        let known = match known {
            Ok(known) => known,
            // The last one known will do while the beacon node is away.
            Err(error) => self.light_client.known().await.ok_or(error).map(Some)?,
        };
        known
            .filter(|known| known.update.is_some() && known.block.height >= height)
            .ok_or_else(|| FollowError::ProofUnavailable(format!("no finality update that covers block {height} yet")))
    }

    /// The newest final block, by itself.
    pub(crate) async fn newest_final(&self) -> Result<(Checkpoint, BlockEvidence), FollowError> {
        let FinalBlock { block, update } = self.final_block(0).await?;
        self.execution.require_chain().await?;
        let header = self.header(&block).await?;
        let chain = self.verifier.config().chain.clone();
        let checkpoint = Checkpoint {
            chain,
            height: block.height,
            root: block.hash,
            time: block.time,
            up_to: Checkpoint::ANY_AMOUNT,
        };
        Ok((checkpoint, BlockEvidence { header: header.rlp(), finality: update }))
    }

    async fn header(&self, block: &BlockRef) -> Result<ExecutionBlock, FollowError> {
        let found = self.execution.at(block.height).await?;
        let found = found.filter(|found| found.hash == block.hash);
        found.ok_or_else(|| {
            self.execution.lied("eth_getBlockByNumber", format!("not the block {} at {}", block.hash, block.height))
        })
    }

    /// The deposit's storage proof under `block`, which may be any block whose state the node still has: a final one,
    /// or the newest signed one for the fast lane. Checked here under that block's hash.
    pub async fn inclusion_under(&self, seen: &SeenDeposit, block: &BlockRef) -> Result<Inclusion, FollowError> {
        if seen.deposit.source_bridge != self.bridge {
            return Err(permanent("source_bridge", self.bridge, seen.deposit.source_bridge));
        }
        self.execution.require_chain().await?;
        let header = self.header(block).await?;
        let slot = deposit_slot(seen.deposit.source_key);
        let address = alloy_primitives::Address::from_word(self.bridge);
        let proof = self.execution.proof(header.header.number, address, vec![slot]).await?;
        let storage_proof = proof.storage_proof.into_iter().next().map(|slot| slot.proof).unwrap_or_default();
        let inclusion = Inclusion {
            header: header.rlp(),
            account_proof: proof.account_proof,
            storage_proof,
            deposit: seen.deposit.clone(),
        };
        self.verifier
            .verify_under(block.hash, &inclusion)
            .map_err(|error| FollowError::ProofUnavailable(format!("under block {}: {error}", block.height)))?;
        Ok(inclusion)
    }
}

impl EvidenceSource for EthereumEvidence {
    /// The proof stands under the newest final block at or above the deposit's, which may be later than `at`: states
    /// are pruned, and the deposit stays in every later one.
    async fn evidence(&self, seen: &SeenDeposit, at: &BlockRef) -> Result<Evidence, FollowError> {
        let last_final = self.final_block(seen.block.height.max(at.height)).await?;
        let inclusion = self.inclusion_under(seen, &last_final.block).await?;
        Ok(Evidence::Ethereum(Box::new(DepositEvidence { finality: last_final.update, inclusion })))
    }
}

fn permanent(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> FollowError {
    FollowError::Permanent { field: field.into(), expected: expected.to_string(), found: found.to_string() }
}

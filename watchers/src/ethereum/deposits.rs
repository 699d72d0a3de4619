//! The deposits of a run of linked blocks, and the proof that none is missing.
//!
//! The outbox counts its deposits in its storage. The count before and after the blocks is proven against the state
//! roots of their headers, so a node that drops, repeats or invents a log is found out: the nonces must be exactly
//! those from the first count up to the second. Where the node has pruned the state, all receipts of the blocks that
//! may hold deposits are fetched instead, and proven against the receipts roots.

use alloy::rpc::types::{EIP1186AccountProofResponse, Log};
use alloy_primitives::{Address, B256, BloomInput, U256};
use spandrel_verifiers::ethereum::account::Account;
use spandrel_verifiers::follow::{FollowError, SeenDeposit};
use spandrel_verifiers::{ChainId, VerifyError};
use tokio::sync::Mutex;

use super::Names;
use super::execution::{Execution, ExecutionBlock};
use super::outbox::{self, COUNT_SLOT, DEPOSITED_TOPIC, OutboxLog};

/// Reads one outbox.
#[derive(Debug)]
pub(super) struct DepositReader {
    chain: ChainId,
    outbox: Address,
    names: Names,
    /// The count proven last, and the block under which: the next read begins there.
    proven: Mutex<Option<(B256, U256)>>,
}

/// What a run of blocks holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) deposits: Vec<SeenDeposit>,
    /// Deposits that this bridge cannot name.
    pub(super) unnamed: u64,
    /// The nonce that must follow, once one is known.
    next: Option<U256>,
}

impl DepositReader {
    pub(super) fn new(chain: ChainId, outbox: Address, names: Names) -> Self {
        Self { chain, outbox, names, proven: Mutex::new(None) }
    }

    /// All deposits in `blocks`, which follow `tip`, in order.
    pub(super) async fn read(
        &self,
        execution: &Execution,
        tip: &ExecutionBlock,
        blocks: &[ExecutionBlock],
    ) -> Result<Found, FollowError> {
        let Some(last) = blocks.last() else { return Ok(Found::default()) };
        match self.counts(execution, tip, last).await {
            Ok((first, end)) => self.read_counted(execution, blocks, first, end).await,
            Err(FollowError::ProofUnavailable(reason)) => {
                tracing::debug!(chain = %self.chain, reason, "state is pruned: reading receipts");
                self.read_receipts(execution, blocks).await
            }
            Err(error) => Err(error),
        }
    }

    /// By logs, which must be those from nonce `first` up to `end`.
    async fn read_counted(
        &self,
        execution: &Execution,
        blocks: &[ExecutionBlock],
        first: U256,
        end: U256,
    ) -> Result<Found, FollowError> {
        let mut found = Found { next: Some(first), ..Found::default() };
        if end != first {
            for block in blocks.iter().filter(|block| self.may_hold_deposits(block)) {
                let logs = execution.logs(block.hash, self.outbox, DEPOSITED_TOPIC).await?;
                self.take(execution, block, &logs, &mut found)?;
            }
        }
        if found.next == Some(end) {
            return Ok(found);
        }
        let next = found.next.unwrap_or_default();
        Err(execution.lied("eth_getLogs", format!("logs up to nonce {next}, but the outbox counts {end}")))
    }

    /// By receipts, which prove themselves complete: costlier, and needs no state.
    async fn read_receipts(&self, execution: &Execution, blocks: &[ExecutionBlock]) -> Result<Found, FollowError> {
        let mut found = Found::default();
        for block in blocks.iter().filter(|block| self.may_hold_deposits(block)) {
            let mut logs = execution.proven_logs(block).await?;
            logs.retain(|log| log.address() == self.outbox && log.topic0() == Some(&DEPOSITED_TOPIC));
            self.take(execution, block, &logs, &mut found)?;
        }
        Ok(found)
    }

    fn take(
        &self,
        execution: &Execution,
        block: &ExecutionBlock,
        logs: &[Log],
        found: &mut Found,
    ) -> Result<(), FollowError> {
        for log in logs {
            let (nonce, outcome) = outbox::read_log(log, &block.block_ref(), &self.chain, self.outbox, &self.names)
                .map_err(|impossible| execution.lied("eth_getLogs", impossible))?;
            if let Some(expected) = found.next.filter(|expected| *expected != nonce) {
                return Err(execution.lied("eth_getLogs", format!("nonce {nonce} where {expected} must follow")));
            }
            found.next = Some(nonce.saturating_add(U256::ONE));
            match outcome {
                OutboxLog::Deposit(seen) => found.deposits.push(*seen),
                OutboxLog::Unnamed { field, value } => {
                    found.unnamed += 1;
                    tracing::warn!(chain = %self.chain, %nonce, field, value, "deposit skipped: not known to this bridge");
                }
            }
        }
        Ok(())
    }

    /// The counts after `tip` and after `last`.
    async fn counts(
        &self,
        execution: &Execution,
        tip: &ExecutionBlock,
        last: &ExecutionBlock,
    ) -> Result<(U256, U256), FollowError> {
        Ok((self.count(execution, tip).await?, self.count(execution, last).await?))
    }

    /// A header's bloom can prove that a log is not there, never that it is.
    fn may_hold_deposits(&self, block: &ExecutionBlock) -> bool {
        let bloom = &block.header.logs_bloom;
        bloom.contains_input(BloomInput::Raw(self.outbox.as_slice()))
            && bloom.contains_input(BloomInput::Raw(DEPOSITED_TOPIC.as_slice()))
    }

    /// How many deposits the outbox counts after `block`, proven under its state root.
    async fn count(&self, execution: &Execution, block: &ExecutionBlock) -> Result<U256, FollowError> {
        let mut proven = self.proven.lock().await;
        if let Some((_, count)) = proven.filter(|(hash, _)| *hash == block.hash) {
            return Ok(count);
        }
        let proof = execution.proof(block.header.number, self.outbox, vec![COUNT_SLOT]).await?;
        let count = proven_count(block, self.outbox, &proof).map_err(|error| execution.lied("eth_getProof", error))?;
        *proven = Some((block.hash, count));
        Ok(count)
    }
}

/// The count under `block`'s state root; zero while there is no contract at `outbox`.
fn proven_count(
    block: &ExecutionBlock,
    outbox: Address,
    proof: &EIP1186AccountProofResponse,
) -> Result<U256, VerifyError> {
    let Some(account) = Account::prove(block.header.state_root, outbox, &proof.account_proof)? else {
        return Ok(U256::ZERO);
    };
    let Some(slot) = proof.storage_proof.first() else {
        return Err(VerifyError::malformed("storage_proof", "a proof of one slot", "none"));
    };
    account.prove_slot(COUNT_SLOT, &slot.proof)
}

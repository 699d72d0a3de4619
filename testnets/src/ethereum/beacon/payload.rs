//! The beacon chain's view of a real execution block: its `ExecutionPayloadHeader` (Deneb to Fulu).

use alloy::eips::eip2718::Encodable2718;
use alloy::rpc::types::Block;
use alloy_primitives::{B256, U256};
use spandrel_verifiers::ethereum::Preset;
use spandrel_verifiers::ethereum::containers::{BlobGas, ExecutionPayloadHeader};
use spandrel_verifiers::ethereum::ssz::{chunks, merkleize, mix_in_length};

use crate::ethereum::EthereumTestnetError;

/// `MAX_BYTES_PER_TRANSACTION` in chunks: `2^30 / 32`.
const TRANSACTION_DEPTH: usize = 25;
/// `MAX_TRANSACTIONS_PER_PAYLOAD`: `2^20`.
const TRANSACTIONS_DEPTH: usize = 20;

/// Header of a block that was fetched with full transactions. Its hash is computed here, not taken.
pub(super) fn payload_header(block: &Block, preset: Preset) -> Result<ExecutionPayloadHeader, EthereumTestnetError> {
    let header = &block.header.inner;
    let hash = header.hash_slow();
    if hash != block.header.hash {
        return Err(unfit("execution block hash", hash.to_string(), block.header.hash.to_string()));
    }
    let (Some(base_fee), Some(blob_gas_used), Some(excess_blob_gas), Some(_)) =
        (header.base_fee_per_gas, header.blob_gas_used, header.excess_blob_gas, header.requests_hash)
    else {
        return Err(unfit("execution block", "Prague or later".to_owned(), "an older fork".to_owned()));
    };
    if block.withdrawals.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(unfit("withdrawals", "none: the companion has no validators to pay".to_owned(), "some".to_owned()));
    }
    Ok(ExecutionPayloadHeader {
        parent_hash: header.parent_hash,
        fee_recipient: header.beneficiary,
        state_root: header.state_root,
        receipts_root: header.receipts_root,
        logs_bloom: header.logs_bloom,
        prev_randao: header.mix_hash,
        block_number: header.number,
        gas_limit: header.gas_limit,
        gas_used: header.gas_used,
        timestamp: header.timestamp,
        extra_data: header.extra_data.clone(),
        base_fee_per_gas: U256::from(base_fee),
        block_hash: hash,
        transactions_root: transactions_root(block),
        withdrawals_root: mix_in_length(merkleize(&[], withdrawals_depth(preset)), 0),
        blob_gas: Some(BlobGas { blob_gas_used, excess_blob_gas }),
    })
}

/// `hash_tree_root(List[ByteList])` of the raw transactions.
fn transactions_root(block: &Block) -> B256 {
    let roots: Vec<B256> = block
        .transactions
        .txns()
        .map(|transaction| {
            let raw = transaction.inner.inner().encoded_2718();
            mix_in_length(merkleize(&chunks(&raw), TRANSACTION_DEPTH), raw.len())
        })
        .collect();
    mix_in_length(merkleize(&roots, TRANSACTIONS_DEPTH), roots.len())
}

/// Depth of `MAX_WITHDRAWALS_PER_PAYLOAD`: 4 in the minimal preset, 16 in mainnet's.
fn withdrawals_depth(preset: Preset) -> usize {
    match preset {
        Preset::Minimal => 2,
        Preset::Mainnet => 4,
    }
}

fn unfit(field: &str, expected: String, found: String) -> EthereumTestnetError {
    EthereumTestnetError::Unfit { field: field.to_owned(), expected, found }
}

//! Containers of every form, filled with bytes that tell one field from another.

use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, BlobGas, BlockHashProof, BlsPublicKey, BlsSignature, Bootstrap, ExecutionPayloadHeader,
    ExecutionProof, FinalityUpdate, LightClientHeader, LightClientUpdate, OptimisticUpdate, SyncAggregate,
    SyncCommittee,
};
use spandrel_verifiers::ethereum::{Fork, Form, Preset};

pub fn filled<const N: usize>(seed: u8) -> [u8; N] {
    std::array::from_fn(|index| (index as u8).wrapping_mul(31).wrapping_add(seed))
}

pub fn execution(fork: Fork, seed: u8, extra: usize) -> ExecutionPayloadHeader {
    ExecutionPayloadHeader {
        parent_hash: filled(seed).into(),
        fee_recipient: Address::from(filled::<20>(seed)),
        state_root: filled(seed ^ 1).into(),
        receipts_root: filled(seed ^ 2).into(),
        logs_bloom: Bloom::from(filled::<256>(seed)),
        prev_randao: filled(seed ^ 3).into(),
        block_number: u64::from(seed) << 40,
        gas_limit: 30_000_000,
        gas_used: u64::MAX,
        timestamp: 1_700_000_000,
        extra_data: Bytes::copy_from_slice(&filled::<32>(seed)[..extra]),
        base_fee_per_gas: U256::from_be_bytes(filled::<32>(seed ^ 4)),
        block_hash: filled(seed ^ 5).into(),
        transactions_root: filled(seed ^ 6).into(),
        withdrawals_root: filled(seed ^ 7).into(),
        blob_gas: fork.has_blob_gas().then_some(BlobGas { blob_gas_used: 131_072, excess_blob_gas: 1 }),
    }
}

pub fn header(fork: Fork, slot: u64, seed: u8, extra: usize) -> LightClientHeader {
    let beacon = BeaconBlockHeader {
        slot,
        proposer_index: u64::from(seed),
        parent_root: filled(seed).into(),
        state_root: filled(seed ^ 8).into(),
        body_root: filled(seed ^ 9).into(),
    };
    let proof = || ExecutionProof { header: execution(fork, seed, extra), branch: roots(4, seed) };
    let block_hash = || BlockHashProof { hash: filled(seed).into(), branch: roots(11, seed) };
    LightClientHeader {
        beacon,
        execution: fork.has_execution().then(proof),
        block_hash: fork.has_block_hash().then(block_hash),
    }
}

pub fn roots(count: usize, seed: u8) -> Vec<B256> {
    (0..count).map(|index| filled(seed.wrapping_add(index as u8)).into()).collect()
}

pub fn committee(preset: Preset, seed: u8) -> SyncCommittee {
    let pubkeys = (0..preset.committee_size()).map(|seat| BlsPublicKey::from(filled(seed.wrapping_add(seat as u8))));
    SyncCommittee { pubkeys: pubkeys.collect(), aggregate_pubkey: filled(seed).into() }
}

pub fn aggregate(preset: Preset, seed: u8) -> SyncAggregate {
    SyncAggregate {
        sync_committee_bits: Bytes::copy_from_slice(&filled::<64>(seed)[..preset.committee_size() / 8]),
        sync_committee_signature: BlsSignature::from(filled(seed)),
    }
}

pub fn update(form: Form, seed: u8, extra: usize) -> LightClientUpdate {
    LightClientUpdate {
        attested_header: header(form.fork, 9, seed, extra),
        next_sync_committee: committee(form.preset, seed),
        next_sync_committee_branch: roots(form.fork.next_committee_gindex().depth(), seed),
        finalized_header: header(form.fork, 8, !seed, 32 - extra),
        finality_branch: roots(form.fork.finalized_root_gindex().depth(), seed),
        sync_aggregate: aggregate(form.preset, seed),
        signature_slot: 10,
    }
}

pub fn bootstrap(form: Form, seed: u8, extra: usize) -> Bootstrap {
    Bootstrap {
        header: header(form.fork, 9, seed, extra),
        current_sync_committee: committee(form.preset, seed),
        current_sync_committee_branch: roots(form.fork.current_committee_gindex().depth(), seed),
    }
}

pub fn finality(update: &LightClientUpdate) -> FinalityUpdate {
    let LightClientUpdate {
        attested_header, finalized_header, finality_branch, sync_aggregate, signature_slot, ..
    } = update.clone();
    FinalityUpdate { attested_header, finalized_header, finality_branch, sync_aggregate, signature_slot }
}

pub fn optimistic(update: &LightClientUpdate) -> OptimisticUpdate {
    let LightClientUpdate { attested_header, sync_aggregate, signature_slot, .. } = update.clone();
    OptimisticUpdate { attested_header, sync_aggregate, signature_slot }
}

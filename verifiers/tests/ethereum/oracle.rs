//! The specification's containers, written down once more in the oracle's terms.

use ssz_rs::prelude::*;

pub type Root = [u8; 32];

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Beacon {
    pub slot: u64,
    pub proposer_index: u64,
    pub parent_root: Root,
    pub state_root: Root,
    pub body_root: Root,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Committee<const SEATS: usize> {
    pub pubkeys: Vector<Vector<u8, 48>, SEATS>,
    pub aggregate_pubkey: Vector<u8, 48>,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Aggregate<const SEATS: usize> {
    pub sync_committee_bits: Bitvector<SEATS>,
    pub sync_committee_signature: Vector<u8, 96>,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Capella {
    pub parent_hash: Root,
    pub fee_recipient: Vector<u8, 20>,
    pub state_root: Root,
    pub receipts_root: Root,
    pub logs_bloom: Vector<u8, 256>,
    pub prev_randao: Root,
    pub block_number: u64,
    pub gas_limit: u64,
    pub gas_used: u64,
    pub timestamp: u64,
    pub extra_data: List<u8, 32>,
    pub base_fee_per_gas: U256,
    pub block_hash: Root,
    pub transactions_root: Root,
    pub withdrawals_root: Root,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Deneb {
    pub parent_hash: Root,
    pub fee_recipient: Vector<u8, 20>,
    pub state_root: Root,
    pub receipts_root: Root,
    pub logs_bloom: Vector<u8, 256>,
    pub prev_randao: Root,
    pub block_number: u64,
    pub gas_limit: u64,
    pub gas_used: u64,
    pub timestamp: u64,
    pub extra_data: List<u8, 32>,
    pub base_fee_per_gas: U256,
    pub block_hash: Root,
    pub transactions_root: Root,
    pub withdrawals_root: Root,
    pub blob_gas_used: u64,
    pub excess_blob_gas: u64,
}

/// A light-client header of Altair and Bellatrix.
#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Plain {
    pub beacon: Beacon,
}

/// One of Capella to Fulu.
#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Executed<E: SimpleSerialize> {
    pub beacon: Beacon,
    pub execution: E,
    pub execution_branch: Vector<Root, 4>,
}

/// One of Gloas.
#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Hashed {
    pub beacon: Beacon,
    pub execution_block_hash: Root,
    pub execution_branch: Vector<Root, 11>,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Bootstrap<H: SimpleSerialize, const SEATS: usize, const BRANCH: usize> {
    pub header: H,
    pub current_sync_committee: Committee<SEATS>,
    pub current_sync_committee_branch: Vector<Root, BRANCH>,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Update<H: SimpleSerialize, const SEATS: usize, const BRANCH: usize, const FINALITY: usize> {
    pub attested_header: H,
    pub next_sync_committee: Committee<SEATS>,
    pub next_sync_committee_branch: Vector<Root, BRANCH>,
    pub finalized_header: H,
    pub finality_branch: Vector<Root, FINALITY>,
    pub sync_aggregate: Aggregate<SEATS>,
    pub signature_slot: u64,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Finality<H: SimpleSerialize, const SEATS: usize, const FINALITY: usize> {
    pub attested_header: H,
    pub finalized_header: H,
    pub finality_branch: Vector<Root, FINALITY>,
    pub sync_aggregate: Aggregate<SEATS>,
    pub signature_slot: u64,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Optimistic<H: SimpleSerialize, const SEATS: usize> {
    pub attested_header: H,
    pub sync_aggregate: Aggregate<SEATS>,
    pub signature_slot: u64,
}

/// Of no specification: what its containers have, one in another.
#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Mixed {
    pub parts: List<Part, 5>,
    pub bits: Bitlist<600>,
    pub flags: Bitvector<12>,
    pub numbers: List<u64, 9>,
    pub keys: Vector<Vector<u8, 48>, 3>,
    pub part: Part,
    pub lists: List<List<u8, 40>, 4>,
}

#[derive(Default, Debug, Clone, PartialEq, SimpleSerialize)]
pub struct Part {
    pub number: u64,
    pub bytes: List<u8, 100>,
}

/// Decodes, and encodes again.
pub fn round<T: SimpleSerialize>(bytes: &[u8]) -> (T, Vec<u8>) {
    let value = deserialize::<T>(bytes).unwrap();
    let encoded = serialize(&value).unwrap();
    (value, encoded)
}

/// What is read, encoded again. The oracle may panic where an offset leads out of the bytes: that is a refusal too.
pub fn again<T: SimpleSerialize>(bytes: &[u8]) -> Option<Vec<u8>> {
    let read = std::panic::catch_unwind(|| serialize(&deserialize::<T>(bytes).ok()?).ok());
    read.ok().flatten()
}

pub fn root<T: SimpleSerialize>(bytes: &[u8]) -> Vec<u8> {
    deserialize::<T>(bytes).unwrap().hash_tree_root().unwrap().as_ref().to_vec()
}

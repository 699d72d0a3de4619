//! Pairs of finality updates that contradict each other, really signed.

use std::ops::Range;

use alloy_primitives::{B256, Bytes, keccak256};
use spandrel_verifiers::ethereum::containers::ExecutionPayloadHeader;
use spandrel_verifiers::ethereum::{Contradiction, SigningCommittee, finality_bytes};

use super::chain::{Network, PERIOD, SEATS, committee, header_rlp, payload};

/// An execution block that is a child of `parent`.
pub fn executed(parent: B256, number: u64, tag: u64) -> ExecutionPayloadHeader {
    let unhashed = ExecutionPayloadHeader { parent_hash: parent, block_number: number, gas_used: tag, ..payload(72) };
    ExecutionPayloadHeader { block_hash: keccak256(header_rlp(&unhashed)), ..unhashed }
}

/// An update, signed by `seats`, that holds final the block of `slot` with `executed` in it.
pub fn update(slot: u64, executed: &ExecutionPayloadHeader, signed_at: u64, seats: Range<usize>) -> Bytes {
    let network = Network::electra();
    let finalized = network.block_with(slot, executed.clone(), None);
    let attested = network.block(signed_at, Some(&finalized));
    finality_bytes(&network.config, &network.finality_update(&attested, &finalized, seats)).unwrap()
}

/// Two updates by the committees of `periods`.
pub fn pair(first: Bytes, second: Bytes, headers: Vec<Bytes>, periods: Range<u64>) -> Contradiction {
    let committees = periods.map(|period| SigningCommittee::new(period, &committee(period))).collect();
    Contradiction { network: Network::electra().config, committees, first, second, headers }
}

/// Two of one slot.
pub fn of_one_slot() -> Contradiction {
    let (one, other) = (executed(B256::ZERO, 5, 1), executed(B256::ZERO, 5, 2));
    pair(update(72, &one, 96, 0..SEATS), update(72, &other, 97, 0..SEATS), Vec::new(), 1..2)
}

/// One of height 5, and one of height 7 that descends from another block of height 5: signed by the committees of two
/// periods.
pub fn of_two_heights() -> Contradiction {
    let (one, other) = (executed(B256::ZERO, 5, 1), executed(B256::ZERO, 5, 2));
    let between = executed(other.block_hash, 6, 2);
    let newest = executed(between.block_hash, 7, 2);
    let headers = [&newest, &between, &other].map(header_rlp).to_vec();
    pair(update(72, &one, 96, 0..SEATS), update(80, &newest, 2 * PERIOD, 0..SEATS), headers, 1..3)
}

//! The companion's beacon state and block body: trees of the real shape in which the fields that light clients prove
//! are real, and all others are constants.
//!
//! Real in the state (Electra and Fulu, 64 leaves, consensus-specs `specs/electra/beacon-chain.md`): genesis time (0),
//! genesis validators root (1), slot (2), finalized checkpoint (20), current and next sync committee (22, 23).
//! Real in the body (16 leaves): the execution payload (9). There are no attestations, no registry and no randomness:
//! a light client sees none of them.

use alloy_primitives::{B256, keccak256};
use spandrel_verifiers::ethereum::ssz::{branch, hash_pair, merkleize, uint64_chunk};

const STATE_FIELDS: usize = 37;
const STATE_DEPTH: usize = 6;
const FINALIZED_CHECKPOINT: usize = 20;
const CURRENT_SYNC_COMMITTEE: usize = 22;
const NEXT_SYNC_COMMITTEE: usize = 23;

const BODY_FIELDS: usize = 13;
const BODY_DEPTH: usize = 4;
const EXECUTION_PAYLOAD: usize = 9;

/// `Checkpoint` of the beacon chain; all zero before the first finality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FinalizedCheckpoint {
    pub(super) epoch: u64,
    pub(super) root: B256,
}

/// The modelled fields of a beacon state.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) genesis_time: u64,
    pub(super) genesis_validators_root: B256,
    pub(super) slot: u64,
    pub(super) finalized: FinalizedCheckpoint,
    pub(super) current_committee_root: B256,
    pub(super) next_committee_root: B256,
}

impl State {
    pub(super) fn root(&self) -> B256 {
        merkleize(&self.leaves(), STATE_DEPTH)
    }

    /// Branch of `finalized_checkpoint.root`: the epoch beside it, then the state.
    pub(super) fn finality_branch(&self) -> Vec<B256> {
        let mut path = vec![uint64_chunk(self.finalized.epoch)];
        path.extend(branch(&self.leaves(), STATE_DEPTH, FINALIZED_CHECKPOINT));
        path
    }

    pub(super) fn current_committee_branch(&self) -> Vec<B256> {
        branch(&self.leaves(), STATE_DEPTH, CURRENT_SYNC_COMMITTEE)
    }

    pub(super) fn next_committee_branch(&self) -> Vec<B256> {
        branch(&self.leaves(), STATE_DEPTH, NEXT_SYNC_COMMITTEE)
    }

    fn leaves(&self) -> Vec<B256> {
        let mut leaves: Vec<B256> = (0..STATE_FIELDS).map(|field| unmodelled("state", field)).collect();
        leaves[0] = uint64_chunk(self.genesis_time);
        leaves[1] = self.genesis_validators_root;
        leaves[2] = uint64_chunk(self.slot);
        leaves[FINALIZED_CHECKPOINT] = hash_pair(uint64_chunk(self.finalized.epoch), self.finalized.root);
        leaves[CURRENT_SYNC_COMMITTEE] = self.current_committee_root;
        leaves[NEXT_SYNC_COMMITTEE] = self.next_committee_root;
        leaves
    }
}

/// Root of a block body that holds this execution payload.
pub(super) fn body_root(execution_payload_root: B256) -> B256 {
    merkleize(&body_leaves(execution_payload_root), BODY_DEPTH)
}

/// Branch of the execution payload in that body.
pub(super) fn execution_branch(execution_payload_root: B256) -> Vec<B256> {
    branch(&body_leaves(execution_payload_root), BODY_DEPTH, EXECUTION_PAYLOAD)
}

fn body_leaves(execution_payload_root: B256) -> Vec<B256> {
    let mut leaves: Vec<B256> = (0..BODY_FIELDS).map(|field| unmodelled("body", field)).collect();
    leaves[EXECUTION_PAYLOAD] = execution_payload_root;
    leaves
}

/// The leaf of a field that is not modelled: constant, and different for each field.
fn unmodelled(container: &str, field: usize) -> B256 {
    keccak256(format!("spandrel beacon companion: field {field} of the {container} is not modelled"))
}

//! A network made up for the tests that lives through a fork: its blocks have the state and body trees of their own
//! forks, and its updates the container of the attested one's. Places are the specification's numbers, written down
//! once more.

use std::ops::Range;

use alloy_primitives::{B256, keccak256};
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, ExecutionPayloadHeader, ExecutionProof, LightClientHeader, LightClientUpdate,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, chunks, hash_pair, merkleize, mix_in_length, uint64_chunk};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkVersion, LightClientStore, signing_root};

use crate::chain::{PERIOD, committee, payload, sign};
use crate::networks::minimal_network;

/// The light-client places of a beacon state.
pub struct Places {
    pub finalized: u64,
    pub current: u64,
    pub next: u64,
}

impl Places {
    pub fn of(fork: Fork) -> Self {
        match fork {
            Fork::Altair | Fork::Bellatrix | Fork::Capella | Fork::Deneb => {
                Self { finalized: 105, current: 54, next: 55 }
            }
            Fork::Electra | Fork::Fulu => Self { finalized: 169, current: 86, next: 87 },
            Fork::Gloas => Self { finalized: 735, current: 2945, next: 2946 },
        }
    }
}

const PAYLOAD: u64 = 25;

/// Where a body has its execution block's hash.
fn hash_place(fork: Fork) -> Option<u64> {
    match fork {
        Fork::Altair | Fork::Bellatrix => None,
        Fork::Capella => Some(412),
        Fork::Deneb | Fork::Electra | Fork::Fulu => Some(812),
        Fork::Gloas => Some(2856),
    }
}

/// A tree of which only some nodes are known, by generalized index; the others are made up.
#[derive(Clone)]
pub struct Tree {
    pub known: Vec<(u64, B256)>,
    pub seed: u64,
}

impl Tree {
    pub fn node(&self, index: u64) -> B256 {
        if let Some((_, node)) = self.known.iter().find(|(at, _)| *at == index) {
            return *node;
        }
        let is_above = |at: u64| (1..64).any(|height| at >> height == index);
        if self.known.iter().any(|(at, _)| is_above(*at)) {
            return hash_pair(self.node(2 * index), self.node(2 * index + 1));
        }
        keccak256([self.seed, index].map(u64::to_be_bytes).concat())
    }

    pub fn branch(&self, index: u64) -> Vec<B256> {
        (0..index.ilog2()).map(|height| self.node((index >> height) ^ 1)).collect()
    }
}

/// A beacon block with what its state and body prove.
#[derive(Clone)]
pub struct Block {
    pub beacon: BeaconBlockHeader,
    pub state: Tree,
    fork: Fork,
    payload: ExecutionPayloadHeader,
    body: Tree,
}

/// The leaves of an execution header's tree, with the empty ones.
fn leaves(payload: &ExecutionPayloadHeader) -> Vec<B256> {
    let mut leaves = vec![
        payload.parent_hash,
        B256::right_padding_from(payload.fee_recipient.as_slice()),
        payload.state_root,
        payload.receipts_root,
        merkleize(&chunks(payload.logs_bloom.as_slice()), 3),
        payload.prev_randao,
        uint64_chunk(payload.block_number),
        uint64_chunk(payload.gas_limit),
        uint64_chunk(payload.gas_used),
        uint64_chunk(payload.timestamp),
        mix_in_length(merkleize(&chunks(&payload.extra_data), 0), payload.extra_data.len()),
        B256::new(payload.base_fee_per_gas.to_le_bytes()),
        payload.block_hash,
        payload.transactions_root,
        payload.withdrawals_root,
    ];
    if let Some(blob) = payload.blob_gas {
        leaves.extend([uint64_chunk(blob.blob_gas_used), uint64_chunk(blob.excess_blob_gas)]);
    }
    leaves.resize(leaves.len().next_power_of_two(), B256::ZERO);
    leaves
}

impl Block {
    /// As a container of `fork`, which may be later than the block's own, carries it (`upgrade_lc_header_to_*`).
    pub fn header(&self, container: Fork) -> LightClientHeader {
        let mut header = LightClientHeader::empty(container);
        header.beacon = self.beacon;
        if let (Some(proof), Some(place)) = (&mut header.block_hash, hash_place(self.fork)) {
            let branch = self.body.branch(place);
            proof.hash = self.payload.block_hash;
            // A shorter branch of an earlier fork stands behind zeros.
            let spare = proof.branch.len() - branch.len();
            proof.branch.splice(spare.., branch);
        }
        if let (Some(proof), true) = (&mut header.execution, self.fork.has_execution()) {
            *proof = ExecutionProof { header: self.payload_in(container), branch: self.body.branch(PAYLOAD) };
        }
        header
    }

    fn payload_in(&self, container: Fork) -> ExecutionPayloadHeader {
        let blob_gas = (container >= Fork::Deneb).then(|| self.payload.blob_gas.unwrap_or_default());
        ExecutionPayloadHeader { blob_gas, ..self.payload.clone() }
    }

    /// The same block, had it its execution header or hash where a body of `fork` has it.
    pub fn with_body_of(mut self, fork: Fork) -> Self {
        self.body.known = match hash_place(fork) {
            Some(place) if fork == Fork::Gloas => vec![(place, self.payload.block_hash)],
            Some(_) => {
                let leaves = leaves(&self.payload_in(fork));
                (PAYLOAD * leaves.len() as u64..).zip(leaves).collect()
            }
            None => Vec::new(),
        };
        self.beacon.body_root = self.body.node(1);
        self
    }
}

/// A network with one fork from genesis on and the next one from a slot on.
pub struct Eras {
    pub config: ChainConfig,
    pub older: Fork,
    pub newer: Fork,
    /// The first slot of the newer one.
    pub border: u64,
}

impl Eras {
    pub fn new(older: Fork, newer: Fork, border: u64) -> Self {
        let mut config = minimal_network(newer, B256::repeat_byte(0x61));
        config.forks.iter_mut().filter(|fork| fork.name == newer).for_each(|fork| fork.epoch = border / 8);
        Self { config, older, newer, border }
    }

    pub fn now(&self) -> u64 {
        self.config.time_of(100_000)
    }

    pub fn fork_at(&self, slot: u64) -> Fork {
        if slot < self.border { self.older } else { self.newer }
    }

    pub fn version_of(&self, fork: Fork) -> ForkVersion {
        self.config.forks.iter().find(|known| known.name == fork).unwrap().version
    }

    /// A block at `slot` with `payload`, whose state has what light clients ask for where one of fork `by` has it.
    pub fn block_by(&self, by: Fork, slot: u64, payload: ExecutionPayloadHeader, finalized: Option<&Block>) -> Block {
        let (fork, period, places) = (self.fork_at(slot), slot / PERIOD, Places::of(by));
        let known = vec![
            (places.finalized, finalized.map_or(B256::ZERO, |block| block.beacon.hash_tree_root())),
            (places.current, committee(period).hash_tree_root()),
            (places.next, committee(period + 1).hash_tree_root()),
        ];
        let state = Tree { known, seed: slot };
        let beacon = BeaconBlockHeader {
            slot,
            proposer_index: 7,
            parent_root: keccak256(slot.to_be_bytes()),
            state_root: state.node(1),
            body_root: B256::ZERO,
        };
        let body = Tree { known: Vec::new(), seed: slot + 1_000 };
        Block { beacon, state, fork, payload, body }.with_body_of(fork)
    }

    pub fn block_with(&self, slot: u64, payload: ExecutionPayloadHeader, finalized: Option<&Block>) -> Block {
        self.block_by(self.fork_at(slot), slot, payload, finalized)
    }

    pub fn block(&self, slot: u64, finalized: Option<&Block>) -> Block {
        self.block_with(slot, payload(slot), finalized)
    }

    /// A bootstrap at `block`, with the branch of fork `by`.
    pub fn bootstrap_by(&self, by: Fork, block: &Block) -> (B256, Bootstrap) {
        let slot = block.beacon.slot;
        let bootstrap = Bootstrap {
            header: block.header(self.fork_at(slot)),
            current_sync_committee: committee(slot / PERIOD),
            current_sync_committee_branch: block.state.branch(Places::of(by).current),
        };
        (block.beacon.hash_tree_root(), bootstrap)
    }

    /// A store that trusts the block at `slot`.
    pub fn store_at(&self, slot: u64) -> LightClientStore {
        let (root, bootstrap) = self.bootstrap_by(self.fork_at(slot), &self.block(slot, None));
        LightClientStore::bootstrap(&self.config, root, &bootstrap).unwrap()
    }

    /// What the committee of `signature_slot` signs there: under the fork of the slot before.
    pub fn message(&self, attested: &Block, signature_slot: u64) -> B256 {
        self.message_under(attested, self.fork_at(signature_slot - 1))
    }

    pub fn message_under(&self, attested: &Block, fork: Fork) -> B256 {
        signing_root(&attested.beacon, self.version_of(fork), self.config.genesis_validators_root)
    }

    /// A full update with the branches of fork `by`, in the container of the attested block's.
    pub fn update_by(
        &self,
        by: Fork,
        (attested, finalized): (&Block, &Block),
        signature_slot: u64,
        seats: Range<usize>,
    ) -> LightClientUpdate {
        let (slot, places) = (attested.beacon.slot, Places::of(by));
        let container = self.fork_at(slot);
        LightClientUpdate {
            attested_header: attested.header(container),
            next_sync_committee: committee(slot / PERIOD + 1),
            next_sync_committee_branch: attested.state.branch(places.next),
            finalized_header: finalized.header(container),
            finality_branch: attested.state.branch(places.finalized),
            sync_aggregate: sign(signature_slot / PERIOD, seats, self.message(attested, signature_slot)),
            signature_slot,
        }
    }

    pub fn update(&self, two: (&Block, &Block), signature_slot: u64, seats: Range<usize>) -> LightClientUpdate {
        self.update_by(self.fork_at(two.0.beacon.slot), two, signature_slot, seats)
    }
}

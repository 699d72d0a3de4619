//! The companion's beacon chain: one block over each execution block, and what its light clients are told.
//!
//! Pure and synchronous. A block is attested when it has a child: the child carries the committee's signature, as on
//! the real chain. Finality is a property of each block's state and only ever names an ancestor.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alloy_primitives::B256;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, ExecutionPayloadHeader, ExecutionProof, FinalityUpdate, LightClientHeader,
    LightClientUpdate, OptimisticUpdate, SyncAggregate, SyncCommittee,
};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::{ChainConfig, signing_root};

use super::state::{self, FinalizedCheckpoint, State};
use super::validators::Validators;
use crate::ethereum::EthereumTestnetError;

/// One beacon block.
#[derive(Clone, Debug)]
pub(super) struct BeaconBlock {
    pub(super) header: BeaconBlockHeader,
    pub(super) root: B256,
    pub(super) execution: ExecutionPayloadHeader,
    /// What this block's state holds final.
    pub(super) finalized: FinalizedCheckpoint,
}

/// A committee and its root.
type Committee = Arc<(SyncCommittee, B256)>;

/// The canonical chain.
pub(super) struct BeaconChain {
    config: ChainConfig,
    slots_per_block: u64,
    finality_lag_slots: u64,
    absent_members: usize,
    validators: Validators,
    committees: BTreeMap<u64, Committee>,
    blocks: Vec<BeaconBlock>,
    /// Index in `blocks` by root.
    places: HashMap<B256, usize>,
    pub(super) finality_paused: bool,
    /// Whether the committees sign for another branch than the final one.
    pub(super) is_equivocating: bool,
}

impl BeaconChain {
    pub(super) fn new(config: ChainConfig, options: &super::BeaconOptions) -> Result<Self, EthereumTestnetError> {
        let validators = Validators::from_seed(options.seed, config.preset.committee_size()).ok_or_else(no_keys)?;
        Ok(Self {
            slots_per_block: options.slots_per_block.max(1),
            finality_lag_slots: options.finality_lag_slots,
            absent_members: options.absent_members,
            committees: BTreeMap::new(),
            blocks: Vec::new(),
            places: HashMap::new(),
            finality_paused: false,
            is_equivocating: false,
            validators,
            config,
        })
    }

    pub(super) fn config(&self) -> &ChainConfig {
        &self.config
    }

    pub(super) fn blocks(&self) -> &[BeaconBlock] {
        &self.blocks
    }

    pub(super) fn head(&self) -> Option<&BeaconBlock> {
        self.blocks.last()
    }

    pub(super) fn by_root(&self, root: B256) -> Option<&BeaconBlock> {
        self.blocks.get(*self.places.get(&root)?)
    }

    /// The newest final block.
    pub(super) fn finalized(&self) -> Option<&BeaconBlock> {
        self.by_root(self.head()?.finalized.root)
    }

    /// Appends the block over the next execution block.
    pub(super) fn import(&mut self, execution: ExecutionPayloadHeader) -> Result<&BeaconBlock, EthereumTestnetError> {
        let slot = execution.block_number * self.slots_per_block;
        let finalized = self.finalized_at(slot);
        let execution_root = execution.hash_tree_root();
        let header = BeaconBlockHeader {
            slot,
            proposer_index: slot % self.validators.count(),
            parent_root: self.head().map_or(B256::ZERO, |parent| parent.root),
            state_root: self.state(slot, finalized)?.root(),
            body_root: state::body_root(execution_root),
        };
        let root = header.hash_tree_root();
        let index = self.blocks.len();
        self.places.insert(root, index);
        self.blocks.push(BeaconBlock { header, root, execution, finalized });
        Ok(&self.blocks[index])
    }

    /// Takes away all blocks but the first `keep`.
    pub(super) fn rewind(&mut self, keep: usize) -> Vec<BeaconBlock> {
        let dropped = self.blocks.split_off(keep.min(self.blocks.len()));
        for block in &dropped {
            self.places.remove(&block.root);
        }
        dropped
    }

    /// `LightClientBootstrap` at a final block.
    pub(super) fn bootstrap(&mut self, root: B256) -> Result<Option<Bootstrap>, EthereumTestnetError> {
        let last_final = self.finalized().map(|block| block.header.slot);
        let Some(block) = self.by_root(root).filter(|block| Some(block.header.slot) <= last_final).cloned() else {
            return Ok(None);
        };
        let state = self.state(block.header.slot, block.finalized)?;
        let committee = self.committee(self.config.preset.period_at(block.header.slot))?;
        Ok(Some(Bootstrap {
            header: light_header(&block),
            current_sync_committee: committee.0.clone(),
            current_sync_committee_branch: state.current_committee_branch(),
        }))
    }

    /// The best `LightClientUpdate` of `period`: signed by the committee of the attested block's own period, with
    /// finality if there is any, the older the better (`is_better_update`, sync-protocol.md).
    pub(super) fn update(&mut self, period: u64) -> Result<Option<LightClientUpdate>, EthereumTestnetError> {
        let preset = self.config.preset;
        let first = self.blocks.partition_point(|block| preset.period_at(block.header.slot) < period);
        let candidates = || {
            self.blocks[first..].windows(2).enumerate().map_while(|(offset, pair)| {
                (preset.period_at(pair[1].header.slot) == period).then_some((first + offset, &pair[0].finalized))
            })
        };
        let in_period = |finalized: &FinalizedCheckpoint| {
            self.by_root(finalized.root).is_some_and(|block| preset.period_at(block.header.slot) == period)
        };
        let best = candidates()
            .find(|(_, finalized)| in_period(finalized))
            .or_else(|| candidates().find(|(_, finalized)| !finalized.root.is_zero()))
            .or_else(|| candidates().next());
        let Some((index, _)) = best else { return Ok(None) };
        let (attested, signature_slot) = (self.blocks[index].clone(), self.blocks[index + 1].header.slot);
        let state = self.state(attested.header.slot, attested.finalized)?;
        let (finalized_header, finality_branch) = self.finality(&attested, &state)?;
        Ok(Some(LightClientUpdate {
            next_sync_committee: self.committee(period + 1)?.0.clone(),
            next_sync_committee_branch: state.next_committee_branch(),
            finalized_header: finalized_header.unwrap_or(LightClientHeader::empty(self.fork_at(attested.header.slot)?)),
            finality_branch,
            sync_aggregate: self.aggregate(&attested.header, signature_slot)?,
            attested_header: light_header(&attested),
            signature_slot,
        }))
    }

    /// The newest `LightClientFinalityUpdate`.
    pub(super) fn finality_update(&mut self) -> Result<Option<FinalityUpdate>, EthereumTestnetError> {
        let Some((attested, signature_slot)) = self.attested() else { return Ok(None) };
        let state = self.state(attested.header.slot, attested.finalized)?;
        let (Some(finalized_header), finality_branch) = self.finality(&attested, &state)? else { return Ok(None) };
        Ok(Some(FinalityUpdate {
            finalized_header,
            finality_branch,
            sync_aggregate: self.aggregate(&attested.header, signature_slot)?,
            attested_header: light_header(&attested),
            signature_slot,
        }))
    }

    /// The newest `LightClientOptimisticUpdate`.
    pub(super) fn optimistic_update(&mut self) -> Result<Option<OptimisticUpdate>, EthereumTestnetError> {
        let Some((attested, signature_slot)) = self.attested() else { return Ok(None) };
        Ok(Some(OptimisticUpdate {
            sync_aggregate: self.aggregate(&attested.header, signature_slot)?,
            attested_header: light_header(&attested),
            signature_slot,
        }))
    }

    /// The newest finality update, when its finalized block is another than that of the update before.
    pub(super) fn news_of_finality(&mut self) -> Result<Option<FinalityUpdate>, EthereumTestnetError> {
        match self.blocks.as_slice() {
            [.., before, attested, _] if before.finalized == attested.finalized => Ok(None),
            _ => self.finality_update(),
        }
    }

    /// The newest block that has a child, and the child's slot.
    pub(super) fn attested(&self) -> Option<(BeaconBlock, u64)> {
        let [.., attested, head] = self.blocks.as_slice() else { return None };
        Some((attested.clone(), head.header.slot))
    }

    /// What a block at `slot` over the present head finalizes. Never the genesis block: its checkpoint is the zero root.
    fn finalized_at(&self, slot: u64) -> FinalizedCheckpoint {
        let before = self.head().map(|parent| parent.finalized).unwrap_or_default();
        let Some(limit) = slot.checked_sub(self.finality_lag_slots).filter(|_| !self.finality_paused) else {
            return before;
        };
        let count = self.blocks.partition_point(|block| block.header.slot <= limit);
        match self.blocks[..count].last() {
            Some(block) if block.header.slot > 0 => FinalizedCheckpoint {
                // The first epoch that does not begin before the block: a checkpoint's block is never after its epoch's start.
                epoch: block.header.slot.div_ceil(self.config.preset.slots_per_epoch()),
                root: block.root,
            },
            _ => before,
        }
    }

    fn finality(
        &self,
        attested: &BeaconBlock,
        state: &State,
    ) -> Result<(Option<LightClientHeader>, Vec<B256>), EthereumTestnetError> {
        match self.by_root(attested.finalized.root) {
            Some(block) => Ok((Some(light_header(block)), state.finality_branch())),
            None => {
                let depth = self.fork_at(attested.header.slot)?.finalized_root_gindex().depth();
                Ok((None, vec![B256::ZERO; depth]))
            }
        }
    }

    fn state(&mut self, slot: u64, finalized: FinalizedCheckpoint) -> Result<State, EthereumTestnetError> {
        let period = self.config.preset.period_at(slot);
        Ok(State {
            genesis_time: self.config.genesis_time,
            genesis_validators_root: self.config.genesis_validators_root,
            slot,
            finalized,
            current_committee_root: self.committee(period)?.1,
            next_committee_root: self.committee(period + 1)?.1,
        })
    }

    fn committee(&mut self, period: u64) -> Result<Committee, EthereumTestnetError> {
        if let Some(known) = self.committees.get(&period) {
            return Ok(Arc::clone(known));
        }
        let committee = self.validators.committee(period).ok_or_else(no_keys)?;
        let root = committee.hash_tree_root();
        let made: Committee = Arc::new((committee, root));
        self.committees.insert(period, Arc::clone(&made));
        Ok(made)
    }

    /// The signature of the signature slot's committee on `attested`; the absent seats move with the slot.
    fn aggregate(
        &self,
        attested: &BeaconBlockHeader,
        signature_slot: u64,
    ) -> Result<SyncAggregate, EthereumTestnetError> {
        let size = self.config.preset.committee_size();
        let first_absent = usize::try_from(signature_slot).unwrap_or_default() % size;
        let bits: Vec<bool> =
            (0..size).map(|seat| (seat + size - first_absent) % size >= self.absent_members).collect();
        let version = self.config.signing_version(signature_slot).map_err(|error| unscheduled(&error))?;
        let message = signing_root(attested, version, self.config.genesis_validators_root);
        let period = self.config.preset.period_at(signature_slot);
        let signature = self.validators.sign(period, &bits, message).ok_or_else(no_keys)?;
        let bytes = bits.chunks(8).map(|eight| {
            eight.iter().enumerate().fold(0_u8, |byte, (bit, present)| byte | (u8::from(*present) << bit))
        });
        Ok(SyncAggregate {
            sync_committee_bits: bytes.collect::<Vec<u8>>().into(),
            sync_committee_signature: signature.into(),
        })
    }

    fn fork_at(&self, slot: u64) -> Result<spandrel_verifiers::ethereum::Fork, EthereumTestnetError> {
        Ok(self.config.fork_at(slot).map_err(|error| unscheduled(&error))?.name)
    }
}

fn light_header(block: &BeaconBlock) -> LightClientHeader {
    let branch = state::execution_branch(block.execution.hash_tree_root());
    LightClientHeader {
        beacon: block.header,
        execution: Some(ExecutionProof { header: block.execution.clone(), branch }),
        block_hash: None,
    }
}

fn no_keys() -> EthereumTestnetError {
    EthereumTestnetError::Unfit {
        field: "validator keys".to_owned(),
        expected: "at least one signer".to_owned(),
        found: "none".to_owned(),
    }
}

fn unscheduled(error: &spandrel_verifiers::VerifyError) -> EthereumTestnetError {
    EthereumTestnetError::Unfit {
        field: error.field.clone(),
        expected: error.expected.clone(),
        found: error.found.clone(),
    }
}

//! The sync-committee light client: what is trusted, and how signed updates move it.
//!
//! Follows consensus-specs `specs/altair/light-client/sync-protocol.md` (with the Capella, Deneb and Electra
//! changes), and is stricter where money hangs on it: at least two thirds of the committee must have signed before
//! anything is acted on, and only blocks that such a signature proves *finalized* enter
//! [`LightClientStore::final_block`]. The bootstrap root is weak subjectivity: it must come from someone trusted, and
//! sync committees cannot be slashed for lying.

mod claim;
mod process;
mod rank;
mod validate;

use claim::Claim;
pub(super) use validate::{prove_final_by, require_supermajority};

use std::collections::VecDeque;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::bls::Committee;
use super::containers::{Bootstrap, LightClientData, LightClientHeader, SyncCommittee};
use super::fork::ChainConfig;
use super::ssz::{HashTreeRoot, verify_branch};
use crate::VerifyError;
use crate::follow::BlockRef;

/// How many finalized execution blocks are remembered.
const RETAINED_BLOCKS: usize = 256;

/// An execution block that a beacon block names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NamedBlock {
    /// With its number and time: from Capella to Fulu.
    Stated(BlockRef),
    /// By its hash alone: from Gloas on. Number and time stand in the header that has this hash.
    Hash(B256),
}

impl NamedBlock {
    /// Its hash.
    pub fn hash(&self) -> B256 {
        match self {
            Self::Stated(block) => block.hash,
            Self::Hash(hash) => *hash,
        }
    }

    /// Its number and time, where they are said.
    pub fn stated(&self) -> Option<&BlockRef> {
        match self {
            Self::Stated(block) => Some(block),
            Self::Hash(_) => None,
        }
    }
}

/// What a light client trusts: `LightClientStore` of the specification, and the execution blocks it proved final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LightClientStore {
    finalized: LightClientHeader,
    optimistic: LightClientHeader,
    current: Committee,
    next: Option<Committee>,
    best_valid: Option<Box<Claim>>,
    previous_max_participants: usize,
    current_max_participants: usize,
    /// Oldest first, at most [`RETAINED_BLOCKS`].
    final_blocks: VecDeque<NamedBlock>,
}

impl LightClientStore {
    /// `initialize_light_client_store`: trusts the block whose root is `trusted_block_root` and its committee.
    ///
    /// # Errors
    /// Names the part of `bootstrap` that does not lead to the root, or the invalid key.
    pub fn bootstrap(
        config: &ChainConfig,
        trusted_block_root: B256,
        bootstrap: &Bootstrap,
    ) -> Result<Self, VerifyError> {
        config.validate()?;
        let header = &bootstrap.header;
        let form = config.form_at(header.beacon.slot).map_err(|error| error.within("header.beacon"))?;
        bootstrap.conform(form)?;
        let root = header.beacon.hash_tree_root();
        if root != trusted_block_root {
            return Err(VerifyError::invalid("header.beacon", trusted_block_root, root));
        }
        header.verify(config).map_err(|error| error.within("header"))?;
        verify_branch(
            "current_sync_committee_branch",
            bootstrap.current_sync_committee.hash_tree_root(),
            &bootstrap.current_sync_committee_branch,
            form.fork.current_committee_gindex(),
            header.beacon.state_root,
        )?;
        let current = Committee::new(&bootstrap.current_sync_committee)
            .map_err(|error| error.within("current_sync_committee"))?;
        Ok(Self {
            finalized: header.clone(),
            optimistic: header.clone(),
            current,
            next: None,
            best_valid: None,
            previous_max_participants: 0,
            current_max_participants: 0,
            final_blocks: block_of(header).into_iter().collect(),
        })
    }

    /// The newest header taken for final: by two thirds of a committee, or by [`Self::force_update`].
    pub fn finalized_header(&self) -> &LightClientHeader {
        &self.finalized
    }

    /// The newest header that two thirds of a committee signed. Not final.
    pub fn optimistic_header(&self) -> &LightClientHeader {
        &self.optimistic
    }

    /// Whether the committee of the next period is known: without it the period's end cannot be passed.
    pub fn knows_next_committee(&self) -> bool {
        self.next.is_some()
    }

    /// The sync-committee period the store stands in.
    pub fn period(&self, config: &ChainConfig) -> u64 {
        config.preset.period_at(self.finalized.beacon.slot)
    }

    /// The committee that signs at `signature_slot`, if it is held, and its period.
    ///
    /// # Errors
    /// As [`Self::check_finality`] for a period that is over or ahead.
    pub fn committee_at(
        &self,
        config: &ChainConfig,
        signature_slot: u64,
    ) -> Result<(u64, &SyncCommittee), VerifyError> {
        let committee = self.committee_for(config, signature_slot)?;
        Ok((config.preset.period_at(signature_slot), committee.bytes()))
    }

    /// The execution block with this hash, if it is one of the last 256 proven final.
    pub fn final_block(&self, hash: B256) -> Option<&NamedBlock> {
        self.final_blocks.iter().rev().find(|block| block.hash() == hash)
    }

    /// The newest execution block proven final.
    pub fn latest_named_block(&self) -> Option<&NamedBlock> {
        self.final_blocks.back()
    }

    /// The newest execution block proven final whose number and time the beacon chain says (before Gloas).
    pub fn latest_final_block(&self) -> Option<&BlockRef> {
        self.final_blocks.iter().rev().find_map(NamedBlock::stated)
    }

    /// The execution block of the optimistic header, where it states number and time. Not final.
    pub fn optimistic_block(&self) -> Option<BlockRef> {
        block_of(&self.optimistic)?.stated().copied()
    }

    /// Bytes it takes in memory, but for an update that is only remembered.
    pub fn memory(&self) -> usize {
        let committees = [Some(&self.current), self.next.as_ref()].into_iter().flatten().map(Committee::memory);
        let blocks = self.final_blocks.len().saturating_mul(size_of::<NamedBlock>());
        committees.fold(size_of::<Self>().saturating_add(blocks), usize::saturating_add)
    }

    fn retain(&mut self, block: NamedBlock) {
        if self.final_block(block.hash()).is_some() {
            return;
        }
        if self.final_blocks.len() >= RETAINED_BLOCKS {
            self.final_blocks.pop_front();
        }
        self.final_blocks.push_back(block);
    }
}

/// The execution block of a header that was verified.
pub(super) fn block_of(header: &LightClientHeader) -> Option<NamedBlock> {
    let named = match (&header.execution, &header.block_hash) {
        (Some(execution), _) => NamedBlock::Stated(BlockRef {
            height: execution.header.block_number,
            hash: execution.header.block_hash,
            time: execution.header.timestamp,
        }),
        (None, Some(proof)) => NamedBlock::Hash(proof.hash),
        (None, None) => return None,
    };
    (!named.hash().is_zero()).then_some(named)
}

//! What a signed update claims, whichever container it came in.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::rank::Ranked;
use crate::VerifyError;
use crate::ethereum::containers::{
    FinalityUpdate, LightClientHeader, LightClientUpdate, OptimisticUpdate, SyncAggregate, SyncCommittee,
};
use crate::ethereum::fork::Preset;
use crate::ethereum::ssz::HashTreeRoot;

/// A signed header, with the committee and the finality its state proves, if it brings them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    pub attested: LightClientHeader,
    pub next_committee: Option<Proven<SyncCommittee>>,
    pub finalized: Option<Proven<LightClientHeader>>,
    pub aggregate: SyncAggregate,
    pub signature_slot: u64,
}

/// A value with its branch to the attested state root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proven<T> {
    pub value: T,
    pub branch: Vec<B256>,
}

/// A part whose branch is all zeros is absent, and must then be empty (`is_sync_committee_update`,
/// `is_finality_update`).
fn unless_absent<T: Clone>(
    field: &str,
    value: &T,
    branch: &[B256],
    is_empty: impl FnOnce(&T) -> bool,
    root: impl FnOnce(&T) -> B256,
) -> Result<Option<Proven<T>>, VerifyError> {
    if branch.iter().any(|node| !node.is_zero()) {
        return Ok(Some(Proven { value: value.clone(), branch: branch.to_vec() }));
    }
    if !is_empty(value) {
        return Err(VerifyError::invalid(field, "an empty value under an empty branch", root(value)));
    }
    Ok(None)
}

impl TryFrom<&LightClientUpdate> for Claim {
    type Error = VerifyError;
    fn try_from(update: &LightClientUpdate) -> Result<Self, VerifyError> {
        let is_empty_committee = |committee: &SyncCommittee| {
            [Preset::Minimal, Preset::Mainnet].into_iter().any(|preset| *committee == SyncCommittee::empty(preset))
        };
        let next_committee = unless_absent(
            "next_sync_committee",
            &update.next_sync_committee,
            &update.next_sync_committee_branch,
            is_empty_committee,
            SyncCommittee::hash_tree_root,
        )?;
        let finalized = unless_absent(
            "finalized_header",
            &update.finalized_header,
            &update.finality_branch,
            LightClientHeader::is_empty,
            |header| header.beacon.hash_tree_root(),
        )?;
        Ok(Self {
            attested: update.attested_header.clone(),
            next_committee,
            finalized,
            aggregate: update.sync_aggregate.clone(),
            signature_slot: update.signature_slot,
        })
    }
}

impl From<&FinalityUpdate> for Claim {
    fn from(update: &FinalityUpdate) -> Self {
        let finalized = Proven { value: update.finalized_header.clone(), branch: update.finality_branch.clone() };
        Self {
            attested: update.attested_header.clone(),
            next_committee: None,
            finalized: Some(finalized),
            aggregate: update.sync_aggregate.clone(),
            signature_slot: update.signature_slot,
        }
    }
}

impl From<&OptimisticUpdate> for Claim {
    fn from(update: &OptimisticUpdate) -> Self {
        Self {
            attested: update.attested_header.clone(),
            next_committee: None,
            finalized: None,
            aggregate: update.sync_aggregate.clone(),
            signature_slot: update.signature_slot,
        }
    }
}

impl Claim {
    /// Slot of the finalized header, 0 when there is none.
    pub fn finalized_slot(&self) -> u64 {
        self.finalized.as_ref().map_or(0, |finalized| finalized.value.beacon.slot)
    }

    /// Whether to keep it rather than `other` for an update by force.
    pub fn is_better_than(&self, other: &Self, preset: Preset) -> bool {
        self.ranked().rank(preset) > other.ranked().rank(preset)
    }

    fn ranked(&self) -> Ranked<'_> {
        Ranked {
            aggregate: &self.aggregate,
            attested_slot: self.attested.beacon.slot,
            signature_slot: self.signature_slot,
            has_committee: self.next_committee.is_some(),
            finalized_slot: self.finalized.as_ref().map(|finalized| finalized.value.beacon.slot),
        }
    }
}

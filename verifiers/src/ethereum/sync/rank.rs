//! `is_better_update`: which of two updates of a period is worth keeping or serving.

use std::cmp::Reverse;

use crate::ethereum::containers::{LightClientUpdate, SyncAggregate};
use crate::ethereum::fork::Preset;

/// What is compared, in this order; the greater is the better (sync-protocol.md, `is_better_update`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    is_supermajority: bool,
    /// Counts only below two thirds; there it counts before anything else.
    participants_of_a_minority: usize,
    /// The next committee, signed in the period before it.
    brings_committee: bool,
    brings_finality: bool,
    /// The finalized block is of the attested period, so that the committee is final too.
    is_committee_final: bool,
    participants: usize,
    /// Older is better: the best changes less often.
    attested_slot: Reverse<u64>,
    signature_slot: Reverse<u64>,
}

/// What a rank is made of.
pub(super) struct Ranked<'a> {
    pub aggregate: &'a SyncAggregate,
    pub attested_slot: u64,
    pub signature_slot: u64,
    pub has_committee: bool,
    /// Of the finalized header, if there is one.
    pub finalized_slot: Option<u64>,
}

impl Ranked<'_> {
    pub fn rank(&self, preset: Preset) -> Rank {
        let participants = self.aggregate.participants();
        let is_supermajority = self.aggregate.is_supermajority();
        let attested_period = preset.period_at(self.attested_slot);
        Rank {
            is_supermajority,
            participants_of_a_minority: if is_supermajority { 0 } else { participants },
            brings_committee: self.has_committee && attested_period == preset.period_at(self.signature_slot),
            brings_finality: self.finalized_slot.is_some(),
            is_committee_final: self.finalized_slot.is_some_and(|slot| preset.period_at(slot) == attested_period),
            participants,
            attested_slot: Reverse(self.attested_slot),
            signature_slot: Reverse(self.signature_slot),
        }
    }
}

impl LightClientUpdate {
    /// Whether it is better than `other` by the specification's order, which says nothing of either's validity.
    pub fn is_better_than(&self, other: &Self, preset: Preset) -> bool {
        self.ranked().rank(preset) > other.ranked().rank(preset)
    }

    fn ranked(&self) -> Ranked<'_> {
        let has_finality = self.finality_branch.iter().any(|node| !node.is_zero());
        Ranked {
            aggregate: &self.sync_aggregate,
            attested_slot: self.attested_header.beacon.slot,
            signature_slot: self.signature_slot,
            has_committee: self.next_sync_committee_branch.iter().any(|node| !node.is_zero()),
            finalized_slot: has_finality.then_some(self.finalized_header.beacon.slot),
        }
    }
}

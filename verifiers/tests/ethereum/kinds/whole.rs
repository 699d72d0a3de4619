//! Light-client data whose parts stand where the roots of its headers say, and which somebody signed afterwards.

use alloy_primitives::B256;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, FinalityUpdate, LightClientData, LightClientHeader, LightClientUpdate,
    OptimisticUpdate, SyncAggregate, SyncCommittee,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, verify_branch};
use spandrel_verifiers::ethereum::{Fork, Form, Gindex, Preset};

use crate::networks::minimal_network;

/// Later ones first: data of Fulu has the form of Electra's, and that of Bellatrix Altair's.
pub const FORKS: [Fork; 5] = [Fork::Gloas, Fork::Fulu, Fork::Deneb, Fork::Capella, Fork::Bellatrix];
pub const PRESETS: [Preset; 2] = [Preset::Mainnet, Preset::Minimal];

/// Data whose parts can be held against each other.
pub trait Whole: LightClientData + PartialEq + std::fmt::Debug {
    /// The slot of its first header.
    fn slot(&self) -> u64;
    /// Whether all that is in it stands under its header's roots, its slots are in order and somebody signed it. Whether
    /// the signature is right is another matter.
    fn check(&self, form: Form) -> Result<(), VerifyError>;
    /// What is signed, by whom and at which slot.
    fn signed(&self) -> Option<(&BeaconBlockHeader, &SyncAggregate, u64)> {
        None
    }
    /// The committee that it brings, and the period in which that signs.
    fn brings(&self) -> Option<(u64, &SyncCommittee)> {
        None
    }
}

/// Later than what it attests, and by one seat at least (`validate_light_client_update`).
fn check_signer(attested: &LightClientHeader, aggregate: &SyncAggregate, slot: u64) -> Result<(), VerifyError> {
    let attested = attested.beacon.slot;
    if slot <= attested {
        return Err(VerifyError::invalid("signature_slot", format!("a slot after {attested}"), slot));
    }
    if aggregate.participants() == 0 {
        return Err(VerifyError::invalid("sync_committee_bits", "at least one participant", 0));
    }
    Ok(())
}

fn period_of(committee: &SyncCommittee, slot: u64) -> u64 {
    preset_of(committee.pubkeys.len()).period_at(slot)
}

/// Whether what a header says of execution stands in its body, under its own fork, which may be older than the form's.
pub fn check_header(header: &LightClientHeader, form: Form) -> Result<(), VerifyError> {
    let older = [Fork::Altair, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Gloas];
    let newest = header.verify(&minimal_network(form.fork, B256::ZERO));
    let networks = older.into_iter().filter(|fork| *fork < form.fork).map(|fork| minimal_network(fork, B256::ZERO));
    if networks.into_iter().any(|network| header.verify(&network).is_ok()) { Ok(()) } else { newest }
}

fn check_committee(committee: &SyncCommittee, branch: &[B256], index: Gindex, state: B256) -> Result<(), VerifyError> {
    verify_branch("sync_committee_branch", committee.hash_tree_root(), branch, index, state)?;
    Committee::new(committee).map(drop)
}

fn check_finalized(update: (&LightClientHeader, &LightClientHeader, &[B256]), form: Form) -> Result<(), VerifyError> {
    let (attested, finalized, branch) = update;
    check_header(attested, form)?;
    if finalized.is_empty() && branch.iter().all(B256::is_zero) {
        return Ok(());
    }
    // Of the first block, which has no root yet, the branch proves a zero.
    let root = if finalized.is_empty() {
        B256::ZERO
    } else {
        check_header(finalized, form)?;
        if finalized.beacon.slot > attested.beacon.slot {
            let expected = format!("a slot up to {}", attested.beacon.slot);
            return Err(VerifyError::invalid("finalized_header.beacon.slot", expected, finalized.beacon.slot));
        }
        finalized.beacon.hash_tree_root()
    };
    verify_branch("finality_branch", root, branch, form.fork.finalized_root_gindex(), attested.beacon.state_root)
}

impl Whole for Bootstrap {
    fn slot(&self) -> u64 {
        self.header.beacon.slot
    }

    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_header(&self.header, form)?;
        let index = form.fork.current_committee_gindex();
        let state = self.header.beacon.state_root;
        check_committee(&self.current_sync_committee, &self.current_sync_committee_branch, index, state)
    }

    fn brings(&self) -> Option<(u64, &SyncCommittee)> {
        let committee = &self.current_sync_committee;
        Some((period_of(committee, self.slot()), committee))
    }
}

impl Whole for LightClientUpdate {
    fn slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_signer(&self.attested_header, &self.sync_aggregate, self.signature_slot)?;
        check_finalized((&self.attested_header, &self.finalized_header, &self.finality_branch), form)?;
        let branch = &self.next_sync_committee_branch;
        if branch.iter().all(B256::is_zero) {
            return Ok(());
        }
        let (index, state) = (form.fork.next_committee_gindex(), self.attested_header.beacon.state_root);
        check_committee(&self.next_sync_committee, branch, index, state)
    }

    fn signed(&self) -> Option<(&BeaconBlockHeader, &SyncAggregate, u64)> {
        Some((&self.attested_header.beacon, &self.sync_aggregate, self.signature_slot))
    }

    fn brings(&self) -> Option<(u64, &SyncCommittee)> {
        let committee = &self.next_sync_committee;
        let is_empty = self.next_sync_committee_branch.iter().all(B256::is_zero);
        (!is_empty).then(|| (period_of(committee, self.slot()) + 1, committee))
    }
}

impl Whole for FinalityUpdate {
    fn slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_signer(&self.attested_header, &self.sync_aggregate, self.signature_slot)?;
        check_finalized((&self.attested_header, &self.finalized_header, &self.finality_branch), form)
    }

    fn signed(&self) -> Option<(&BeaconBlockHeader, &SyncAggregate, u64)> {
        Some((&self.attested_header.beacon, &self.sync_aggregate, self.signature_slot))
    }
}

impl Whole for OptimisticUpdate {
    fn slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_signer(&self.attested_header, &self.sync_aggregate, self.signature_slot)?;
        check_header(&self.attested_header, form)
    }

    fn signed(&self) -> Option<(&BeaconBlockHeader, &SyncAggregate, u64)> {
        Some((&self.attested_header.beacon, &self.sync_aggregate, self.signature_slot))
    }
}

/// Every form that data may have.
pub fn forms() -> impl Iterator<Item = Form> {
    FORKS.into_iter().flat_map(|fork| PRESETS.map(|preset| Form { fork, preset }))
}

/// By how many seats a committee has.
pub fn preset_of(seats: usize) -> Preset {
    if seats == Preset::Mainnet.committee_size() { Preset::Mainnet } else { Preset::Minimal }
}

//! Light-client containers of every form, and networks on which one fork holds throughout.

use alloy_primitives::{B256, Bytes};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::containers::{
    BlsSignature, Bootstrap, FinalityUpdate, LightClientHeader, LightClientUpdate, OptimisticUpdate, SyncAggregate,
    SyncCommittee,
};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkEpoch, Form, Gindex, Preset};

/// A fork that is decoded, and a preset.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Choice {
    fork: u8,
    is_mainnet: bool,
}

/// Which container.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Kind {
    Bootstrap,
    Update,
    Finality,
    Optimistic,
}

impl Choice {
    /// The layout.
    pub fn form(self) -> Form {
        let forks = [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu, Fork::Gloas];
        let preset = if self.is_mainnet { Preset::Mainnet } else { Preset::Minimal };
        Form { fork: forks[usize::from(self.fork) % forks.len()], preset }
    }

    /// A network that has this form from genesis on.
    pub fn config(self) -> ChainConfig {
        let Form { fork, preset } = self.form();
        ChainConfig {
            chain: ChainId::eip155(31_337),
            genesis_validators_root: B256::ZERO,
            genesis_time: 0,
            seconds_per_slot: 12,
            preset,
            forks: vec![ForkEpoch { name: fork, version: Default::default(), epoch: 0 }],
        }
    }
}

fn zeros(index: Gindex) -> Vec<B256> {
    vec![B256::ZERO; index.depth()]
}

fn aggregate(form: Form) -> SyncAggregate {
    let bits = Bytes::from(vec![0; form.preset.committee_size() / 8]);
    SyncAggregate { sync_committee_bits: bits, sync_committee_signature: BlsSignature::ZERO }
}

/// A bootstrap of zeros.
pub fn bootstrap(form: Form) -> Bootstrap {
    Bootstrap {
        header: LightClientHeader::empty(form.fork),
        current_sync_committee: SyncCommittee::empty(form.preset),
        current_sync_committee_branch: zeros(form.fork.current_committee_gindex()),
    }
}

/// An update of zeros.
pub fn update(form: Form) -> LightClientUpdate {
    LightClientUpdate {
        attested_header: LightClientHeader::empty(form.fork),
        next_sync_committee: SyncCommittee::empty(form.preset),
        next_sync_committee_branch: zeros(form.fork.next_committee_gindex()),
        finalized_header: LightClientHeader::empty(form.fork),
        finality_branch: zeros(form.fork.finalized_root_gindex()),
        sync_aggregate: aggregate(form),
        signature_slot: 0,
    }
}

/// A finality update of zeros.
pub fn finality(form: Form) -> FinalityUpdate {
    FinalityUpdate {
        attested_header: LightClientHeader::empty(form.fork),
        finalized_header: LightClientHeader::empty(form.fork),
        finality_branch: zeros(form.fork.finalized_root_gindex()),
        sync_aggregate: aggregate(form),
        signature_slot: 0,
    }
}

/// An optimistic update of zeros.
pub fn optimistic(form: Form) -> OptimisticUpdate {
    OptimisticUpdate {
        attested_header: LightClientHeader::empty(form.fork),
        sync_aggregate: aggregate(form),
        signature_slot: 0,
    }
}

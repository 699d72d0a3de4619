//! The four containers a node serves: bootstrap, update, finality update and optimistic update.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::{LightClientData, LightClientHeader, SyncAggregate, SyncCommittee, check_length, quoted};
use crate::VerifyError;
use crate::ethereum::fork::Form;
use crate::ethereum::ssz::{Reader, Writer};

/// `LightClientBootstrap`: a header and the committee of its period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The trusted block.
    pub header: LightClientHeader,
    /// The committee of that block's period.
    pub current_sync_committee: SyncCommittee,
    /// From the committee to the header's state root.
    pub current_sync_committee_branch: Vec<B256>,
}

/// `LightClientUpdate`: moves a light client within a period or into the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightClientUpdate {
    /// The header that was signed.
    pub attested_header: LightClientHeader,
    /// The committee of the period after the attested one, or empty.
    pub next_sync_committee: SyncCommittee,
    /// From that committee to the attested state root, or zeros.
    pub next_sync_committee_branch: Vec<B256>,
    /// The block that the attested state holds final, or empty.
    pub finalized_header: LightClientHeader,
    /// From that block's root to the attested state root, or zeros.
    pub finality_branch: Vec<B256>,
    /// The committee's signature.
    pub sync_aggregate: SyncAggregate,
    /// Slot of the block that carries the signature.
    #[serde(with = "quoted")]
    pub signature_slot: u64,
}

/// `LightClientFinalityUpdate`: which block is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalityUpdate {
    /// The header that was signed.
    pub attested_header: LightClientHeader,
    /// The block that the attested state holds final.
    pub finalized_header: LightClientHeader,
    /// From that block's root to the attested state root.
    pub finality_branch: Vec<B256>,
    /// The committee's signature.
    pub sync_aggregate: SyncAggregate,
    /// Slot of the block that carries the signature.
    #[serde(with = "quoted")]
    pub signature_slot: u64,
}

/// `LightClientOptimisticUpdate`: the newest block the committee signed, not final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptimisticUpdate {
    /// The header that was signed.
    pub attested_header: LightClientHeader,
    /// The committee's signature.
    pub sync_aggregate: SyncAggregate,
    /// Slot of the block that carries the signature.
    #[serde(with = "quoted")]
    pub signature_slot: u64,
}

/// A header inside a fixed part: an offset where it carries an execution header (Capella to Fulu), else in place.
enum Slot {
    Here(Box<LightClientHeader>),
    At(usize),
}

fn read_header(reader: &mut Reader<'_>, field: &str, form: Form) -> Result<Slot, VerifyError> {
    if form.fork.has_execution() {
        return Ok(Slot::At(reader.offset(field)?));
    }
    let bytes = reader.bytes(field, LightClientHeader::fixed_length(form.fork))?;
    LightClientHeader::decode_ssz(bytes, form.fork)
        .map(|header| Slot::Here(Box::new(header)))
        .map_err(|error| error.within(field))
}

fn write_header(writer: &mut Writer, header: &LightClientHeader) {
    let bytes = header.encode_ssz();
    if header.execution.is_some() {
        writer.variable(bytes)
    } else {
        writer.bytes(bytes)
    };
}

/// Resolves one header.
fn resolve(reader: Reader<'_>, header: (&str, Slot), form: Form) -> Result<LightClientHeader, VerifyError> {
    match header {
        (_, Slot::Here(header)) => reader.finish("length").map(|()| *header),
        (field, Slot::At(offset)) => {
            let [bytes] = reader.variable([(field, offset)])?;
            LightClientHeader::decode_ssz(bytes, form.fork).map_err(|error| error.within(field))
        }
    }
}

/// Resolves an attested and a finalized header.
fn resolve_pair(
    reader: Reader<'_>,
    attested: Slot,
    finalized: Slot,
    form: Form,
) -> Result<(LightClientHeader, LightClientHeader), VerifyError> {
    let names = ["attested_header", "finalized_header"];
    let (first, second) = match (attested, finalized) {
        (Slot::At(first), Slot::At(second)) => (first, second),
        (Slot::Here(attested), Slot::Here(finalized)) => {
            return reader.finish("length").map(|()| (*attested, *finalized));
        }
        _ => return Err(VerifyError::malformed("finalized_header", "the layout of one fork", "two layouts")),
    };
    let parts = reader.variable([(names[0], first), (names[1], second)])?;
    let decode = |bytes, field| LightClientHeader::decode_ssz(bytes, form.fork).map_err(|error| error.within(field));
    Ok((decode(parts[0], names[0])?, decode(parts[1], names[1])?))
}

fn header_place(form: Form) -> usize {
    if form.fork.has_execution() { 4 } else { LightClientHeader::fixed_length(form.fork) }
}

fn sum<const N: usize>(parts: [usize; N]) -> usize {
    parts.into_iter().fold(0, usize::saturating_add)
}

impl LightClientData for Bootstrap {
    fn fork_slot(&self) -> u64 {
        self.header.beacon.slot
    }

    fn conform(&self, form: Form) -> Result<(), VerifyError> {
        self.header.conform(form.fork).map_err(|error| error.within("header"))?;
        let committee = self.current_sync_committee.conform(form.preset);
        committee.map_err(|error| error.within("current_sync_committee"))?;
        let depth = form.fork.current_committee_gindex().depth();
        check_length("current_sync_committee_branch", depth, self.current_sync_committee_branch.len())
    }

    fn decode_ssz(bytes: &[u8], form: Form) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let header = read_header(&mut reader, "header", form)?;
        let current_sync_committee = SyncCommittee::read(&mut reader, "current_sync_committee", form.preset)?;
        let depth = form.fork.current_committee_gindex().depth();
        let current_sync_committee_branch = reader.branch("current_sync_committee_branch", depth)?;
        let header = resolve(reader, ("header", header), form)?;
        Ok(Self { header, current_sync_committee, current_sync_committee_branch })
    }

    fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        write_header(&mut writer, &self.header);
        self.current_sync_committee.write(&mut writer);
        writer.branch(&self.current_sync_committee_branch);
        writer.finish()
    }

    fn fixed_length(form: Form) -> usize {
        let branch = form.fork.current_committee_gindex().depth().saturating_mul(32);
        sum([header_place(form), SyncCommittee::length(form.preset), branch])
    }
}

impl LightClientData for LightClientUpdate {
    fn fork_slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn conform(&self, form: Form) -> Result<(), VerifyError> {
        self.attested_header.conform(form.fork).map_err(|error| error.within("attested_header"))?;
        let committee = self.next_sync_committee.conform(form.preset);
        committee.map_err(|error| error.within("next_sync_committee"))?;
        let depth = form.fork.next_committee_gindex().depth();
        check_length("next_sync_committee_branch", depth, self.next_sync_committee_branch.len())?;
        self.finalized_header.conform(form.fork).map_err(|error| error.within("finalized_header"))?;
        let depth = form.fork.finalized_root_gindex().depth();
        check_length("finality_branch", depth, self.finality_branch.len())?;
        self.sync_aggregate.conform(form).map_err(|error| error.within("sync_aggregate"))
    }

    fn decode_ssz(bytes: &[u8], form: Form) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let attested = read_header(&mut reader, "attested_header", form)?;
        let next_sync_committee = SyncCommittee::read(&mut reader, "next_sync_committee", form.preset)?;
        let depth = form.fork.next_committee_gindex().depth();
        let next_sync_committee_branch = reader.branch("next_sync_committee_branch", depth)?;
        let finalized = read_header(&mut reader, "finalized_header", form)?;
        let finality_branch = reader.branch("finality_branch", form.fork.finalized_root_gindex().depth())?;
        let sync_aggregate = SyncAggregate::read(&mut reader, "sync_aggregate", form.preset)?;
        let signature_slot = reader.uint64("signature_slot")?;
        let (attested_header, finalized_header) = resolve_pair(reader, attested, finalized, form)?;
        Ok(Self {
            attested_header,
            next_sync_committee,
            next_sync_committee_branch,
            finalized_header,
            finality_branch,
            sync_aggregate,
            signature_slot,
        })
    }

    fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        write_header(&mut writer, &self.attested_header);
        self.next_sync_committee.write(&mut writer);
        writer.branch(&self.next_sync_committee_branch);
        write_header(&mut writer, &self.finalized_header);
        writer.branch(&self.finality_branch);
        self.sync_aggregate.write(&mut writer);
        writer.uint64(self.signature_slot);
        writer.finish()
    }

    fn fixed_length(form: Form) -> usize {
        let branch = form.fork.next_committee_gindex().depth().saturating_mul(32);
        sum([FinalityUpdate::fixed_length(form), SyncCommittee::length(form.preset), branch])
    }
}

impl LightClientData for FinalityUpdate {
    fn fork_slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn conform(&self, form: Form) -> Result<(), VerifyError> {
        self.attested_header.conform(form.fork).map_err(|error| error.within("attested_header"))?;
        self.finalized_header.conform(form.fork).map_err(|error| error.within("finalized_header"))?;
        let depth = form.fork.finalized_root_gindex().depth();
        check_length("finality_branch", depth, self.finality_branch.len())?;
        self.sync_aggregate.conform(form).map_err(|error| error.within("sync_aggregate"))
    }

    fn decode_ssz(bytes: &[u8], form: Form) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let attested = read_header(&mut reader, "attested_header", form)?;
        let finalized = read_header(&mut reader, "finalized_header", form)?;
        let finality_branch = reader.branch("finality_branch", form.fork.finalized_root_gindex().depth())?;
        let sync_aggregate = SyncAggregate::read(&mut reader, "sync_aggregate", form.preset)?;
        let signature_slot = reader.uint64("signature_slot")?;
        let (attested_header, finalized_header) = resolve_pair(reader, attested, finalized, form)?;
        Ok(Self { attested_header, finalized_header, finality_branch, sync_aggregate, signature_slot })
    }

    fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        write_header(&mut writer, &self.attested_header);
        write_header(&mut writer, &self.finalized_header);
        writer.branch(&self.finality_branch);
        self.sync_aggregate.write(&mut writer);
        writer.uint64(self.signature_slot);
        writer.finish()
    }

    fn fixed_length(form: Form) -> usize {
        let branch = form.fork.finalized_root_gindex().depth().saturating_mul(32);
        sum([OptimisticUpdate::fixed_length(form), header_place(form), branch])
    }
}

impl LightClientData for OptimisticUpdate {
    fn fork_slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn conform(&self, form: Form) -> Result<(), VerifyError> {
        self.attested_header.conform(form.fork).map_err(|error| error.within("attested_header"))?;
        self.sync_aggregate.conform(form).map_err(|error| error.within("sync_aggregate"))
    }

    fn decode_ssz(bytes: &[u8], form: Form) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let attested = read_header(&mut reader, "attested_header", form)?;
        let sync_aggregate = SyncAggregate::read(&mut reader, "sync_aggregate", form.preset)?;
        let signature_slot = reader.uint64("signature_slot")?;
        let attested_header = resolve(reader, ("attested_header", attested), form)?;
        Ok(Self { attested_header, sync_aggregate, signature_slot })
    }

    fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        write_header(&mut writer, &self.attested_header);
        self.sync_aggregate.write(&mut writer);
        writer.uint64(self.signature_slot);
        writer.finish()
    }

    fn fixed_length(form: Form) -> usize {
        sum([header_place(form), SyncAggregate::length(form.preset), 8])
    }
}

//! Light-client containers, Altair to Gloas, in both presets: SSZ and Beacon API JSON, and their hash tree roots.
//!
//! Sources: consensus-specs `specs/{altair,capella,deneb,electra,gloas}/light-client/sync-protocol.md`, beacon-APIs
//! `types/*/light_client.yaml`. A container's layout is told by its [`Form`]; [`LightClientData::conform`] holds for
//! every container that [`LightClientData::decode_ssz`] or [`from_json`] returns.

mod committee;
mod execution;
mod header;
mod json;
mod update;

pub use committee::{BlsPublicKey, BlsSignature, SyncAggregate, SyncCommittee};
pub use execution::{BlobGas, ExecutionPayloadHeader};
pub use header::{BeaconBlockHeader, BlockHashProof, ExecutionProof, LightClientHeader};
pub use json::{Versioned, from_json, quoted, to_json};
pub use update::{Bootstrap, FinalityUpdate, LightClientUpdate, OptimisticUpdate};

use super::fork::{ChainConfig, Form};
use crate::VerifyError;

/// A container that nodes serve to light clients.
pub trait LightClientData: Sized {
    /// The slot that tells the container's fork: that of its (attested) header.
    fn fork_slot(&self) -> u64;

    /// Refuses a container whose parts are not those of `form` (lengths, presence of execution and blob gas).
    fn conform(&self, form: Form) -> Result<(), VerifyError>;

    /// Decodes SSZ laid out as `form` says, to the last byte.
    fn decode_ssz(bytes: &[u8], form: Form) -> Result<Self, VerifyError>;

    /// Encodes as SSZ; the inverse of `decode_ssz` for a container that conforms.
    fn encode_ssz(&self) -> Vec<u8>;

    /// Where the slot that tells the fork is found in SSZ of a fork with execution headers: that header's offset
    /// must be `fixed_length`.
    fn fixed_length(form: Form) -> usize;
}

/// Decodes SSZ of a fork that the bytes themselves tell by their (attested) slot.
///
/// # Errors
/// `Malformed` when the bytes are not that container; `Invalid` for a slot before Altair or a fork not decoded.
pub fn from_ssz<T: LightClientData>(bytes: &[u8], config: &ChainConfig) -> Result<T, VerifyError> {
    let slot_at = |start: usize| {
        let slot = bytes.get(start..)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*slot))
    };
    let offset = bytes.first_chunk::<4>().map(|offset| u32::from_le_bytes(*offset) as usize);
    // From Capella to Fulu the header is of variable size and stands behind the fixed part; else it comes first.
    let told = offset.and_then(slot_at).and_then(|slot| {
        let form = config.form_at(slot).ok()?;
        (form.fork.has_execution() && offset == Some(T::fixed_length(form))).then_some(form)
    });
    let form = match told {
        Some(form) => form,
        None => {
            let Some(slot) = slot_at(0) else {
                return Err(VerifyError::malformed("slot", "at least 8 bytes", bytes.len()));
            };
            config.form_at(slot)?
        }
    };
    let decoded = T::decode_ssz(bytes, form)?;
    if config.form_at(decoded.fork_slot())? != form {
        return Err(VerifyError::invalid("slot", format!("a slot of {:?}", form.fork), decoded.fork_slot()));
    }
    Ok(decoded)
}

fn check_length(field: &str, expected: usize, found: usize) -> Result<(), VerifyError> {
    if expected == found {
        return Ok(());
    }
    Err(VerifyError::malformed(field, format!("length {expected}"), found))
}

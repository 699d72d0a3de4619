//! `SolanaEvidence` and what is in it.

use alloy_primitives::{Bytes, Signature};

use crate::VerifyError;
use crate::protobuf::{Message, Reader, Writer};
use crate::solana::{BlockPath, CODE_SHRED_LENGTH, DepositEvidence, ExecutionAttestation, Inclusion, ShredProof};

/// Most shreds of one list, and most FEC sets: as many as a slot may have.
const MAX_SHREDS: usize = 32_768;
/// Most shreds that name the parent.
const MAX_PARENT_SHREDS: usize = 2;
/// Most witnesses.
const MAX_SIGNATURES: usize = 256;
/// `r ‖ s ‖ v`, `v` being 27 or 28.
const SIGNATURE_LENGTH: usize = 65;

impl Message for DepositEvidence {
    fn write(&self) -> Vec<u8> {
        Writer::new().message(1, &self.inclusion.write()).message(2, &self.execution.write()).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let evidence = Self { inclusion: fields.message(1, "inclusion")?, execution: fields.message(2, "execution")? };
        fields.end()?;
        Ok(evidence)
    }
}

impl Message for Inclusion {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .uint(1, self.slot)
            .bytes(2, self.block_id.as_slice())
            .message(3, &self.shreds.write())
            .uint(4, self.entry)
            .uint(5, self.transaction)
            .uint(6, self.instruction)
            .each(7, &self.parent)
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let inclusion = Self {
            slot: fields.uint64(1, "slot")?,
            block_id: fields.fixed(2, "block_id")?,
            shreds: fields.message(3, "shreds")?,
            entry: fields.uint32(4, "entry")?,
            transaction: fields.uint32(5, "transaction")?,
            instruction: fields.uint32(6, "instruction")?,
            parent: shreds(&mut fields, 7, "parent", MAX_PARENT_SHREDS)?,
        };
        fields.end()?;
        Ok(inclusion)
    }
}

impl Message for ShredProof {
    fn write(&self) -> Vec<u8> {
        Writer::new().each(1, &self.before).each(2, &self.batch).message(3, &self.block.write()).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let proof = Self {
            before: fields.optional(1, "before", CODE_SHRED_LENGTH)?.map(Bytes::copy_from_slice),
            batch: shreds(&mut fields, 2, "batch", MAX_SHREDS)?,
            block: fields.message(3, "block")?,
        };
        fields.end()?;
        Ok(proof)
    }
}

impl Message for BlockPath {
    fn write(&self) -> Vec<u8> {
        match self {
            Self::Chained { tail } => {
                let chained = Writer::new().each(1, tail).finish();
                Writer::new().each(1, [chained])
            }
            Self::DoubleMerkle { parent_slot, parent_block_id, fec_set_roots } => {
                let double = Writer::new().uint(1, *parent_slot).bytes(2, parent_block_id.as_slice());
                Writer::new().each(2, [double.each(3, fec_set_roots).finish()])
            }
        }
        .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let path = if let Some(bytes) = fields.optional(1, "chained", usize::MAX)? {
            let mut chained = Reader::new(bytes);
            let path = Self::Chained { tail: shreds(&mut chained, 1, "tail", MAX_SHREDS)? };
            chained.end()?;
            path
        } else if let Some(bytes) = fields.optional(2, "double_merkle", usize::MAX)? {
            let mut double = Reader::new(bytes);
            let path = Self::DoubleMerkle {
                parent_slot: double.uint64(1, "parent_slot")?,
                parent_block_id: double.fixed(2, "parent_block_id")?,
                fec_set_roots: double.repeated_fixed(3, "fec_set_roots", MAX_SHREDS)?,
            };
            double.end()?;
            path
        } else {
            return Err(VerifyError::malformed("path", "chained or double_merkle", "neither"));
        };
        fields.end()?;
        Ok(path)
    }
}

impl Message for ExecutionAttestation {
    fn write(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(Signature::as_bytes);
        Writer::new().uint(1, self.time).each(2, signatures).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let attestation = Self { time: fields.uint64(1, "time")?, signatures: signatures(&mut fields, 2)? };
        fields.end()?;
        Ok(attestation)
    }
}

/// Those of a quorum, named `signatures`.
pub(super) fn signatures(fields: &mut Reader<'_>, number: u64) -> Result<Vec<Signature>, VerifyError> {
    let found = fields.repeated_fixed::<SIGNATURE_LENGTH>(number, "signatures", MAX_SIGNATURES)?;
    found.iter().enumerate().map(|(index, bytes)| signature(index, bytes)).collect()
}

/// The library reads `v` of 0, 1 and more; here it is 27 or 28.
fn signature(index: usize, bytes: &[u8; SIGNATURE_LENGTH]) -> Result<Signature, VerifyError> {
    let read = Signature::from_raw_array(bytes).ok().filter(|read| read.as_bytes() == *bytes);
    read.ok_or_else(|| {
        let found = alloy_primitives::hex::encode(bytes);
        VerifyError::malformed(format!("signatures[{index}]"), "r, s and v of 27 or 28", found)
    })
}

fn shreds(fields: &mut Reader<'_>, number: u64, name: &'static str, most: usize) -> Result<Vec<Bytes>, VerifyError> {
    let found = fields.repeated(number, name, most, CODE_SHRED_LENGTH)?;
    Ok(found.into_iter().map(Bytes::copy_from_slice).collect())
}

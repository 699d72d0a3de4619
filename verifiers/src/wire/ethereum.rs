//! `EthereumEvidence` and `EthereumInclusion`.

use alloy_primitives::Bytes;

use crate::VerifyError;
use crate::ethereum::{DepositEvidence, Inclusion};
use crate::protobuf::{Message, Reader, Writer};

/// Longest finality update: two headers with their execution headers and branches are about 2 KiB.
pub(super) const MAX_FINALITY: usize = 16 << 10;
/// Longest RLP of an execution header.
pub(super) const MAX_HEADER: usize = 4096;
/// Most nodes of a trie proof: one per nibble of a hashed key, and the leaf.
const MAX_NODES: usize = 65;
/// Longest node of a state or storage trie.
const MAX_NODE: usize = 1024;

impl Message for DepositEvidence {
    fn write(&self) -> Vec<u8> {
        Writer::new().each(1, &self.finality).message(2, &self.inclusion.write()).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let evidence = Self {
            finality: fields.optional(1, "finality", MAX_FINALITY)?.map(Bytes::copy_from_slice),
            inclusion: fields.message(2, "inclusion")?,
        };
        fields.end()?;
        Ok(evidence)
    }
}

impl Message for Inclusion {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, &self.header)
            .each(2, &self.account_proof)
            .each(3, &self.storage_proof)
            .message(4, &self.deposit.write())
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let inclusion = Self {
            header: Bytes::copy_from_slice(fields.bytes(1, "header", MAX_HEADER)?),
            account_proof: nodes(&mut fields, 2, "account_proof")?,
            storage_proof: nodes(&mut fields, 3, "storage_proof")?,
            deposit: fields.message(4, "deposit")?,
        };
        fields.end()?;
        Ok(inclusion)
    }
}

fn nodes(fields: &mut Reader<'_>, number: u64, name: &'static str) -> Result<Vec<Bytes>, VerifyError> {
    let found = fields.repeated(number, name, MAX_NODES, MAX_NODE)?;
    Ok(found.into_iter().map(Bytes::copy_from_slice).collect())
}

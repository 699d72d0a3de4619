//! `CosmosEvidence` and `CosmosInclusion`.

use alloy_primitives::Bytes;

use crate::VerifyError;
use crate::cosmos::ics23::MAX_PROOF_LENGTH;
use crate::cosmos::{DepositEvidence, Inclusion, MAX_CLIENT_HEADER_LENGTH, MAX_HEADERS, MAX_PACKET_LENGTH};
use crate::protobuf::{Message, Reader, Writer};

impl Message for DepositEvidence {
    fn write(&self) -> Vec<u8> {
        Writer::new().each(1, &self.headers).message(2, &self.inclusion.write()).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let headers = fields.repeated(1, "headers", MAX_HEADERS, MAX_CLIENT_HEADER_LENGTH)?;
        let evidence = Self {
            headers: headers.into_iter().map(Bytes::copy_from_slice).collect(),
            inclusion: fields.message(2, "inclusion")?,
        };
        fields.end()?;
        Ok(evidence)
    }
}

impl Message for Inclusion {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .uint(1, self.height)
            .bytes(2, self.app_hash.as_slice())
            .bytes(3, &self.packet)
            .bytes(4, &self.proof)
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let inclusion = Self {
            height: fields.uint64(1, "height")?,
            app_hash: fields.fixed(2, "app_hash")?,
            packet: Bytes::copy_from_slice(fields.bytes(3, "packet", MAX_PACKET_LENGTH)?),
            proof: Bytes::copy_from_slice(fields.bytes(4, "proof", MAX_PROOF_LENGTH)?),
        };
        fields.end()?;
        Ok(inclusion)
    }
}

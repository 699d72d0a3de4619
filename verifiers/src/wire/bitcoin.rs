//! `BitcoinInclusion` and `BitcoinTerms`.

use alloy_primitives::Bytes;

use super::deposit::{chain, lane};
use crate::VerifyError;
use crate::bitcoin::{DepositTerms, HEADER_LENGTH, Inclusion, MAX_DEPTH, MAX_TRANSACTION_LENGTH};
use crate::protobuf::{Message, Reader, Writer};

impl Message for Inclusion {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .uint(1, self.height)
            .bytes(2, &self.header)
            .bytes(3, &self.transaction)
            .uint(4, self.index)
            .each(5, &self.path)
            .bytes(6, &self.coinbase)
            .each(7, &self.coinbase_path)
            .uint(8, self.output)
            .message(9, &self.terms.write())
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let inclusion = Self {
            height: fields.uint64(1, "height")?,
            header: fields.fixed::<HEADER_LENGTH>(2, "header")?.into(),
            transaction: Bytes::copy_from_slice(fields.bytes(3, "transaction", MAX_TRANSACTION_LENGTH)?),
            index: fields.uint32(4, "index")?,
            path: fields.repeated_fixed(5, "path", MAX_DEPTH)?,
            coinbase: Bytes::copy_from_slice(fields.bytes(6, "coinbase", MAX_TRANSACTION_LENGTH)?),
            coinbase_path: fields.repeated_fixed(7, "coinbase_path", MAX_DEPTH)?,
            output: fields.uint32(8, "output")?,
            terms: fields.message(9, "terms")?,
        };
        fields.end()?;
        Ok(inclusion)
    }
}

impl Message for DepositTerms {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, self.destination_chain.as_str().as_bytes())
            .bytes(2, self.destination_bridge.as_slice())
            .bytes(3, self.recipient.as_slice())
            .uint(4, self.lane as u8)
            .uint(5, self.expiry)
            .bytes(6, self.refund_key.as_slice())
            .uint(7, self.refund_delay)
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let terms = Self {
            destination_chain: chain(&mut fields, 1, "destination_chain")?,
            destination_bridge: fields.fixed(2, "destination_bridge")?,
            recipient: fields.fixed(3, "recipient")?,
            lane: lane(&mut fields, 4)?,
            expiry: fields.uint64(5, "expiry")?,
            refund_key: fields.fixed(6, "refund_key")?,
            refund_delay: refund_delay(&mut fields)?,
        };
        fields.end()?;
        Ok(terms)
    }
}

fn refund_delay(fields: &mut Reader<'_>) -> Result<u16, VerifyError> {
    let value = fields.uint(7, "refund_delay", u16::MAX.into())?;
    u16::try_from(value).map_err(|_| VerifyError::malformed("refund_delay", "16 bits", value))
}

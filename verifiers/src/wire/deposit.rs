//! `Deposit` and what several chains' messages share.

use alloy_primitives::U256;

use crate::protobuf::{Message, Reader, Writer};
use crate::{AssetId, ChainId, Deposit, LanePreference, VerifyError};

/// Longest CAIP-2 text: 8, a colon, 32.
pub(super) const MAX_CHAIN_ID: usize = 41;
/// Longest CAIP-19 text: a chain, a slash, 8, a colon, 128.
const MAX_ASSET_ID: usize = 179;

impl Message for Deposit {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .uint(1, self.version)
            .bytes(2, self.source_chain.as_str().as_bytes())
            .bytes(3, self.source_bridge.as_slice())
            .bytes(4, self.source_key.as_slice())
            .bytes(5, self.asset.as_str().as_bytes())
            .bytes(6, &self.amount.to_be_bytes::<32>())
            .bytes(7, self.destination_chain.as_str().as_bytes())
            .bytes(8, self.destination_bridge.as_slice())
            .bytes(9, self.recipient.as_slice())
            .bytes(10, self.sender.as_slice())
            .uint(11, self.lane as u8)
            .uint(12, self.expiry)
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let deposit = Self {
            version: small(&mut fields, 1, "version")?,
            source_chain: chain(&mut fields, 2, "source_chain")?,
            source_bridge: fields.fixed(3, "source_bridge")?,
            source_key: fields.fixed(4, "source_key")?,
            asset: AssetId::parse(fields.text(5, "asset", MAX_ASSET_ID)?).map_err(|error| named("asset", error))?,
            amount: U256::from_be_bytes(fields.fixed::<32>(6, "amount")?.0),
            destination_chain: chain(&mut fields, 7, "destination_chain")?,
            destination_bridge: fields.fixed(8, "destination_bridge")?,
            recipient: fields.fixed(9, "recipient")?,
            sender: fields.fixed(10, "sender")?,
            lane: lane(&mut fields, 11)?,
            expiry: fields.uint64(12, "expiry")?,
        };
        fields.end()?;
        Ok(deposit)
    }
}

/// A CAIP-2 chain id.
pub(super) fn chain(fields: &mut Reader<'_>, number: u64, name: &'static str) -> Result<ChainId, VerifyError> {
    ChainId::parse(fields.text(number, name, MAX_CHAIN_ID)?).map_err(|error| named(name, error))
}

/// A lane preference, named `lane`.
pub(super) fn lane(fields: &mut Reader<'_>, number: u64) -> Result<LanePreference, VerifyError> {
    LanePreference::try_from(small(fields, number, "lane")?)
}

fn small(fields: &mut Reader<'_>, number: u64, name: &'static str) -> Result<u8, VerifyError> {
    let value = fields.uint(number, name, u8::MAX.into())?;
    u8::try_from(value).map_err(|_| VerifyError::malformed(name, "at most 255", value))
}

fn named(name: &str, error: VerifyError) -> VerifyError {
    VerifyError { field: name.to_owned(), ..error }
}

//! `Contradiction`, `EthereumContradiction`, `EthereumCommittee` and `BitcoinContradiction`.

use alloy_primitives::Bytes;

use super::ethereum::{MAX_FINALITY, MAX_HEADER};
use super::text::{printed, text};
use super::{VERSION, chosen, require_version, unknown_chain};
use crate::bitcoin::{self, HEADER_LENGTH};
use crate::contradiction::MAX_CONTRADICTION;
use crate::ethereum::{self, SigningCommittee};
use crate::protobuf::{Message, Reader, Writer};
use crate::{ChainId, Contradiction, VerifyError};

/// Longest network and anchor, as text.
const MAX_TEXT: usize = 16 << 10;
/// Most committees: of two neighbouring periods.
const MAX_COMMITTEES: usize = 2;
/// Longest committee and its period: 513 keys of 48 bytes.
const MAX_COMMITTEE: usize = 32 << 10;
/// Most execution headers.
const MAX_HEADERS: usize = 512;
/// Most headers of a branch: two weeks of blocks.
const MAX_BRANCH: usize = 2016;

/// The number of the first field that an evidence file does not have.
pub(crate) const FIRST_FIELD: u64 = 6;

impl Message for Contradiction {
    fn write(&self) -> Vec<u8> {
        let envelope = Writer::new().uint(1, VERSION);
        match self {
            Self::Ethereum(two) => envelope.message(6, &two.write()),
            Self::Bitcoin(two) => envelope.message(7, &two.write()),
        }
        .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        require_version(&mut fields, VERSION)?;
        let two = match fields.next_number()? {
            Some(6) => Self::Ethereum(Box::new(chosen(&mut fields, 6, MAX_CONTRADICTION)?)),
            Some(7) => Self::Bitcoin(Box::new(chosen(&mut fields, 7, MAX_CONTRADICTION)?)),
            found => return Err(unknown_chain("a contradiction of a known chain", found)),
        };
        fields.end()?;
        Ok(two)
    }
}

impl Message for ethereum::Contradiction {
    fn write(&self) -> Vec<u8> {
        let writer = Writer::new().bytes(1, text(&self.network).as_bytes());
        let committees = self.committees.iter().map(Message::write);
        writer.each(2, committees).bytes(3, &self.first).bytes(4, &self.second).each(5, &self.headers).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let two = Self {
            network: printed(&mut fields, 1, "network", MAX_TEXT)?,
            committees: fields.messages(2, "committees", MAX_COMMITTEES, MAX_COMMITTEE)?,
            first: Bytes::copy_from_slice(fields.bytes(3, "first", MAX_FINALITY)?),
            second: Bytes::copy_from_slice(fields.bytes(4, "second", MAX_FINALITY)?),
            headers: fields.copied(5, "headers", MAX_HEADERS, MAX_HEADER)?,
        };
        fields.end()?;
        Ok(two)
    }
}

impl Message for SigningCommittee {
    fn write(&self) -> Vec<u8> {
        Writer::new().uint(1, self.period).bytes(2, &self.committee).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let period = fields.uint64(1, "period")?;
        let committee = Bytes::copy_from_slice(fields.bytes(2, "committee", MAX_COMMITTEE)?);
        fields.end()?;
        Ok(Self { period, committee })
    }
}

impl Message for bitcoin::Contradiction {
    fn write(&self) -> Vec<u8> {
        let writer = Writer::new().bytes(1, self.chain.as_str().as_bytes()).bytes(2, text(&self.anchor).as_bytes());
        writer.each(3, &self.replaced).each(4, &self.replacing).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let chain = ChainId::parse(fields.text(1, "chain", MAX_TEXT)?)
            .map_err(|error| VerifyError { field: "chain".to_owned(), ..error })?;
        let two = Self {
            chain,
            anchor: printed(&mut fields, 2, "anchor", MAX_TEXT)?,
            replaced: fields.copied(3, "replaced", MAX_BRANCH, HEADER_LENGTH)?,
            replacing: fields.copied(4, "replacing", MAX_BRANCH, HEADER_LENGTH)?,
        };
        fields.end()?;
        Ok(two)
    }
}

//! The wire format of evidence: protobuf of `evidence.proto`, version 1 (files: 2), in its canonical form only.
//!
//! One evidence has one encoding: what [`Evidence::from_bytes`] takes, [`Evidence::to_bytes`] writes again byte for
//! byte, and everything else is refused with the name of the field. Lengths and counts are limited and checked before
//! anything is copied; messages are not nested deeper than their types, so there is no recursion to bound.
//!
//! Chains are registered in [`Evidence`], in [`Trust`](crate::file::Trust) and here.

mod bitcoin;
mod contradiction;
mod cosmos;
mod deposit;
mod ethereum;
mod solana;
mod text;
mod trust;

pub(crate) use contradiction::FIRST_FIELD;

use crate::protobuf::{Message, Reader, Writer};
use crate::{Evidence, VerifyError};

/// The message definitions.
pub const PROTO: &str = include_str!("evidence.proto");
/// Version of evidence and of contradictions.
pub const VERSION: u64 = 1;
/// Version of evidence files. In the first, what is trusted and the consensus evidence after it were one text.
pub const FILE_VERSION: u64 = 2;
/// Longest evidence, bytes.
pub const MAX_EVIDENCE: usize = 8 << 20;

impl Message for Evidence {
    fn write(&self) -> Vec<u8> {
        let envelope = Writer::new().uint(1, VERSION);
        match self {
            Self::Bitcoin(inclusion) => envelope.message(2, &inclusion.write()),
            Self::Ethereum(evidence) => envelope.message(3, &evidence.write()),
            Self::Cosmos(evidence) => envelope.message(4, &evidence.write()),
            Self::Solana(evidence) => envelope.message(5, &evidence.write()),
        }
        .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        require_version(&mut fields, VERSION)?;
        // Fields of the chosen chain keep the names that they have in verification: no chain's name before them.
        let evidence = match fields.next_number()? {
            Some(2) => Self::Bitcoin(Box::new(chosen(&mut fields, 2, MAX_EVIDENCE)?)),
            Some(3) => Self::Ethereum(Box::new(chosen(&mut fields, 3, MAX_EVIDENCE)?)),
            Some(4) => Self::Cosmos(Box::new(chosen(&mut fields, 4, MAX_EVIDENCE)?)),
            Some(5) => Self::Solana(Box::new(chosen(&mut fields, 5, MAX_EVIDENCE)?)),
            found => return Err(unknown_chain("evidence of a known chain", found)),
        };
        fields.end()?;
        Ok(evidence)
    }
}

/// What begins every envelope.
pub(crate) fn require_version(fields: &mut Reader<'_>, expected: u64) -> Result<(), VerifyError> {
    let version = fields.uint64(1, "version")?;
    if version != expected {
        return Err(VerifyError::malformed("version", expected, version));
    }
    Ok(())
}

/// The message of the chain that an envelope's next field chose, of at most `most` bytes.
fn chosen<M: Message>(fields: &mut Reader<'_>, number: u64, most: usize) -> Result<M, VerifyError> {
    M::read(fields.optional(number, "chain", most)?.unwrap_or_default())
}

fn unknown_chain(expected: &str, found: Option<u64>) -> VerifyError {
    let found = found.map_or("none".to_owned(), |number| format!("field {number}"));
    VerifyError::malformed("chain", expected, found)
}

impl Evidence {
    /// The canonical protobuf of this evidence. Evidence beyond a limit of the format gives bytes that no one reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.write()
    }

    /// Evidence from its canonical protobuf, of at most [`MAX_EVIDENCE`] bytes.
    ///
    /// # Errors
    /// `Malformed`, with the field's name as in verification and in JSON.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() > MAX_EVIDENCE {
            return Err(VerifyError::malformed("evidence", format!("at most {MAX_EVIDENCE} bytes"), bytes.len()));
        }
        Self::read(bytes)
    }
}

//! Transactions as they stand in packets and entries, of every version.
//!
//! Sources: Agave `solana-transaction` (`versioned/mod.rs`), `solana-short-vec`, SIMD-0385. Legacy and version 0: a count
//! of signatures, these, the message. Version 1: the message, then as many signatures as it asks for; its first byte tells
//! it from a count. What decodes here is canonical: there is one encoding of it, and it ends where it says. That its
//! signatures are valid is not checked here.

use super::bytes::Reader;
use super::message::Message;
use super::message_v1::VERSION_ONE;
use crate::VerifyError;

/// Most bytes of a legacy or version 0 transaction: an IPv6 packet without headers (Agave `PACKET_DATA_SIZE`).
pub const MAX_TRANSACTION_LENGTH: usize = 1232;

/// Most bytes of a version 1 transaction (SIMD-0385).
pub const MAX_TRANSACTION_V1_LENGTH: usize = 4096;

/// A decoded transaction, borrowed from its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// One for each of the message's first keys; never empty. The first is the transaction's id.
    pub signatures: &'a [[u8; 64]],
    /// What they sign.
    pub message: Message<'a>,
}

impl<'a> Transaction<'a> {
    /// Decodes a transaction that `bytes` holds and nothing else.
    ///
    /// # Errors
    /// Names `transaction` when the bytes are too many, too few, not canonical, or break a rule of `sanitize`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::bounded("transaction", bytes, MAX_TRANSACTION_V1_LENGTH)?;
        let transaction = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(transaction)
    }

    /// Decodes the transaction at the front of `reader`.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, VerifyError> {
        let before = reader.rest().len();
        let is_version_one = reader.rest().first() == Some(&VERSION_ONE);
        let (transaction, limit) = if is_version_one {
            let message = Message::read_v1(reader)?;
            let signatures = reader.arrays::<64>(message.required_signatures.into())?;
            (Self { signatures, message }, MAX_TRANSACTION_V1_LENGTH)
        } else {
            let count = reader.compact_u16()?;
            let signatures = reader.arrays::<64>(count)?;
            let message = Message::read(reader)?;
            if count != usize::from(message.required_signatures) {
                return Err(reader.malformed(format!("{} signatures", message.required_signatures), count));
            }
            (Self { signatures, message }, MAX_TRANSACTION_LENGTH)
        };
        let length = before.saturating_sub(reader.rest().len());
        if length > limit {
            return Err(reader.malformed(format!("at most {limit} bytes"), length));
        }
        Ok(transaction)
    }

    /// The signature that is the transaction's id.
    pub fn id(&self) -> Option<&'a [u8; 64]> {
        self.signatures.first()
    }

    /// The signature by the key with this index, if that key signs.
    pub fn signature_of(&self, key: u8) -> Option<&'a [u8; 64]> {
        self.signatures.get(usize::from(key))
    }
}

//! Transactions as they stand in packets and entries: legacy and version 0 messages.
//!
//! Sources: Agave `solana-message` (`legacy.rs`, `versions/v0/mod.rs`, `sanitize`), `solana-short-vec`. What decodes
//! here is canonical: there is one encoding of it, and it ends where it says. That its signatures are valid is not
//! checked here.

use alloy_primitives::B256;

use super::bytes::Reader;
use crate::VerifyError;

/// Most bytes of a transaction: an IPv6 packet without headers (Agave `PACKET_DATA_SIZE`).
pub const MAX_TRANSACTION_LENGTH: usize = 1232;

/// Most account keys one message may address.
const MAX_ACCOUNTS: usize = 256;

/// First byte of a version 0 message; legacy messages begin with a count below 128.
const VERSION_ZERO: u8 = 0x80;

/// A decoded transaction, borrowed from its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction<'a> {
    /// One for each of the message's first keys; never empty. The first is the transaction's id.
    pub signatures: &'a [[u8; 64]],
    /// What they sign.
    pub message: Message<'a>,
}

/// A decoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The bytes that are signed.
    pub bytes: &'a [u8],
    /// Legacy, or version 0 with address lookups.
    pub is_legacy: bool,
    /// The keys that the message itself lists, signers first.
    pub keys: &'a [[u8; 32]],
    /// The block hash that limits its life.
    pub recent_blockhash: B256,
    /// What is executed, in order; all of it or nothing.
    pub instructions: Vec<Instruction<'a>>,
    /// Accounts addressed through lookup tables (not listed here, so nothing is known of which they are).
    pub looked_up: usize,
    required_signatures: u8,
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction<'a> {
    /// Index of the program's key.
    pub program: u8,
    /// Indices of its accounts.
    pub accounts: &'a [u8],
    /// Its data.
    pub data: &'a [u8],
}

impl<'a> Transaction<'a> {
    /// Decodes a transaction that `bytes` holds and nothing else.
    ///
    /// # Errors
    /// Names `transaction` when the bytes are too many, too few, not canonical, or break a rule of `sanitize`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::bounded("transaction", bytes, MAX_TRANSACTION_LENGTH)?;
        let transaction = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(transaction)
    }

    /// Decodes the transaction at the front of `reader`.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, VerifyError> {
        let before = reader.rest().len();
        let count = reader.compact_u16()?;
        let signatures = reader.arrays::<64>(count)?;
        let message = Message::read(reader)?;
        if count != usize::from(message.required_signatures) {
            return Err(reader.malformed(format!("{} signatures", message.required_signatures), count));
        }
        let length = before.saturating_sub(reader.rest().len());
        if length > MAX_TRANSACTION_LENGTH {
            return Err(reader.malformed(format!("at most {MAX_TRANSACTION_LENGTH} bytes"), length));
        }
        Ok(Self { signatures, message })
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

impl<'a> Message<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, VerifyError> {
        let from = reader.rest();
        let first = reader.u8()?;
        let is_legacy = first & VERSION_ZERO == 0;
        if first > VERSION_ZERO {
            return Err(reader.malformed("a legacy or version 0 message", format!("version {}", first & 0x7f)));
        }
        let required_signatures = if is_legacy { first } else { reader.u8()? };
        let [readonly_signed, readonly_unsigned] = *reader.array::<2>()?;
        let count = reader.compact_u16()?;
        let keys = reader.arrays::<32>(count)?;
        // Agave `sanitize`: the fee payer is writable, and the two read-only areas do not overlap the signers.
        let signers_and_readonly = usize::from(required_signatures).saturating_add(usize::from(readonly_unsigned));
        if readonly_signed >= required_signatures || signers_and_readonly > count || count > MAX_ACCOUNTS {
            let found = format!("{required_signatures}, {readonly_signed}, {readonly_unsigned} of {count}");
            return Err(reader.malformed("a consistent header", found));
        }
        let recent_blockhash = reader.hash()?;
        let instructions = read_instructions(reader)?;
        let looked_up = if is_legacy { 0 } else { read_lookups(reader)? };
        let accounts = count.saturating_add(looked_up);
        if accounts > MAX_ACCOUNTS {
            return Err(reader.malformed(format!("at most {MAX_ACCOUNTS} accounts"), accounts));
        }
        for instruction in &instructions {
            let program = usize::from(instruction.program);
            let highest = instruction.accounts.iter().max().copied().map_or(0, usize::from);
            if program == 0 || program >= count || (highest >= accounts && !instruction.accounts.is_empty()) {
                return Err(reader.malformed(format!("indices below {count} and {accounts}"), program.max(highest)));
            }
        }
        let length = from.len().saturating_sub(reader.rest().len());
        let bytes = from.get(..length).unwrap_or_default();
        Ok(Self { bytes, is_legacy, keys, recent_blockhash, instructions, looked_up, required_signatures })
    }

    /// The key with this index, if the message lists it.
    pub fn key(&self, index: u8) -> Option<B256> {
        self.keys.get(usize::from(index)).copied().map(B256::new)
    }

    /// Whether the key with this index must have signed.
    pub fn is_signer(&self, index: u8) -> bool {
        index < self.required_signatures
    }

    /// The program of an instruction.
    pub fn program(&self, instruction: &Instruction<'_>) -> Option<B256> {
        self.key(instruction.program)
    }

    /// The account at a place of an instruction, if the message lists it.
    pub fn account(&self, instruction: &Instruction<'_>, place: usize) -> Option<B256> {
        instruction.accounts.get(place).and_then(|index| self.key(*index))
    }
}

fn read_instructions<'a>(reader: &mut Reader<'a>) -> Result<Vec<Instruction<'a>>, VerifyError> {
    let count = reader.compact_u16()?;
    // Each takes three bytes at least, so a packet bounds them.
    if count > reader.rest().len() / 3 {
        return Err(reader.malformed("instructions that fit", count));
    }
    (0..count)
        .map(|_| {
            let program = reader.u8()?;
            let accounts = reader.compact_u16()?;
            let accounts = reader.take(accounts)?;
            let data = reader.compact_u16()?;
            Ok(Instruction { program, accounts, data: reader.take(data)? })
        })
        .collect()
}

/// Returns how many accounts are looked up.
fn read_lookups(reader: &mut Reader<'_>) -> Result<usize, VerifyError> {
    let mut total = 0_usize;
    for _ in 0..reader.compact_u16()? {
        reader.take(32)?;
        let writable = reader.compact_u16()?;
        reader.take(writable)?;
        let readonly = reader.compact_u16()?;
        reader.take(readonly)?;
        let count = writable.saturating_add(readonly);
        if count == 0 {
            return Err(reader.malformed("at least one account of a lookup table", 0));
        }
        total = total.saturating_add(count);
    }
    Ok(total)
}

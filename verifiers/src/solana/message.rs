//! Messages, which the signatures of a transaction sign: what they hold, and how legacy and version 0 are written.
//!
//! Sources: Agave `solana-message` (`legacy.rs`, `versions/v0/mod.rs`, `sanitize`).

use alloy_primitives::B256;

use super::address::to_base58;
use super::bytes::Reader;
use crate::VerifyError;

/// Most account keys one message may address.
const MAX_ACCOUNTS: usize = 256;

/// First byte of a version 0 message; legacy messages begin with a count below 128.
const VERSION_ZERO: u8 = 0x80;

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageVersion {
    /// Without a version.
    Legacy,
    /// With address lookups.
    Zero,
    /// With its limits in front and no lookups (SIMD-0385).
    One,
}

/// A decoded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The bytes that are signed.
    pub bytes: &'a [u8],
    /// Its version.
    pub version: MessageVersion,
    /// The keys that the message itself lists, signers first.
    pub keys: &'a [[u8; 32]],
    /// The block hash that limits its life.
    pub recent_blockhash: B256,
    /// What is executed, in order; all of it or nothing.
    pub instructions: Vec<Instruction<'a>>,
    /// Accounts addressed through lookup tables (not listed here, so nothing is known of which they are).
    pub looked_up: usize,
    pub(super) required_signatures: u8,
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

impl<'a> Message<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, VerifyError> {
        let from = reader.rest();
        let first = reader.u8()?;
        let version = match first {
            VERSION_ZERO => MessageVersion::Zero,
            legacy if legacy < VERSION_ZERO => MessageVersion::Legacy,
            other => {
                return Err(reader.malformed("a legacy or version 0 message", format!("version {}", other & 0x7f)));
            }
        };
        let is_legacy = version == MessageVersion::Legacy;
        let required_signatures = if is_legacy { first } else { reader.u8()? };
        let header = [required_signatures, reader.u8()?, reader.u8()?];
        let count = reader.compact_u16()?;
        let keys = reader.arrays::<32>(count)?;
        check_header(reader, header, count)?;
        let recent_blockhash = reader.hash()?;
        let instructions = read_instructions(reader)?;
        let looked_up = if is_legacy { 0 } else { read_lookups(reader)? };
        let message =
            Self { bytes: &[], version, keys, recent_blockhash, instructions, looked_up, required_signatures };
        message.finish(from, reader)
    }

    /// Checks the indices of a message that was read to its end, and gives it the bytes that it was read from.
    pub(super) fn finish(self, from: &'a [u8], reader: &Reader<'a>) -> Result<Self, VerifyError> {
        let count = self.keys.len();
        let accounts = count.saturating_add(self.looked_up);
        if accounts > MAX_ACCOUNTS {
            return Err(reader.malformed(format!("at most {MAX_ACCOUNTS} accounts"), accounts));
        }
        for instruction in &self.instructions {
            let program = usize::from(instruction.program);
            let highest = instruction.accounts.iter().max().copied().map_or(0, usize::from);
            if program == 0 || program >= count || (highest >= accounts && !instruction.accounts.is_empty()) {
                return Err(reader.malformed(format!("indices below {count} and {accounts}"), program.max(highest)));
            }
        }
        let length = from.len().saturating_sub(reader.rest().len());
        Ok(Self { bytes: from.get(..length).unwrap_or_default(), ..self })
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

    /// The program of an instruction, as it is shown.
    pub(super) fn program_name(&self, instruction: &Instruction<'_>) -> String {
        self.program(instruction).map_or_else(|| "none".to_owned(), to_base58)
    }

    /// The account at a place of an instruction, if the message lists it.
    pub fn account(&self, instruction: &Instruction<'_>, place: usize) -> Option<B256> {
        instruction.accounts.get(place).and_then(|index| self.key(*index))
    }
}

/// Signatures, read-only signers, other read-only keys. Agave `sanitize`: the fee payer is writable, and the two read-only
/// areas do not overlap the signers.
pub(super) fn check_header(reader: &Reader<'_>, header: [u8; 3], count: usize) -> Result<(), VerifyError> {
    let [required_signatures, readonly_signed, readonly_unsigned] = header;
    let signers_and_readonly = usize::from(required_signatures).saturating_add(usize::from(readonly_unsigned));
    if readonly_signed >= required_signatures || signers_and_readonly > count || count > MAX_ACCOUNTS {
        let found = format!("{required_signatures}, {readonly_signed}, {readonly_unsigned} of {count}");
        return Err(reader.malformed("a consistent header", found));
    }
    Ok(())
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

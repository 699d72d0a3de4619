//! How messages of version 1 are written.
//!
//! Source: SIMD-0385, Agave `solana-message` (`versions/v1/message.rs`, `config.rs`), integers little-endian: version byte,
//! header of 3 bytes, mask of the limits that are set (32 bits), block hash, number of instructions, number of keys, keys,
//! limits (fee 64 bits, then three of 32), for each instruction program, number of accounts and length of data (16 bits),
//! then for each its accounts and data. No lookup tables.

use super::bytes::Reader;
use super::message::{Instruction, Message, MessageVersion, check_header};
use crate::VerifyError;

/// First byte of a version 1 message, and so of its transaction.
pub(super) const VERSION_ONE: u8 = 0x81;

/// Both bits or none.
const PRIORITY_FEE: u32 = 0b11;
/// Compute units, loaded bytes, heap.
const OTHER_LIMITS: [u32; 3] = [0b100, 0b1000, 0b1_0000];
const KNOWN_LIMITS: u32 = 0b1_1111;

impl<'a> Message<'a> {
    /// Reads a message of version 1, its version byte with it.
    pub(super) fn read_v1(reader: &mut Reader<'a>) -> Result<Self, VerifyError> {
        let from = reader.rest();
        let version = reader.u8()?;
        if version != VERSION_ONE {
            return Err(reader.malformed("a version 1 message", version));
        }
        let header = *reader.array::<3>()?;
        let mask = reader.u32()?;
        if mask & !KNOWN_LIMITS != 0 || !matches!(mask & PRIORITY_FEE, 0 | PRIORITY_FEE) {
            return Err(reader.malformed("known limits", format!("mask {mask:#x}")));
        }
        let recent_blockhash = reader.hash()?;
        let [instructions, keys] = *reader.array::<2>()?;
        let keys = reader.arrays::<32>(keys.into())?;
        check_header(reader, header, keys.len())?;
        if mask & PRIORITY_FEE != 0 {
            reader.u64()?;
        }
        for _ in OTHER_LIMITS.into_iter().filter(|limit| mask & limit != 0) {
            reader.u32()?;
        }
        let instructions = read_instructions(reader, instructions.into())?;
        let [required_signatures, ..] = header;
        let version = MessageVersion::One;
        let message =
            Self { bytes: &[], version, keys, recent_blockhash, instructions, looked_up: 0, required_signatures };
        message.finish(from, reader)
    }
}

fn read_instructions<'a>(reader: &mut Reader<'a>, count: usize) -> Result<Vec<Instruction<'a>>, VerifyError> {
    let heads = reader.arrays::<4>(count)?;
    let read = |[program, accounts, low, high]: &[u8; 4]| {
        let accounts = reader.take((*accounts).into())?;
        let data = reader.take(u16::from_le_bytes([*low, *high]).into())?;
        Ok(Instruction { program: *program, accounts, data })
    };
    heads.iter().map(read).collect()
}

//! Integers of up to 64 bits, seven bits a byte, the lowest first.

/// Longest varint: ten times seven bits hold 64.
const MAX_LENGTH: usize = 10;

/// Appends `value`.
pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A varint as Go reads it, superfluous bytes and all; what follows it. For bytes that are hashed as they stand.
#[inline]
pub(crate) fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    read(bytes).ok().map(|varint| (varint.value, varint.rest))
}

/// A varint in its shortest form, and what follows it; else what is wrong with it.
#[inline]
pub(super) fn shortest_varint(bytes: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let varint = read(bytes)?;
    if varint.is_shortest { Ok((varint.value, varint.rest)) } else { Err("a superfluous byte") }
}

struct Varint<'a> {
    value: u64,
    is_shortest: bool,
    /// What follows it.
    rest: &'a [u8],
}

#[inline]
fn read(bytes: &[u8]) -> Result<Varint<'_>, &'static str> {
    // Nearly all: tags, and lengths below 128.
    if let [byte @ ..0x80, rest @ ..] = bytes {
        return Ok(Varint { value: (*byte).into(), is_shortest: true, rest });
    }
    read_long(bytes)
}

fn read_long(bytes: &[u8]) -> Result<Varint<'_>, &'static str> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(MAX_LENGTH) {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(index).unwrap_or_default().saturating_mul(7);
        let shifted = bits.wrapping_shl(shift);
        if shifted.wrapping_shr(shift) != bits {
            return Err("more than 64 bits");
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            let rest = bytes.get(index.saturating_add(1)..).unwrap_or_default();
            return Ok(Varint { value, is_shortest: *byte != 0 || index == 0, rest });
        }
    }
    Err(if bytes.len() < MAX_LENGTH { "its end" } else { "more than ten bytes" })
}

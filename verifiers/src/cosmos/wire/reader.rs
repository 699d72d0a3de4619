//! Reads the fields of one message.

use alloy_primitives::FixedBytes;

use crate::VerifyError;

/// Longest varint: ten times seven bits hold 64.
const MAX_VARINT: usize = 10;

/// The fields of one message, in the order in which they stand.
pub(crate) struct Fields<'a> {
    message: &'static str,
    rest: &'a [u8],
    last: u32,
}

/// One field.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    message: &'static str,
    is_repeated: bool,
    value: Value<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    /// Of `bytes`, which refusals call `message`.
    pub(crate) fn new(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { message, rest: bytes, last: 0 }
    }

    /// As [`Self::new`], of at most `limit` bytes.
    pub(crate) fn bounded(message: &'static str, bytes: &'a [u8], limit: usize) -> Result<Self, VerifyError> {
        if bytes.len() > limit {
            return Err(VerifyError::malformed(message, format!("at most {limit} bytes"), bytes.len()));
        }
        Ok(Self::new(message, bytes))
    }

    /// The next field; `None` at the end.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, VerifyError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let Ok(number) = u32::try_from(tag >> 3) else { return Err(self.malformed("a field number", tag >> 3)) };
        if number == 0 || number < self.last {
            return Err(self.descending(number));
        }
        let is_repeated = number == self.last;
        self.last = number;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            2 => Value::Bytes(self.delimited()?),
            other => return Err(self.wire_type(other)),
        };
        Ok(Some(Field { number, message: self.message, is_repeated, value }))
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// A varint with no superfluous byte.
    #[inline(always)]
    fn varint(&mut self) -> Result<u64, VerifyError> {
        // Nearly all: tags, and lengths below 128.
        if let [byte @ ..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, VerifyError> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().enumerate().take(MAX_VARINT) {
            let bits = u64::from(byte & 0x7f);
            let shift = u32::try_from(index).unwrap_or_default().saturating_mul(7);
            let shifted = bits.wrapping_shl(shift);
            if shifted.wrapping_shr(shift) != bits {
                return Err(self.malformed("a varint of 64 bits", "more"));
            }
            value |= shifted;
            if byte & 0x80 == 0 {
                if *byte == 0 && index > 0 {
                    return Err(self.malformed("a varint in its shortest form", "trailing zeros"));
                }
                self.rest = self.rest.get(index.saturating_add(1)..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(self.malformed("a varint", "no end of it"))
    }

    #[cold]
    fn descending(&self, number: u32) -> VerifyError {
        self.malformed(format!("a field from {} on", self.last.max(1)), number)
    }

    #[cold]
    fn wire_type(&self, found: u64) -> VerifyError {
        self.malformed("a varint or a length", format!("wire type {found}"))
    }

    #[inline(always)]
    fn delimited(&mut self) -> Result<&'a [u8], VerifyError> {
        let length = self.varint()?;
        match usize::try_from(length).ok().and_then(|length| self.take(length)) {
            Some(bytes) => Ok(bytes),
            None => Err(self.too_short(length)),
        }
    }

    #[cold]
    fn too_short(&self, length: u64) -> VerifyError {
        self.malformed(format!("{length} bytes"), format!("{} left", self.rest.len()))
    }

    #[inline]
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    #[cold]
    fn malformed(&self, expected: impl ToString, found: impl ToString) -> VerifyError {
        VerifyError::malformed(self.message, expected, found)
    }
}

impl<'a> Field<'a> {
    /// A message that stands once; may be empty.
    #[inline]
    pub(crate) fn message(&self, name: &str) -> Result<&'a [u8], VerifyError> {
        self.once(name)?;
        self.each(name)
    }

    /// One of many messages or byte strings; may be empty.
    #[inline]
    pub(crate) fn each(&self, name: &str) -> Result<&'a [u8], VerifyError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.malformed(name, "bytes", "a number")),
        }
    }

    /// Bytes that stand once and are not empty.
    #[inline]
    pub(crate) fn bytes(&self, name: &str) -> Result<&'a [u8], VerifyError> {
        let bytes = self.message(name)?;
        if bytes.is_empty() { Err(self.default_written(name)) } else { Ok(bytes) }
    }

    /// Bytes of a fixed length that stand once.
    pub(crate) fn fixed<const N: usize>(&self, name: &str) -> Result<FixedBytes<N>, VerifyError> {
        let bytes = self.bytes(name)?;
        bytes
            .try_into()
            .map(FixedBytes)
            .map_err(|_| self.malformed(name, format!("{N} bytes"), format!("{} bytes", bytes.len())))
    }

    /// UTF-8 text of at most `limit` bytes.
    pub(crate) fn string(&self, name: &str, limit: usize) -> Result<String, VerifyError> {
        let bytes = self.bytes(name)?;
        if bytes.len() > limit {
            return Err(self.malformed(name, format!("at most {limit} bytes"), bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| self.malformed(name, "UTF-8", error))?;
        Ok(text.to_owned())
    }

    #[inline]
    pub(crate) fn uint64(&self, name: &str) -> Result<u64, VerifyError> {
        self.once(name)?;
        match self.value {
            Value::Varint(0) => Err(self.default_written(name)),
            Value::Varint(value) => Ok(value),
            _ => Err(self.malformed(name, "a varint", "another wire type")),
        }
    }

    pub(crate) fn uint32(&self, name: &str) -> Result<u32, VerifyError> {
        let value = self.uint64(name)?;
        u32::try_from(value).map_err(|_| self.malformed(name, "at most 32 bits", value))
    }

    /// A signed integer, in two's complement (not zigzag).
    #[inline]
    pub(crate) fn int64(&self, name: &str) -> Result<i64, VerifyError> {
        self.uint64(name).map(u64::cast_signed)
    }

    /// A signed integer that must not be negative.
    pub(crate) fn unsigned_int64(&self, name: &str) -> Result<u64, VerifyError> {
        let value = self.int64(name)?;
        u64::try_from(value).map_err(|_| self.malformed(name, "zero or more", value))
    }

    /// A 32-bit integer that must not be negative.
    #[inline]
    pub(crate) fn unsigned_int32(&self, name: &str) -> Result<u32, VerifyError> {
        let value = self.int64(name)?;
        let in_range = i32::try_from(value).ok().and_then(|value| u32::try_from(value).ok());
        in_range.ok_or_else(|| self.malformed(name, "0 to 2^31 - 1", value))
    }

    /// The refusal of a field that the message does not have.
    pub(crate) fn unknown(&self) -> VerifyError {
        VerifyError::malformed(self.message, "known fields", format!("field {}", self.number))
    }

    #[inline]
    fn once(&self, name: &str) -> Result<(), VerifyError> {
        if self.is_repeated { Err(self.malformed(name, "one", "another")) } else { Ok(()) }
    }

    #[cold]
    fn default_written(&self, name: &str) -> VerifyError {
        self.malformed(name, "a default value left out", "one written")
    }

    #[cold]
    fn malformed(&self, name: &str, expected: impl ToString, found: impl ToString) -> VerifyError {
        VerifyError::malformed(format!("{}.{name}", self.message), expected, found)
    }
}

/// The numbers of a packed repeated `int32` field, none negative.
pub(crate) fn packed_indices(name: &'static str, bytes: &[u8], limit: usize) -> Result<Vec<usize>, VerifyError> {
    let mut numbers = Fields::new(name, bytes);
    let mut found = Vec::new();
    while !numbers.rest.is_empty() {
        if found.len() >= limit {
            return Err(numbers.malformed(format!("at most {limit}"), "more"));
        }
        let number = numbers.varint()?;
        let index = i32::try_from(number).ok().and_then(|number| usize::try_from(number).ok());
        found.push(index.ok_or_else(|| numbers.malformed("0 to 2^31 - 1", number))?);
    }
    Ok(found)
}

/// A varint as Go reads it, superfluous bytes and all; what follows it. For bytes that are hashed as they stand.
#[inline]
pub(crate) fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    if let [byte @ ..0x80, rest @ ..] = bytes {
        return Some((u64::from(*byte), rest));
    }
    read_long_varint(bytes)
}

fn read_long_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(MAX_VARINT) {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(index).ok()?.checked_mul(7)?;
        let shifted = bits.wrapping_shl(shift);
        if shifted.wrapping_shr(shift) != bits {
            return None;
        }
        value |= shifted;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index.checked_add(1)?..)?));
        }
    }
    None
}

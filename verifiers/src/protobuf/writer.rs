//! Writes messages in the one form that [`Reader`](super::Reader) reads.

use super::put_varint;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const DELIMITED: u32 = 2;

/// A message being written, fields in ascending order.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A number; left out when zero.
    pub(crate) fn uint(self, number: u32, value: impl Into<u64>) -> Self {
        self.optional_uint(number, Some(value.into()).filter(|value| *value != 0))
    }

    /// A number whose presence says something; written even if zero.
    pub(crate) fn optional_uint(mut self, number: u32, value: Option<u64>) -> Self {
        if let Some(value) = value {
            self.tag(number, VARINT);
            put_varint(&mut self.0, value);
        }
        self
    }

    /// A signed number in two's complement; left out when zero.
    pub(crate) fn int64(self, number: u32, value: i64) -> Self {
        self.uint(number, value.cast_unsigned())
    }

    /// Eight bytes, little-endian; left out when zero.
    pub(crate) fn fixed64(mut self, number: u32, value: u64) -> Self {
        if value != 0 {
            self.tag(number, FIXED64);
            self.0.extend(value.to_le_bytes());
        }
        self
    }

    /// Bytes or text; left out when empty.
    pub(crate) fn bytes(self, number: u32, value: &[u8]) -> Self {
        if value.is_empty() { self } else { self.message(number, value) }
    }

    /// A message, or bytes whose presence says something; written even if empty.
    pub(crate) fn message(mut self, number: u32, value: &[u8]) -> Self {
        self.tag(number, DELIMITED);
        put_varint(&mut self.0, length(value));
        self.0.extend_from_slice(value);
        self
    }

    /// Every element of a list or an option, empty ones too.
    pub(crate) fn each<B: AsRef<[u8]>>(self, number: u32, values: impl IntoIterator<Item = B>) -> Self {
        values.into_iter().fold(self, |writer, value| writer.message(number, value.as_ref()))
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// The message behind its own length.
    pub(crate) fn finish_delimited(self) -> Vec<u8> {
        let mut delimited = Vec::with_capacity(self.0.len().saturating_add(2));
        put_varint(&mut delimited, length(&self.0));
        delimited.extend(self.0);
        delimited
    }

    fn tag(&mut self, number: u32, wire_type: u32) {
        put_varint(&mut self.0, u64::from(number) << 3 | u64::from(wire_type));
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

//! Writes messages in the one form that [`Reader`](super::Reader) reads.

use super::Message;

/// A message being written, fields in ascending order.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// An integer; left out when zero.
    pub(crate) fn uint(mut self, number: u8, value: impl Into<u64>) -> Self {
        let value = value.into();
        if value != 0 {
            self.varint(u64::from(number) << 3);
            self.varint(value);
        }
        self
    }

    /// Bytes or text; left out when empty.
    pub(crate) fn bytes(self, number: u8, value: &[u8]) -> Self {
        if value.is_empty() { self } else { self.delimited(number, value) }
    }

    /// A message.
    pub(crate) fn message(self, number: u8, message: &impl Message) -> Self {
        self.delimited(number, &message.write())
    }

    /// Every element of a list or an option, empty ones too.
    pub(crate) fn each<B: AsRef<[u8]>>(self, number: u8, values: impl IntoIterator<Item = B>) -> Self {
        values.into_iter().fold(self, |writer, value| writer.delimited(number, value.as_ref()))
    }

    /// The bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn delimited(mut self, number: u8, value: &[u8]) -> Self {
        self.varint(u64::from(number) << 3 | 2);
        self.varint(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.0.extend_from_slice(value);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

//! Writes messages in the one form that [`super::Fields`] reads.

/// A message being written, fields in ascending order.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A number; left out when zero.
    pub(crate) fn uint64(mut self, number: u32, value: u64) -> Self {
        if value != 0 {
            self.tag(number, 0);
            put_varint(&mut self.0, value);
        }
        self
    }

    /// A signed number in two's complement; left out when zero.
    pub(crate) fn int64(self, number: u32, value: i64) -> Self {
        self.uint64(number, value.cast_unsigned())
    }

    /// Eight bytes, little-endian; left out when zero.
    pub(crate) fn fixed64(mut self, number: u32, value: u64) -> Self {
        if value != 0 {
            self.tag(number, 1);
            self.0.extend(value.to_le_bytes());
        }
        self
    }

    /// Bytes or text; left out when empty.
    pub(crate) fn bytes(self, number: u32, value: &[u8]) -> Self {
        if value.is_empty() { self } else { self.message(number, value) }
    }

    /// A message or an element of a list; written even if empty.
    pub(crate) fn message(mut self, number: u32, value: &[u8]) -> Self {
        self.tag(number, 2);
        put_varint(&mut self.0, length(value));
        self.0.extend_from_slice(value);
        self
    }

    /// Each of a list of messages.
    pub(crate) fn each<M: AsRef<[u8]>>(self, number: u32, values: impl IntoIterator<Item = M>) -> Self {
        values.into_iter().fold(self, |writer, value| writer.message(number, value.as_ref()))
    }

    /// A message if there is one.
    pub(crate) fn optional<M: AsRef<[u8]>>(self, number: u32, value: Option<M>) -> Self {
        self.each(number, value)
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

    fn tag(&mut self, number: u32, wire_type: u8) {
        put_varint(&mut self.0, (u64::from(number) << 3) | u64::from(wire_type));
    }
}

/// Appends `value` as a varint.
pub(crate) fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

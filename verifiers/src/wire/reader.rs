//! Reads one message in its canonical form and in no other.
//!
//! The caller asks for the fields in ascending order. What is there but was not asked for, stands out of order, twice,
//! with another wire type, with its default value written out or in more bytes than it needs is refused. Lengths and
//! counts are checked against the caller's limits before anything is copied.

use alloy_primitives::FixedBytes;

use super::Message;
use crate::VerifyError;

/// Wire types of the protobuf encoding that are used here.
const VARINT: u64 = 0;
const DELIMITED: u64 = 2;

/// The fields of one message that were not read yet.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Number and name of the field read last.
    last: Option<(u64, &'static str)>,
}

/// The start of a field.
struct Tag<'a> {
    number: u64,
    wire_type: u64,
    /// What follows it.
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of a message's bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, last: None }
    }

    /// An integer of at most `max`; zero when left out.
    pub(crate) fn uint(&mut self, number: u64, name: &'static str, max: u64) -> Result<u64, VerifyError> {
        if !self.enter(number, name, VARINT)? {
            return Ok(0);
        }
        match self.varint(name)? {
            0 => Err(VerifyError::malformed(name, "a zero left out", "one written")),
            value if value > max => Err(VerifyError::malformed(name, format!("at most {max}"), value)),
            value => Ok(value),
        }
    }

    /// A `uint64`.
    pub(crate) fn uint64(&mut self, number: u64, name: &'static str) -> Result<u64, VerifyError> {
        self.uint(number, name, u64::MAX)
    }

    /// A `uint32`.
    pub(crate) fn uint32(&mut self, number: u64, name: &'static str) -> Result<u32, VerifyError> {
        let value = self.uint(number, name, u32::MAX.into())?;
        u32::try_from(value).map_err(|_| VerifyError::malformed(name, "32 bits", value))
    }

    /// At most `limit` bytes; empty when left out.
    pub(crate) fn bytes(&mut self, number: u64, name: &'static str, limit: usize) -> Result<&'a [u8], VerifyError> {
        match self.optional(number, name, limit)? {
            Some([]) => Err(VerifyError::malformed(name, "an empty value left out", "one written")),
            found => Ok(found.unwrap_or_default()),
        }
    }

    /// At most `limit` bytes, whose presence says something even when they are empty.
    pub(crate) fn optional(
        &mut self,
        number: u64,
        name: &'static str,
        limit: usize,
    ) -> Result<Option<&'a [u8]>, VerifyError> {
        if self.enter(number, name, DELIMITED)? { self.delimited(name, limit).map(Some) } else { Ok(None) }
    }

    /// Exactly `N` bytes, never left out.
    pub(crate) fn fixed<const N: usize>(
        &mut self,
        number: u64,
        name: &'static str,
    ) -> Result<FixedBytes<N>, VerifyError> {
        fixed(name, self.bytes(number, name, N)?)
    }

    /// UTF-8 of at most `limit` bytes; empty when left out.
    pub(crate) fn text(&mut self, number: u64, name: &'static str, limit: usize) -> Result<&'a str, VerifyError> {
        let bytes = self.bytes(number, name, limit)?;
        std::str::from_utf8(bytes).map_err(|error| VerifyError::malformed(name, "UTF-8", error))
    }

    /// A message, never left out. Errors are within `name`.
    pub(crate) fn message<M: Message>(&mut self, number: u64, name: &'static str) -> Result<M, VerifyError> {
        let Some(bytes) = self.optional(number, name, usize::MAX)? else {
            return Err(VerifyError::malformed(name, "a message", "none"));
        };
        M::read(bytes).map_err(|error| error.within(name))
    }

    /// At most `count` byte strings of at most `limit` bytes each. Errors name `name[i]`.
    pub(crate) fn repeated(
        &mut self,
        number: u64,
        name: &'static str,
        count: usize,
        limit: usize,
    ) -> Result<Vec<&'a [u8]>, VerifyError> {
        let mut found = Vec::new();
        while self.enter(number, name, DELIMITED)? {
            if found.len() >= count {
                return Err(VerifyError::malformed(name, format!("at most {count}"), "more"));
            }
            found.push(self.delimited(name, limit).map_err(|error| at(name, found.len(), error))?);
        }
        Ok(found)
    }

    /// At most `count` strings of exactly `N` bytes. Errors name `name[i]`.
    pub(crate) fn repeated_fixed<const N: usize>(
        &mut self,
        number: u64,
        name: &'static str,
        count: usize,
    ) -> Result<Vec<FixedBytes<N>>, VerifyError> {
        let found = self.repeated(number, name, count, N)?;
        let each = found.into_iter().enumerate();
        each.map(|(index, bytes)| fixed(name, bytes).map_err(|error| at(name, index, error))).collect()
    }

    /// The number of the next field; `None` at the end.
    pub(crate) fn next_number(&self) -> Result<Option<u64>, VerifyError> {
        Ok(self.peek()?.map(|tag| tag.number))
    }

    /// Refuses whatever is left.
    pub(crate) fn end(self) -> Result<(), VerifyError> {
        match self.next_number()? {
            None => Ok(()),
            Some(number) => Err(self.out_of_place(number)),
        }
    }

    /// Moves behind the tag of field `number`, if it comes next.
    fn enter(&mut self, number: u64, name: &'static str, wire_type: u64) -> Result<bool, VerifyError> {
        let Some(tag) = self.peek()? else { return Ok(false) };
        if tag.number > number {
            return Ok(false);
        }
        if tag.number < number {
            return Err(self.out_of_place(tag.number));
        }
        if tag.wire_type != wire_type {
            return Err(VerifyError::malformed(name, format!("wire type {wire_type}"), tag.wire_type));
        }
        (self.rest, self.last) = (tag.rest, Some((number, name)));
        Ok(true)
    }

    /// The next field's tag.
    fn peek(&self) -> Result<Option<Tag<'a>>, VerifyError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (tag, rest) =
            varint(self.rest).map_err(|found| VerifyError::malformed(self.place(), "a field's tag", found))?;
        Ok(Some(Tag { number: tag >> 3, wire_type: tag & 7, rest }))
    }

    fn varint(&mut self, name: &str) -> Result<u64, VerifyError> {
        let (value, rest) = varint(self.rest)
            .map_err(|found| VerifyError::malformed(name, "an integer in its shortest form", found))?;
        self.rest = rest;
        Ok(value)
    }

    fn delimited(&mut self, name: &str, limit: usize) -> Result<&'a [u8], VerifyError> {
        let length = self.varint(name)?;
        let within = usize::try_from(length).ok().filter(|length| *length <= limit);
        let Some(length) = within else {
            return Err(VerifyError::malformed(name, format!("at most {limit} bytes"), length));
        };
        let Some((bytes, rest)) = self.rest.split_at_checked(length) else {
            return Err(VerifyError::malformed(name, format!("{length} bytes"), self.rest.len()));
        };
        self.rest = rest;
        Ok(bytes)
    }

    fn out_of_place(&self, number: u64) -> VerifyError {
        match self.last {
            Some((last, name)) if last == number => VerifyError::malformed(name, "it once", "it twice"),
            _ => {
                let expected = "fields of this version, in ascending order";
                VerifyError::malformed(format!("field {number}"), expected, format!("it {}", self.place()))
            }
        }
    }

    /// Where the reader stands.
    fn place(&self) -> String {
        self.last.map_or("at the start".to_owned(), |(_, name)| format!("after {name}"))
    }
}

fn fixed<const N: usize>(name: &str, bytes: &[u8]) -> Result<FixedBytes<N>, VerifyError> {
    let found: Result<[u8; N], _> = bytes.try_into();
    found.map(FixedBytes).map_err(|_| VerifyError::malformed(name, format!("{N} bytes"), bytes.len()))
}

/// An error of the element at `index` of a list.
pub(super) fn at(name: &str, index: usize, error: VerifyError) -> VerifyError {
    VerifyError { field: format!("{name}[{index}]"), ..error }
}

/// A varint of 64 bits in its shortest form, and what follows it; else what is wrong with it.
fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7f);
        let shift = u32::try_from(index).unwrap_or(u32::MAX).saturating_mul(7);
        if index == 9 && bits > 1 {
            return Err("more than 64 bits");
        }
        value |= bits.wrapping_shl(shift);
        if byte & 0x80 == 0 {
            if *byte == 0 && index > 0 {
                return Err("a superfluous byte");
            }
            return Ok((value, bytes.get(index.saturating_add(1)..).unwrap_or_default()));
        }
    }
    Err(if bytes.len() < 10 { "its end" } else { "more than ten bytes" })
}

#[cfg(test)]
mod tests {
    use super::super::Writer;
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Sample {
        number: u64,
        name: String,
        key: FixedBytes<4>,
        hint: Option<Vec<u8>>,
        list: Vec<Vec<u8>>,
    }

    impl Message for Sample {
        fn write(&self) -> Vec<u8> {
            let writer = Writer::default().uint(1, self.number).bytes(2, self.name.as_bytes());
            writer.bytes(3, self.key.as_slice()).each(4, &self.hint).each(9, &self.list).finish()
        }

        fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
            let mut fields = Reader::new(bytes);
            let sample = Self {
                number: fields.uint64(1, "number")?,
                name: fields.text(2, "name", 8)?.to_owned(),
                key: fields.fixed(3, "key")?,
                hint: fields.optional(4, "hint", 3)?.map(<[u8]>::to_vec),
                list: fields.repeated(9, "list", 3, 2)?.into_iter().map(<[u8]>::to_vec).collect(),
            };
            fields.end()?;
            Ok(sample)
        }
    }

    fn field(bytes: &[u8]) -> String {
        Sample::read(bytes).unwrap_err().field
    }

    #[test]
    fn what_is_written_is_read() {
        for number in [0, 1, 127, 128, 1 << 32, u64::MAX] {
            for hint in [None, Some(vec![]), Some(vec![1, 2])] {
                let list = vec![vec![], vec![7], vec![8, 9]];
                let sample = Sample { number, name: "näme".into(), key: [1, 2, 3, 4].into(), hint, list };
                assert_eq!(Sample::read(&sample.write()).unwrap(), sample);
            }
        }
    }

    #[test]
    fn every_other_encoding_is_refused_by_the_field_it_stands_in() {
        const KEY: [u8; 6] = [0x1a, 4, 1, 2, 3, 4];
        Sample::read(&KEY).unwrap();
        let before = |bytes: &[u8]| field(&[bytes, &KEY[..]].concat());
        let after = |bytes: &[u8]| field(&[&KEY[..], bytes].concat());
        assert_eq!(before(&[0x08, 0x80, 0x00]), "number", "a superfluous byte");
        assert_eq!(before(&[0x88, 0x00, 0x01]), "at the start", "a superfluous byte in the tag");
        assert_eq!(before(&[0x08, 0x00]), "number", "a zero written out");
        assert_eq!(before(&[0x08, 1, 0x08, 2]), "number", "twice");
        assert_eq!(before(&[0x0a, 1, 5]), "number", "another wire type");
        assert_eq!(before(&[0x12, 0]), "name", "an empty text written out");
        assert_eq!(before(&[0x12, 1, 0xff]), "name", "no UTF-8");
        assert_eq!(before(&[0x12, 9, 65, 65, 65, 65, 65, 65, 65, 65, 65]), "name", "too long");
        assert_eq!(before(&[0x00, 1]), "field 0", "no number");
        assert_eq!(field(&[]), "key", "left out");
        assert_eq!(field(&[0x1a, 3, 1, 2, 3]), "key", "too short");
        assert_eq!(field(&[0x1a, 5, 1, 2, 3, 4, 5]), "key", "too long");
        assert_eq!(after(&[0x1a, 4, 1, 2, 3, 4]), "key", "twice");
        assert_eq!(after(&[0x08, 1]), "field 1", "out of order");
        assert_eq!(after(&[0x2a, 0]), "field 5", "unknown");
        assert_eq!(after(&[0x52, 0]), "field 10", "unknown");
        assert_eq!(after(&[0x22, 4, 1, 2, 3, 4]), "hint", "too long");
        assert_eq!(after(&[0x22, 3, 1, 2]), "hint", "cut off");
        assert_eq!(after(&[0x22, 0, 0x22, 0]), "hint", "twice");
        assert_eq!(after(&[0x4a, 3, 1, 2, 3]), "list[0]", "too long");
        assert_eq!(after(&[0x4a, 0, 0x4a, 0, 0x4a, 0, 0x4a, 0]), "list", "too many");
        assert_eq!(after(&[0x4a, 0, 0x22, 0]), "field 4", "out of order");
        assert_eq!(after(&[0x4b]), "list", "a group");
        assert_eq!(after(&[0x80]), "after key", "half a tag");
        let overlong = [&[0x08][..], &[0xff; 9], &[0x02]].concat();
        assert_eq!(before(&overlong), "number", "65 bits");
        assert_eq!(before(&[&[0x08][..], &[0x80; 10], &[0x01]].concat()), "number", "eleven bytes");
        assert_eq!(after(&[0x22, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), "hint", "beyond memory");
    }
}

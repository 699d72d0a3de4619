//! Reads one message in its canonical form and in no other.
//!
//! The caller asks for the fields in ascending order. What is there but was not asked for, stands out of order, twice,
//! with another wire type, with its default value written out or in more bytes than it needs is refused. Lengths and
//! counts are checked against the caller's limits before anything is copied.

use alloy_primitives::{Bytes, FixedBytes};

use super::varint::shortest_varint;
use crate::VerifyError;

/// Wire types of the protobuf encoding that are read here.
const VARINT: u64 = 0;
const DELIMITED: u64 = 2;

/// The limit of a field whose message has one: it may be as long as that.
pub(crate) const WHOLE: usize = usize::MAX;

/// A message of the evidence format.
pub(crate) trait Message: Sized {
    /// Its canonical bytes.
    fn write(&self) -> Vec<u8>;

    /// The message, if `bytes` are its canonical bytes. Errors name the field.
    fn read(bytes: &[u8]) -> Result<Self, VerifyError>;
}

/// The fields of one message that were not read yet.
pub(crate) struct Reader<'a> {
    /// What refusals put before a field's name; empty for nothing.
    message: &'static str,
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
        Self::of("", bytes)
    }

    /// Of the bytes of `message`, whose name stands before those of its fields.
    pub(crate) fn of(message: &'static str, bytes: &'a [u8]) -> Self {
        Self { message, rest: bytes, last: None }
    }

    /// As [`Self::of`], of at most `limit` bytes.
    pub(crate) fn bounded(message: &'static str, bytes: &'a [u8], limit: usize) -> Result<Self, VerifyError> {
        if bytes.len() > limit {
            return Err(VerifyError::malformed(message, format!("at most {limit} bytes"), bytes.len()));
        }
        Ok(Self::of(message, bytes))
    }

    /// An integer of at most `max`; zero when left out.
    #[inline]
    pub(crate) fn uint(&mut self, number: u64, name: &'static str, max: u64) -> Result<u64, VerifyError> {
        if !self.enter(number, name, VARINT)? {
            return Ok(0);
        }
        match self.varint(name)? {
            0 => Err(self.malformed(name, "a zero left out", "one written")),
            value if value > max => Err(self.malformed(name, format!("at most {max}"), value)),
            value => Ok(value),
        }
    }

    /// A `uint64`.
    #[inline]
    pub(crate) fn uint64(&mut self, number: u64, name: &'static str) -> Result<u64, VerifyError> {
        self.uint(number, name, u64::MAX)
    }

    /// An `optional uint64`, whose presence says something even when it is zero.
    pub(crate) fn optional_uint64(&mut self, number: u64, name: &'static str) -> Result<Option<u64>, VerifyError> {
        if self.enter(number, name, VARINT)? { self.varint(name).map(Some) } else { Ok(None) }
    }

    /// A `uint32`.
    pub(crate) fn uint32(&mut self, number: u64, name: &'static str) -> Result<u32, VerifyError> {
        let value = self.uint(number, name, u32::MAX.into())?;
        u32::try_from(value).map_err(|_| self.malformed(name, "32 bits", value))
    }

    /// An `int64`, in two's complement (not zigzag).
    #[inline]
    pub(crate) fn int64(&mut self, number: u64, name: &'static str) -> Result<i64, VerifyError> {
        self.uint64(number, name).map(u64::cast_signed)
    }

    /// An `int64` that must not be negative.
    pub(crate) fn unsigned_int64(&mut self, number: u64, name: &'static str) -> Result<u64, VerifyError> {
        let value = self.int64(number, name)?;
        u64::try_from(value).map_err(|_| self.malformed(name, "zero or more", value))
    }

    /// An `int32` or an enumeration that must not be negative.
    #[inline]
    pub(crate) fn unsigned_int32(&mut self, number: u64, name: &'static str) -> Result<u32, VerifyError> {
        let value = self.int64(number, name)?;
        let in_range = i32::try_from(value).ok().and_then(|value| u32::try_from(value).ok());
        in_range.ok_or_else(|| self.malformed(name, "0 to 2^31 - 1", value))
    }

    /// At most `limit` bytes; empty when left out.
    #[inline]
    pub(crate) fn bytes(&mut self, number: u64, name: &'static str, limit: usize) -> Result<&'a [u8], VerifyError> {
        match self.optional(number, name, limit)? {
            Some([]) => Err(self.malformed(name, "an empty value left out", "one written")),
            found => Ok(found.unwrap_or_default()),
        }
    }

    /// At most `limit` bytes, whose presence says something even when they are empty.
    #[inline]
    pub(crate) fn optional(
        &mut self,
        number: u64,
        name: &'static str,
        limit: usize,
    ) -> Result<Option<&'a [u8]>, VerifyError> {
        if self.enter(number, name, DELIMITED)? { self.delimited(name, limit).map(Some) } else { Ok(None) }
    }

    /// The bytes of a message or of a choice's content, never left out; may be empty.
    pub(crate) fn required(&mut self, number: u64, name: &'static str) -> Result<&'a [u8], VerifyError> {
        match self.optional(number, name, WHOLE)? {
            Some(bytes) => Ok(bytes),
            None => Err(self.malformed(name, "a message", "none")),
        }
    }

    /// Exactly `N` bytes, never left out.
    pub(crate) fn fixed<const N: usize>(
        &mut self,
        number: u64,
        name: &'static str,
    ) -> Result<FixedBytes<N>, VerifyError> {
        let bytes = self.bytes(number, name, N)?;
        fixed(bytes).map_err(|found| self.malformed(name, format!("{N} bytes"), found))
    }

    /// Exactly `N` bytes, or nothing when left out.
    pub(crate) fn optional_fixed<const N: usize>(
        &mut self,
        number: u64,
        name: &'static str,
    ) -> Result<Option<FixedBytes<N>>, VerifyError> {
        let found = self.optional(number, name, N)?;
        found.map(fixed).transpose().map_err(|found| self.malformed(name, format!("{N} bytes"), found))
    }

    /// UTF-8 of at most `limit` bytes; empty when left out.
    pub(crate) fn text(&mut self, number: u64, name: &'static str, limit: usize) -> Result<&'a str, VerifyError> {
        let bytes = self.bytes(number, name, limit)?;
        std::str::from_utf8(bytes).map_err(|error| self.malformed(name, "UTF-8", error))
    }

    /// A message, never left out. Errors are within `name`.
    pub(crate) fn message<M: Message>(&mut self, number: u64, name: &'static str) -> Result<M, VerifyError> {
        M::read(self.required(number, name)?).map_err(|error| error.within(name))
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
                return Err(self.malformed(name, format!("at most {count}"), "more"));
            }
            found.push(self.delimited(name, limit).map_err(|error| element(found.len(), error))?);
        }
        Ok(found)
    }

    /// As [`Self::repeated`], copied.
    pub(crate) fn copied(
        &mut self,
        number: u64,
        name: &'static str,
        count: usize,
        limit: usize,
    ) -> Result<Vec<Bytes>, VerifyError> {
        Ok(self.repeated(number, name, count, limit)?.into_iter().map(Bytes::copy_from_slice).collect())
    }

    /// At most `count` messages of at most `limit` bytes each. Errors are within `name[i]`.
    pub(crate) fn messages<M: Message>(
        &mut self,
        number: u64,
        name: &'static str,
        count: usize,
        limit: usize,
    ) -> Result<Vec<M>, VerifyError> {
        let found = self.repeated(number, name, count, limit)?.into_iter().enumerate();
        found.map(|(index, bytes)| M::read(bytes).map_err(|error| error.within(&format!("{name}[{index}]")))).collect()
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
        each.map(|(index, bytes)| {
            let refused = |found: usize| element(index, self.malformed(name, format!("{N} bytes"), found));
            fixed(bytes).map_err(refused)
        })
        .collect()
    }

    /// The number of the next field; `None` at the end.
    pub(crate) fn next_number(&self) -> Result<Option<u64>, VerifyError> {
        Ok(self.peek()?.map(|tag| tag.number))
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Refuses whatever is left.
    #[inline]
    pub(crate) fn end(self) -> Result<(), VerifyError> {
        match self.next_number()? {
            None => Ok(()),
            Some(number) => Err(self.out_of_place(number)),
        }
    }

    /// Moves behind the tag of field `number`, if it comes next.
    #[inline]
    fn enter(&mut self, number: u64, name: &'static str, wire_type: u64) -> Result<bool, VerifyError> {
        let Some(tag) = self.peek()? else { return Ok(false) };
        if tag.number > number {
            return Ok(false);
        }
        if tag.number < number {
            return Err(self.out_of_place(tag.number));
        }
        if tag.wire_type != wire_type {
            return Err(self.malformed(name, format!("wire type {wire_type}"), tag.wire_type));
        }
        (self.rest, self.last) = (tag.rest, Some((number, name)));
        Ok(true)
    }

    /// The next field's tag.
    #[inline]
    fn peek(&self) -> Result<Option<Tag<'a>>, VerifyError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (tag, rest) =
            shortest_varint(self.rest).map_err(|found| self.misplaced(self.place(), "a field's tag", found))?;
        Ok(Some(Tag { number: tag >> 3, wire_type: tag & 7, rest }))
    }

    #[inline]
    fn varint(&mut self, name: &str) -> Result<u64, VerifyError> {
        let (value, rest) = shortest_varint(self.rest)
            .map_err(|found| self.malformed(name, "an integer in its shortest form", found))?;
        self.rest = rest;
        Ok(value)
    }

    #[inline]
    fn delimited(&mut self, name: &str, limit: usize) -> Result<&'a [u8], VerifyError> {
        let length = self.varint(name)?;
        let within = usize::try_from(length).ok().filter(|length| *length <= limit);
        let Some(length) = within else {
            return Err(self.malformed(name, format!("at most {limit} bytes"), length));
        };
        let Some((bytes, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.malformed(name, format!("{length} bytes"), self.rest.len()));
        };
        self.rest = rest;
        Ok(bytes)
    }

    /// The refusal of a field that was not asked for.
    #[cold]
    fn out_of_place(&self, number: u64) -> VerifyError {
        match self.last {
            Some((last, name)) if last == number => self.malformed(name, "it once", "it twice"),
            _ => {
                let expected = "fields of this version, in ascending order";
                let found = format!("field {number} {}", self.place());
                self.misplaced(format!("field {number}"), expected, found)
            }
        }
    }

    /// Where the reader stands.
    #[cold]
    fn place(&self) -> String {
        self.last.map_or("at the start".to_owned(), |(_, name)| format!("after {name}"))
    }

    #[cold]
    fn malformed(&self, name: &str, expected: impl ToString, found: impl ToString) -> VerifyError {
        match self.message {
            "" => VerifyError::malformed(name, expected, found),
            message => VerifyError::malformed(format!("{message}.{name}"), expected, found),
        }
    }

    /// A refusal of something that is no field of the message: named by the message, or by `place` if that has no name.
    #[cold]
    fn misplaced(&self, place: String, expected: &str, found: impl ToString) -> VerifyError {
        match self.message {
            "" => VerifyError::malformed(place, expected, found),
            message => VerifyError::malformed(message, expected, found),
        }
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<FixedBytes<N>, usize> {
    let found: Result<[u8; N], _> = bytes.try_into();
    found.map(FixedBytes).map_err(|_| bytes.len())
}

/// An error of a list, when it is of its element at `index`.
fn element(index: usize, error: VerifyError) -> VerifyError {
    VerifyError { field: format!("{}[{index}]", error.field), ..error }
}

/// The numbers of a packed repeated `int32` field, none negative, at most `limit`.
pub(crate) fn packed_indices(name: &'static str, bytes: &[u8], limit: usize) -> Result<Vec<usize>, VerifyError> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        if found.len() >= limit {
            return Err(VerifyError::malformed(name, format!("at most {limit}"), "more"));
        }
        let (number, after) = shortest_varint(rest)
            .map_err(|found| VerifyError::malformed(name, "integers in their shortest form", found))?;
        let index = i32::try_from(number).ok().and_then(|number| usize::try_from(number).ok());
        found.push(index.ok_or_else(|| VerifyError::malformed(name, "0 to 2^31 - 1", number))?);
        rest = after;
    }
    Ok(found)
}

use alloy_primitives::FixedBytes;

use super::*;
use crate::VerifyError;

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

fn numbers(bytes: &[u8]) -> Result<(u64, u64), VerifyError> {
    let mut fields = Reader::of("message", bytes);
    let found = (fields.uint64(1, "number")?, fields.uint64(17, "number")?);
    fields.end()?;
    Ok(found)
}

#[test]
fn numbers_of_every_length_and_sign_are_read_as_written() {
    for value in [1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
        let bytes = Writer::new().uint(1, value).uint(2, 0_u64).uint(17, value).finish();
        assert_eq!(numbers(&bytes).unwrap(), (value, value));
    }
    let bytes = Writer::new().int64(1, -5).bytes(3, b"x").message(4, b"").finish();
    let mut fields = Reader::of("message", &bytes);
    assert_eq!(fields.int64(1, "a").unwrap(), -5);
    assert_eq!(fields.bytes(3, "c", 1).unwrap(), b"x");
    assert_eq!(fields.required(4, "d").unwrap(), b"");
    fields.end().unwrap();
    assert_eq!(Reader::of("message", &bytes).unsigned_int64(1, "a").unwrap_err().field, "message.a");
    assert_eq!(Reader::of("message", &bytes).unsigned_int32(1, "a").unwrap_err().field, "message.a");
}

#[test]
fn alternative_encodings_are_refused() {
    let refused: [&[u8]; 13] = [
        &[0x08, 0x80, 0x00],             // a varint with a superfluous byte
        &[0x88, 0x00, 0x01],             // a tag with a superfluous byte
        &[0x08, 0x00],                   // a default value written
        &[0x10, 0x01, 0x08, 0x01],       // fields out of order
        &[0x08, 0x01, 0x08, 0x02],       // a singular field twice
        &[0x00, 0x01],                   // field number zero
        &[0x0d, 0x01, 0x00, 0x00, 0x00], // four bytes: no message here has them
        &[0x09, 1, 0, 0, 0, 0, 0, 0, 0], // nor eight
        &[0x0b, 0x0c],                   // a group
        &[0x0a, 0x05, 0x01],             // fewer bytes than announced
        &[0x08],                         // no value
        &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], // 65 bits
        &[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    ];
    for bytes in refused {
        let field = numbers(bytes).unwrap_err().field;
        assert!(field.starts_with("message"), "{bytes:02x?}: {field}");
    }
}

#[test]
fn a_named_message_is_named_in_every_refusal() {
    let list = Writer::new().each(1, [&b"ab"[..], b"abc"]).finish();
    let error = Reader::of("message", &list).repeated(1, "list", 2, 2).unwrap_err();
    assert_eq!(error.field, "message.list[1]");
    let error = Reader::of("message", &list).repeated_fixed::<2>(1, "list", 1).unwrap_err();
    assert_eq!((error.field.as_str(), error.found.as_str()), ("message.list", "more"));
    let error = Reader::of("message", &list).end().unwrap_err();
    assert_eq!((error.field.as_str(), error.found.as_str()), ("message", "field 1 at the start"));
    assert_eq!(Reader::bounded("message", &list, 8).err().unwrap().field, "message");
    assert_eq!(Reader::of("message", &[]).required(1, "header").unwrap_err().field, "message.header");
}

#[test]
fn packed_numbers_are_bounded() {
    assert_eq!(packed_indices("path", &[0, 1, 0x80, 1], 3).unwrap(), [0, 1, 128]);
    assert!(packed_indices("path", &[0, 1, 2], 2).is_err());
    assert!(packed_indices("path", &[0x80, 0], 2).is_err());
    let negative = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert!(packed_indices("path", &negative, 2).is_err());
}

#[test]
fn what_is_hashed_as_it_stands_is_read_with_superfluous_bytes() {
    assert_eq!(read_varint(&[0x85, 0x00, 7]), Some((5, &[7][..])));
    assert_eq!(read_varint(&[0x85]), None);
    assert_eq!(read_varint(&[0xff; 11]), None);
}

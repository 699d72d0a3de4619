use super::*;

fn numbers(bytes: &[u8]) -> Result<Vec<(u32, u64)>, crate::VerifyError> {
    let mut fields = Fields::new("message", bytes);
    let mut found = Vec::new();
    while let Some(field) = fields.next()? {
        found.push((field.number, field.uint64("number")?));
    }
    Ok(found)
}

#[test]
fn what_is_written_is_read() {
    let values = [1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
    for value in values {
        let bytes = Writer::new().uint64(1, value).uint64(2, 0).uint64(17, value).finish();
        assert_eq!(numbers(&bytes).unwrap(), [(1, value), (17, value)]);
    }
    let bytes = Writer::new().int64(1, -5).bytes(3, b"x").message(4, b"").finish();
    let mut fields = Fields::new("message", &bytes);
    assert_eq!(fields.next().unwrap().unwrap().int64("a").unwrap(), -5);
    assert_eq!(fields.next().unwrap().unwrap().bytes("c").unwrap(), b"x");
    assert_eq!(fields.next().unwrap().unwrap().message("d").unwrap(), b"");
    assert!(fields.next().unwrap().is_none());
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
        assert!(numbers(bytes).is_err(), "{bytes:02x?}");
    }
}

#[test]
fn packed_numbers_are_bounded() {
    assert_eq!(packed_indices("path", &[0, 1, 0x80, 1], 3).unwrap(), [0, 1, 128]);
    assert!(packed_indices("path", &[0, 1, 2], 2).is_err());
    let negative = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert!(packed_indices("path", &negative, 2).is_err());
}

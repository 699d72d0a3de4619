//! What is in a file that is of no kind by itself: packed, written as text, or a list of cases.

use std::io::Read;

use serde_json::Value;

/// Most bytes that are unpacked.
const LIMIT: u64 = 64 << 20;

/// Other forms of what is in a file: unpacked, or the bytes that its text is the hex or base64 of.
pub fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let read = |reader: &mut dyn Read| {
        let mut out = Vec::new();
        reader.take(LIMIT).read_to_end(&mut out).ok().map(|_| out)
    };
    let text = std::str::from_utf8(bytes).ok().map(|text| text.split_whitespace().collect::<String>());
    let found = match bytes {
        [0x1f, 0x8b, ..] => read(&mut flate2::read::GzDecoder::new(bytes)),
        [b'B', b'Z', b'h', ..] => read(&mut bzip2::read::BzDecoder::new(bytes)),
        [0xff, 6, 0, 0, b's', b'N', ..] => read(&mut snap::read::FrameDecoder::new(bytes)),
        _ => match &text {
            Some(text) => hex::decode(text.trim_start_matches("0x")).ok().or_else(|| base64(text)),
            None => match snap::raw::decompress_len(bytes) {
                Ok(length) if length as u64 <= LIMIT => snap::raw::Decoder::new().decompress_vec(bytes).ok(),
                _ => None,
            },
        },
    };
    found.into_iter().filter(|found| !found.is_empty()).collect()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').bytes().map(|letter| LETTERS.iter().position(|known| *known == letter));
    let digits: Vec<usize> = digits.collect::<Option<_>>()?;
    let group = |group: &[usize]| {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        (bits as u32).to_be_bytes()[1..group.len()].to_vec()
    };
    Some(digits.chunks(4).flat_map(group).collect())
}

/// The members of a list, or of the lists of an object such as `test_cases`, and the lines of JSON.
pub fn items(bytes: &[u8]) -> Vec<Vec<u8>> {
    let objects = |list: &Value| list.as_array().filter(|items| items.iter().all(Value::is_object)).cloned();
    let found = match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => members.values().filter_map(objects).flatten().collect(),
        Ok(list) => objects(&list).unwrap_or_default(),
        Err(_) => {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            let lines = text.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>();
            lines.unwrap_or_default().into_iter().filter(Value::is_object).collect()
        }
    };
    found.iter().map(|item| item.to_string().into_bytes()).collect()
}

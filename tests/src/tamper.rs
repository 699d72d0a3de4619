//! Tampering with every leaf of a document, one at a time: of JSON here, of protobuf in [`protobuf`].

pub mod protobuf;

use serde_json::Value;

/// Paths of every leaf below `value`, as `prefix.name.0.name`.
pub fn leaves(value: &Value, prefix: &str) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            fields.iter().flat_map(|(name, value)| leaves(value, &format!("{prefix}.{name}"))).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, value)| leaves(value, &format!("{prefix}.{index}"))).collect()
        }
        _ => vec![prefix.to_owned()],
    }
}

/// A copy of `document` whose leaf at `path` says something else of the same kind.
pub fn tamper(document: &Value, path: &str) -> Value {
    let mut changed = document.clone();
    let pointer = format!("/{}", path.replace('.', "/"));
    if let Some(leaf) = changed.pointer_mut(&pointer) {
        *leaf = other(leaf);
    }
    changed
}

fn other(leaf: &Value) -> Value {
    match leaf {
        Value::Number(number) => Value::from(number.as_u64().unwrap_or_default() ^ 1),
        Value::Bool(flag) => Value::from(!flag),
        Value::String(text) => Value::from(flipped(text)),
        _ => Value::from("0x00"),
    }
}

/// The text with a character in its second half changed to another of the same alphabet.
fn flipped(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let from = bytes.len() / 2;
    let last = bytes.iter_mut().skip(from).find(|byte| byte.is_ascii_hexdigit());
    match last {
        Some(byte) => *byte = if *byte == b'1' { b'2' } else { b'1' },
        None => bytes.push(b'1'),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

//! Tampering with every field of a protobuf message, by its definition alone.

use anyhow::{Context, Result, ensure};
use protox::prost::Message;
use protox::prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use spandrel_verifiers::wire::PROTO;

use super::flipped;

/// Message `name` of the evidence format.
///
/// # Errors
/// When the definitions do not compile or have no such message.
pub fn definition(name: &str) -> Result<MessageDescriptor> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("evidence.proto");
    std::fs::write(&file, PROTO)?;
    let files = protox::compile([&file], [folder.path()])?;
    let pool = DescriptorPool::from_file_descriptor_set(files)?;
    pool.get_message_by_name(&format!("spandrel.evidence.v1.{name}")).context("a message of the format")
}

/// `bytes` once for each field that is set in them, with that field saying something else; and the field's path, as
/// `name.0.name`.
///
/// # Errors
/// When `bytes` are not that message.
pub fn tampered(definition: &MessageDescriptor, bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let message = DynamicMessage::decode(definition.clone(), bytes)?;
    ensure!(message.encode_to_vec() == bytes, "a standard implementation writes other bytes");
    let changed = changes(&message).into_iter();
    Ok(changed.map(|(path, message)| (path.join("."), message.encode_to_vec())).collect())
}

fn changes(message: &DynamicMessage) -> Vec<(Vec<String>, DynamicMessage)> {
    let mut changed = Vec::new();
    for (field, value) in message.fields() {
        for (mut path, value) in others(value) {
            path.insert(0, field.name().to_owned());
            let mut message = message.clone();
            message.set_field(&field, value);
            changed.push((path, message));
        }
    }
    changed
}

/// Everything that `value` may say instead by one change in it, and the path to the change.
fn others(value: &Value) -> Vec<(Vec<String>, Value)> {
    let here = |value| vec![(Vec::new(), value)];
    match value {
        Value::Message(message) => {
            changes(message).into_iter().map(|(path, message)| (path, Value::Message(message))).collect()
        }
        Value::List(items) => {
            let at = |index: usize| {
                others(&items[index]).into_iter().map(move |(mut path, item)| {
                    path.insert(0, index.to_string());
                    let mut items = items.clone();
                    items[index] = item;
                    (path, Value::List(items))
                })
            };
            (0..items.len()).flat_map(at).collect()
        }
        Value::U32(number) => here(Value::U32(number ^ 1)),
        Value::U64(number) => here(Value::U64(number ^ 1)),
        Value::EnumNumber(number) => here(Value::EnumNumber(number ^ 1)),
        Value::Bool(flag) => here(Value::Bool(!flag)),
        Value::String(text) => here(Value::String(flipped(text))),
        Value::Bytes(bytes) => {
            let mut bytes = bytes.to_vec();
            let middle = bytes.len() / 2;
            bytes.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 1);
            here(Value::Bytes(bytes.into()))
        }
        _ => Vec::new(),
    }
}

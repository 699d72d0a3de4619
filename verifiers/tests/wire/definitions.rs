//! The committed definitions and the code say the same: a standard protobuf implementation that knows only the `.proto`
//! reads what we write, finds every field under its JSON name, and writes the same bytes.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use protox::prost::Message;
use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage, Value,
};
use serde_json::Value as Json;
use spandrel_verifiers::wire::PROTO;

use crate::arbitrary;

fn definitions() -> DescriptorPool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire");
    let files = protox::compile([folder.join("evidence.proto")], [&folder]).unwrap();
    DescriptorPool::from_file_descriptor_set(files).unwrap()
}

pub fn message(name: &str) -> MessageDescriptor {
    definitions().get_message_by_name(&format!("spandrel.evidence.v1.{name}")).unwrap()
}

/// No field of `message`, nor of any message in it, is unknown to the definitions.
pub fn assert_known(message: &DynamicMessage) {
    assert_eq!(message.unknown_fields().count(), 0, "{}", message.descriptor().full_name());
    for (_, value) in message.fields() {
        match value {
            Value::Message(inner) => assert_known(inner),
            Value::List(items) => items.iter().filter_map(Value::as_message).for_each(assert_known),
            _ => {}
        }
    }
}

/// The fields of `message` are those of `json`, all the way down.
pub fn assert_same_names(message: &MessageDescriptor, json: &Json) {
    let Json::Object(object) = json else { panic!("{}: {json}", message.full_name()) };
    let is_chosen = |field: &FieldDescriptor| {
        let is_choice = field.containing_oneof().is_some_and(|choice| !choice.is_synthetic());
        !is_choice || object.contains_key(field.name())
    };
    let fields: Vec<_> = message.fields().filter(is_chosen).collect();
    let defined: BTreeSet<_> = fields.iter().map(|field| field.name().to_owned()).collect();
    let printed: BTreeSet<_> = object.keys().cloned().collect();
    assert_eq!(defined, printed, "{}", message.full_name());
    for field in fields {
        if let Some(inner) = field.kind().as_message() {
            match &object[field.name()] {
                // Left out.
                Json::Null => {}
                Json::Array(items) => items.iter().for_each(|item| assert_same_names(inner, item)),
                item => assert_same_names(inner, item),
            }
        }
    }
}

#[test]
fn a_standard_implementation_reads_and_writes_the_same_bytes() {
    let definition = message("Evidence");
    TestRunner::default()
        .run(&arbitrary::evidence(), |evidence| {
            let bytes = evidence.to_bytes();
            let read = DynamicMessage::decode(definition.clone(), bytes.as_slice()).unwrap();
            assert_known(&read);
            prop_assert_eq!(read.encode_to_vec(), bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_fields_are_those_of_the_json_form() {
    let definition = message("Evidence");
    let chains: Vec<_> = definition.oneofs().next().unwrap().fields().collect();
    let mut seen = BTreeSet::new();
    TestRunner::default()
        .run(&arbitrary::evidence(), |evidence| {
            let json = serde_json::to_value(&evidence).unwrap();
            let field = chains.iter().find(|field| field.name() == evidence.kind()).unwrap();
            assert_same_names(field.kind().as_message().unwrap(), &json[evidence.kind()]);
            Ok(())
        })
        .unwrap();
    let strategy = arbitrary::evidence();
    let mut runner = TestRunner::deterministic();
    for _ in 0..100 {
        let evidence = strategy.new_tree(&mut runner).unwrap().current();
        seen.insert(evidence.kind());
    }
    assert_eq!(seen.len(), chains.len(), "every chain was tried");
}

/// How many messages stand in one another at most, itself counted.
fn depth(message: &MessageDescriptor) -> usize {
    let inner = message.fields().filter_map(|field| field.kind().as_message().map(depth));
    1 + inner.max().unwrap_or_default()
}

/// A message that held itself would have no depth: this would not return.
#[test]
fn messages_are_nested_as_deep_as_the_definitions_say() {
    assert_eq!((depth(&message("Evidence")), depth(&message("EvidenceFile"))), (6, 10));
    let read = |path: &str| std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    for (path, text) in [("PROTO", PROTO.to_owned()), ("docs/evidence.md", read("../docs/evidence.md"))] {
        let words = text.replace("//", " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("six messages deep, an EvidenceFile ten"), "{path}");
    }
}

#[test]
fn lanes_have_the_numbers_of_the_deposit_id() {
    let lanes = definitions().get_enum_by_name("spandrel.evidence.v1.LanePreference").unwrap();
    let numbers: Vec<_> = lanes.values().map(|value| (value.number(), value.name().to_owned())).collect();
    let named = |number, name: &str| (number, format!("LANE_PREFERENCE_{name}"));
    assert_eq!(numbers, [named(0, "ANY"), named(1, "FAST"), named(2, "LIGHT_CLIENT")]);
}

#[test]
fn the_definitions_that_are_shipped_are_the_committed_ones() {
    let committed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire/evidence.proto"));
    assert_eq!(committed.unwrap(), PROTO);
}

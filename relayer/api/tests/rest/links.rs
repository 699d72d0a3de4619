//! What the document says of requests that follow from each other leads somewhere.

use std::collections::BTreeMap;

use serde_json::Value;

/// The operations of the committed document, by their ids.
fn operations() -> BTreeMap<String, Value> {
    let document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap();
    let mut operations = BTreeMap::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(operations.insert(id.clone(), operation.clone()).is_none(), "{id}: two operations have this id");
        }
    }
    operations
}

/// Links name operations by their ids: each is one operation's alone.
#[test]
fn every_link_leads_to_an_operation_that_takes_what_it_names() {
    let operations = operations();
    let mut followed = Vec::new();
    for (id, operation) in &operations {
        for answer in operation["responses"].as_object().unwrap().values() {
            for link in answer["links"].as_object().into_iter().flat_map(|links| links.values()) {
                let to = link["operationId"].as_str().unwrap();
                let target = operations.get(to).unwrap_or_else(|| panic!("{id}: no operation {to}"));
                let has = |name: &str| target["parameters"].as_array().unwrap().iter().any(|told| told["name"] == name);
                let named: Vec<_> = link["parameters"].as_object().into_iter().flat_map(|named| named.keys()).collect();
                assert!(named.iter().all(|name| has(name)), "{id} to {to}: {named:?}");
                assert!(!named.is_empty() || link["requestBody"].is_object(), "{id} to {to}: names nothing");
                followed.push((id.as_str(), to));
            }
        }
    }
    for chain in
        [("quote", "create"), ("create", "show"), ("create", "cancel"), ("register", "remove"), ("list", "list")]
    {
        assert!(followed.contains(&chain), "{chain:?}: {followed:?}");
    }
}

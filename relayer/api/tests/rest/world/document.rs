//! Whether an answer is what the committed document says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use jsonschema::Validator;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Method and path, as the document writes them.
pub type Operation = (String, String);

struct Document {
    /// By operation and status; `None` where an answer has no body in JSON.
    answers: BTreeMap<(Operation, u16), Option<Validator>>,
    checked: Mutex<BTreeSet<Operation>>,
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
    let mut components = document["components"].clone();
    close(&mut components);
    let mut answers = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let validator = answer["content"].get("application/json").map(|content| {
                    let schema = json!({ "allOf": [content["schema"]], "components": components });
                    jsonschema::validator_for(&schema).unwrap()
                });
                let operation = (method.to_uppercase(), path.clone());
                answers.insert((operation, status.parse().unwrap()), validator);
            }
        }
    }
    Document { answers, checked: Mutex::default() }
});

/// Members that the document does not tell are not there.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Every operation that there is.
pub fn operations() -> BTreeSet<Operation> {
    DOCUMENT.answers.keys().map(|(operation, _)| operation.clone()).collect()
}

/// Those of which a success was checked.
pub fn checked() -> BTreeSet<Operation> {
    DOCUMENT.checked.lock().unwrap().clone()
}

/// Fails where a success is none of those that the document tells. Of what is not of the API it says nothing.
pub fn check(method: Option<&Method>, path: &str, status: StatusCode, body: &Value) {
    if !path.starts_with("/v1/") {
        return;
    }
    let is_asked = |(told, pattern): &Operation| {
        let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
        let is_path = pattern.len() == path.len()
            && pattern.iter().zip(path).all(|(part, found)| part.starts_with('{') || *part == found);
        is_path && method.is_none_or(|method| method.as_str() == told)
    };
    let told: Vec<_> =
        DOCUMENT.answers.iter().filter(|((operation, of), _)| *of == status.as_u16() && is_asked(operation)).collect();
    assert!(!told.is_empty(), "{method:?} {path}: the document tells of no {status}");
    let mut wrong = Vec::new();
    for ((operation, _), validator) in told {
        let errors: Vec<String> = validator
            .iter()
            .flat_map(|validator| validator.iter_errors(body))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if errors.is_empty() {
            DOCUMENT.checked.lock().unwrap().insert(operation.clone());
            return;
        }
        wrong.push((operation, errors));
    }
    panic!("{path}: {wrong:?}: {body}");
}

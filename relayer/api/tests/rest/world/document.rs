//! Whether an answer is what the committed document says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex};

use jsonschema::Validator;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Method and path, as the document writes them.
pub type Operation = (String, String);

struct Document {
    /// By operation and status.
    answers: BTreeMap<(Operation, u16), Answer>,
    checked: Mutex<BTreeSet<Operation>>,
}

struct Answer {
    /// `None` where it has no body in JSON.
    body: Option<Validator>,
    headers: Vec<Header>,
}

struct Header {
    name: String,
    is_required: bool,
    value: Validator,
}

impl Answer {
    /// What is not as it was told.
    fn errors(&self, headers: &HeaderMap, body: &Value) -> Vec<String> {
        let of_body = self.body.iter().flat_map(|validator| validator.iter_errors(body));
        let mut errors: Vec<_> = of_body.map(|error| format!("{}: {error}", error.instance_path())).collect();
        for Header { name, is_required, value } in &self.headers {
            match headers.get(name).map(|sent| sent.to_str().unwrap()) {
                Some(sent) if !readings(sent).iter().any(|sent| value.is_valid(sent)) => {
                    errors.push(format!("{name}: {sent}"))
                }
                None if *is_required => errors.push(format!("{name}: expected, found none")),
                _ => {}
            }
        }
        errors
    }
}

/// What a header's value may be to its schema: a text, or a number or truth.
fn readings(sent: &str) -> Vec<Value> {
    let value = serde_json::from_str(sent).ok().filter(|value: &Value| value.is_u64() || value.is_boolean());
    value.into_iter().chain([sent.into()]).collect()
}

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
    let mut components = document["components"].clone();
    close(&mut components);
    let mut answers = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let body = answer["content"].get("application/json").map(|content| {
                    let schema = json!({ "allOf": [content["schema"]], "components": components });
                    jsonschema::validator_for(&schema).unwrap()
                });
                let headers = answer["headers"].as_object().unwrap().iter().map(|(name, header)| {
                    let header = document.pointer(header["$ref"].as_str().unwrap().trim_start_matches('#')).unwrap();
                    let value = jsonschema::validator_for(&header["schema"]).unwrap();
                    Header { name: name.clone(), is_required: header["required"] == true, value }
                });
                let answer = Answer { body, headers: headers.collect() };
                let operation = (method.to_uppercase(), path.clone());
                answers.insert((operation, status.parse().unwrap()), answer);
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

/// Every answer that is told: operation, status, and the headers that it is to have.
pub fn answers() -> Vec<(Operation, u16, Vec<String>)> {
    let required = |answer: &Answer| {
        let required = answer.headers.iter().filter(|header| header.is_required);
        required.map(|header| header.name.clone()).collect()
    };
    let told = DOCUMENT.answers.iter();
    told.map(|((operation, status), answer)| (operation.clone(), *status, required(answer))).collect()
}

/// Fails where an answer is none of those that the document tells, its headers included. Refusals of which it says nothing may
/// be, and of what is not of the API neither does this.
pub fn check(method: Option<&Method>, path: &str, status: StatusCode, headers: &HeaderMap, body: &Value) {
    let is_asked =
        |(told, pattern): &Operation| is_path(pattern, path) && method.is_none_or(|method| method.as_str() == told);
    let told: Vec<_> =
        DOCUMENT.answers.iter().filter(|((operation, of), _)| *of == status.as_u16() && is_asked(operation)).collect();
    let is_of_the_api = path.starts_with("/v1/") || operations().iter().any(|(_, pattern)| is_path(pattern, path));
    if told.is_empty() && !(status.is_success() && is_of_the_api) {
        return;
    }
    assert!(!told.is_empty(), "{method:?} {path}: the document tells of no {status}");
    let mut wrong = Vec::new();
    for ((operation, _), answer) in told {
        let errors = answer.errors(headers, body);
        if errors.is_empty() {
            if status.is_success() {
                DOCUMENT.checked.lock().unwrap().insert(operation.clone());
            }
            return;
        }
        wrong.push((operation, errors));
    }
    panic!("{path}: {status}: {wrong:?}: {body}");
}

/// Whether `path` is one of those that `pattern` names.
fn is_path(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len() && pattern.iter().zip(path).all(|(part, found)| part.starts_with('{') || *part == found)
}

//! Arbitrary bytes at every route of the control port, and statements that are nearly right.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use spandrel_risk::control::SignedStatement;

use crate::answers::{Asked, ask, escaped};
use crate::world::{World, pause};

const ROUTES: [(&str, &str); 20] = [
    ("POST", "/v1/control/statements"),
    ("GET", "/v1/control/pauses"),
    ("GET", "/v1/control/proposals"),
    ("GET", "/v1/control/limits"),
    ("GET", "/v1/control/policy"),
    ("GET", "/v1/control/signers"),
    ("GET", "/v1/control/halts"),
    ("GET", "/v1/control/shortfalls"),
    ("GET", "/v1/control/held"),
    ("GET", "/v1/control/held/{id}"),
    ("GET", "/v1/control/quarantine"),
    ("GET", "/v1/control/quarantine/{id}"),
    ("GET", "/v1/control/audit"),
    ("GET", "/console"),
    ("GET", "/console/draft"),
    ("GET", "/console/review"),
    ("GET", "/console/audit"),
    ("GET", "/console/live"),
    ("GET", "/console/assets/{id}"),
    ("DELETE", "/{id}"),
];

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..120)
}

#[test]
fn whatever_bytes_are_sent_wherever_no_route_fails_and_every_refusal_has_a_code() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let kind = prop::sample::select(vec!["application/json", "text/plain"]);
    let name = prop::sample::select(vec!["if-match", "host", "content-type", "accept", "last-event-id", "origin"]);
    let sent = (bytes(), prop::option::of(bytes()), bytes(), kind, prop::option::of((name, bytes())));
    for (method, path) in ROUTES {
        // A runner that has run once has done its cases.
        let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&sent, |(id, query, body, kind, header)| {
            let query = query.map(|query| format!("?{}", escaped(&query, "&=%+"))).unwrap_or_default();
            let target = format!("{}{query}", path.replace("{id}", &escaped(&id, "%")));
            let mut headers = vec![("content-type", kind.as_bytes())];
            if let Some((name, value)) = &header {
                headers.push((name, value));
            }
            runtime.block_on(ask(&world.app, &Asked { method, target: &target, headers, body: &body }));
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    }
    assert_eq!(runtime.block_on(world.get("audit")), json!({ "rows": [] }), "nothing was taken");
}

/// Any JSON in any field of a statement that a guardian signed: nothing is taken but what was signed.
#[test]
fn a_statement_altered_in_any_field_is_refused_with_a_code_and_changes_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let signed = runtime.block_on(world.signed(0, pause(60)));
    let honest = serde_json::to_value(&signed).unwrap();
    let mut fields = Vec::new();
    pointers(&honest, String::new(), &mut fields);
    assert!(fields.len() > 6, "{fields:?}");
    let value = prop_oneof![
        ".{0,90}".prop_map(Value::from),
        "0x[0-9a-f]{0,140}".prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!([])),
        Just(json!({ "kind": "pause" })),
    ];
    let version = prop::option::of("\"?[vt]?[0-9]{0,30}\"?");
    let mut runner = TestRunner::new(Config { cases: 1_000, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(prop::sample::select(fields), value, version), |(field, value, version)| {
        let mut altered = honest.clone();
        *altered.pointer_mut(&field).unwrap() = value;
        let body = altered.to_string();
        let mut headers = vec![("content-type", &b"application/json"[..])];
        if let Some(version) = &version {
            headers.push(("if-match", version.as_bytes()));
        }
        let asked = Asked { method: "POST", target: "/v1/control/statements", headers, body: body.as_bytes() };
        let answer = runtime.block_on(ask(&world.app, &asked));
        let is_taken = answer.is_some_and(|(status, _)| status.is_success());
        let means_the_same = serde_json::from_str::<SignedStatement>(&body)
            .is_ok_and(|read| serde_json::to_value(&read).unwrap() == honest);
        prop_assert!(!is_taken || means_the_same, "{}", body);
        Ok(())
    });
    outcome.unwrap();
}

/// Where every value is, the inner ones too.
fn pointers(value: &Value, path: String, found: &mut Vec<String>) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            let path = format!("{path}/{name}");
            found.push(path.clone());
            pointers(value, path, found);
        }
    }
}

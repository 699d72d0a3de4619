//! Arbitrary bytes at every route of the transfer API, in every place of a request.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::answers::{Asked, ask, escaped};
use crate::world::{Options, World};

/// Routes beside those of the document.
const OTHERS: [(&str, &str); 12] = [
    ("GET", "/"),
    ("GET", "/openapi.json"),
    ("GET", "/console"),
    ("GET", "/console/live"),
    ("GET", "/console/live/{id}"),
    ("GET", "/console/send"),
    ("GET", "/console/transfers"),
    ("GET", "/console/transfers/{id}"),
    ("GET", "/console/transfers/{id}/qr.svg"),
    ("GET", "/console/assets/{id}"),
    ("POST", "/{id}"),
    ("PATCH", "/{id}/{id}"),
];

/// Every method of every path, from the document that the handlers make; and every call.
pub fn routes() -> Vec<(String, String)> {
    let document = spandrel_api::http::openapi();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.replace("{delivery}", "{id}")));
        }
    }
    assert!(routes.len() > 15 && routes.iter().all(|(_, path)| !path.replace("{id}", "").contains('{')), "{routes:?}");
    let proto = include_str!("../../proto/spandrel/transfer/v1/transfer.proto");
    let mut service = "";
    for line in proto.lines() {
        let mut words = line.split([' ', '(']).filter(|word| !word.is_empty());
        match (words.next(), words.next()) {
            (Some("service"), Some(name)) => service = name,
            (Some("rpc"), Some(name)) => {
                routes.push(("POST".to_owned(), format!("/spandrel.transfer.v1.{service}/{name}")))
            }
            _ => {}
        }
    }
    routes.extend(OTHERS.map(|(method, path)| (method.to_owned(), path.to_owned())));
    routes
}

const NAMES: [&str; 8] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "accept",
    "grpc-timeout",
];

#[test]
fn whatever_bytes_are_sent_wherever_no_route_fails_and_every_refusal_has_a_code() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(async { World::with(Options { rate: 1_000_000, ..Options::new().await }).await });
    let bearer = format!("Bearer {}", world.key);
    let routes = routes();
    let any = || prop::collection::vec(any::<u8>(), 0..120);
    let kind =
        prop::sample::select(vec!["application/json", "application/grpc", "application/grpc+proto", "text/html"]);
    let body = prop_oneof![any(), any().prop_map(|bytes| [&[0, 0, 0, 0, bytes.len() as u8][..], &bytes].concat())];
    let header = (prop::sample::select(NAMES.to_vec()), any());
    let sent = (any(), prop::option::of(any()), body, kind, prop::option::of(header), proptest::bool::ANY);
    for (method, path) in routes {
        // A runner that has run once has done its cases.
        let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&sent, |(id, query, body, kind, header, is_keyed)| {
            let query = query.map(|query| format!("?{}", escaped(&query, "&=%+"))).unwrap_or_default();
            let target = format!("{}{query}", path.replace("{id}", &escaped(&id, "%")));
            let mut headers = vec![("content-type", kind.as_bytes()), ("idempotency-key", b"one")];
            if is_keyed {
                headers.push(("authorization", bearer.as_bytes()));
            }
            if let Some((name, value)) = &header {
                headers.push((name, value));
            }
            let asked = Asked { method: &method, target: &target, headers, body: &body };
            runtime.block_on(ask(&world.app, &asked));
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    }
}

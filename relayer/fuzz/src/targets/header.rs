//! Headers that are read: keys, versions, places in a stream, kinds. Nobody writes with another key than the right one.

use axum::http::StatusCode;
use serde_json::json;
use spandrel_verifiers_fuzz::patch::Patch;

use crate::scene::{Door, on, patched};

/// Door, method, path, the header that is patched and what it is honestly, the others, the body.
type Case<'a> = (Door, &'a str, &'a str, &'a str, &'a str, Vec<(&'a str, &'a [u8])>, &'a [u8]);

fuzz_target!(|input: (u8, Vec<Patch>)| {
    let (which, patches) = input;
    on(|scene| {
        let json = ("content-type", &b"application/json"[..]);
        let order = json!({ "quote": scene.quote, "recipient": "0x00000000000000000000000000000000000000aa",
            "refund_key": "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5" });
        let body = order.to_string().into_bytes();
        let statement = serde_json::to_vec(&scene.statement).expect("it prints");
        let key = ("authorization", scene.bearer.as_bytes());
        let events = format!("/v1/transfers/{}/events", scene.order);
        let cases: [Case<'_>; 9] = [
            (Door::Users, "POST", "/v1/transfers", "authorization", &scene.bearer, vec![json, ("idempotency-key", b"x")], &body),
            (Door::Users, "GET", "/v1/webhooks", "authorization", &scene.bearer, vec![], &[]),
            (Door::Users, "POST", "/v1/transfers", "idempotency-key", "one", vec![json, key], &body),
            (Door::Users, "POST", "/v1/transfers", "content-type", "application/json", vec![key, ("idempotency-key", b"x")], &body),
            (Door::Users, "GET", &events, "last-event-id", "3", vec![], &[]),
            (Door::Users, "GET", &events, "accept", "text/event-stream", vec![], &[]),
            (Door::Users, "GET", "/v1/chains", "if-none-match", "\"0\"", vec![], &[]),
            (Door::Guardians, "POST", "/v1/control/statements", "if-match", "\"v5\"", vec![json], &statement),
            (Door::Guardians, "GET", "/v1/control/pauses", "host", "localhost:8090", vec![], &[]),
        ];
        let (door, method, path, name, honest, mut headers, body) = cases[usize::from(which) % cases.len()].clone();
        let value = patched(honest, &patches);
        headers.push((name, &value));
        let Some(answer) = scene.ask(door, method, path, &headers, body) else { return };
        if name == "authorization" && answer.status.is_success() {
            assert_eq!(value, honest.as_bytes(), "only the whole key is a key");
        }
        if name == "host" && answer.status == StatusCode::OK {
            let host = String::from_utf8(value).expect("text");
            let name = host.rsplit_once(':').map_or(&*host, |(name, port)| if port.ends_with(']') { &host } else { name });
            let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            assert!(name == "localhost" || address.is_ok_and(|address| address.is_loopback()), "{host}");
        }
    });
});

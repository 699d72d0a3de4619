//! JSON bodies of every route that takes one: what reads is acted on, what does not is refused by name.

use serde_json::json;
use spandrel_verifiers_fuzz::patch::Patch;

use crate::scene::{Door, on, patched};

const RECIPIENT: &str = "0x00000000000000000000000000000000000000aa";
const REFUND_KEY: &str = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

fuzz_target!(|input: (u8, Vec<Patch>, bool)| {
    let (which, patches, is_keyed) = input;
    on(|scene| {
        let (method, path, start) = match which % 5 {
            0 => ("POST", "/v1/quotes".to_owned(), json!({ "route": scene.route, "amount": "20000", "lane": "any" })),
            1 => {
                let order = json!({ "quote": scene.quote, "recipient": RECIPIENT, "refund_key": REFUND_KEY });
                ("POST", "/v1/transfers".to_owned(), order)
            }
            2 => ("PUT", format!("/v1/transfers/{}/source-tx", scene.order), json!({ "source_tx": REFUND_KEY })),
            3 => ("POST", "/v1/webhooks".to_owned(), json!({ "url": "https://192.0.2.1/hook" })),
            _ => ("POST", "/v1/keys".to_owned(), json!({ "name": "shop" })),
        };
        let body = patched(&start.to_string(), &patches);
        let mut headers = vec![("content-type", &b"application/json"[..]), ("idempotency-key", b"one")];
        if is_keyed {
            headers.push(("authorization", scene.bearer.as_bytes()));
        }
        let answer = scene.ask(Door::Users, method, &path, &headers, &body).expect("a request");
        assert!(is_keyed || !answer.status.is_success() || ["/v1/quotes", "/v1/keys"].contains(&&*path), "{path}");
        if answer.status.is_success() {
            serde_json::from_slice::<serde_json::Value>(&body).expect("nothing but JSON is acted on");
        }
    });
});

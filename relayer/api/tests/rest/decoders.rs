//! Whatever is sent: never a 5xx, never a panic, and a problem document for every refusal.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::world::{RECIPIENT, REFUND_KEY, World, bitcoin};

/// JSON of any shape.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{0,8}", inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

/// Text that is nearly what a field holds.
fn near_text() -> impl Strategy<Value = Value> {
    prop_oneof![
        ".{0,80}".prop_map(Value::from),
        "[0-9]{1,90}".prop_map(Value::from),
        "0x[0-9a-fA-F]{0,70}".prop_map(Value::from),
        "q1_[0-9a-f]{0,80}_[0-9a-f]{0,64}".prop_map(Value::from),
        "(https?|file|gopher)://[a-z0-9.:@\\[\\]/%-]{0,30}".prop_map(Value::from),
        "(any|fast|light_client|slow)".prop_map(Value::from),
        Just(RECIPIENT.into()),
        Just(REFUND_KEY.into()),
        any_json(),
    ]
}

/// An object with some of the names that requests have.
fn near_request() -> impl Strategy<Value = Value> {
    let name =
        prop::sample::select(vec!["route", "amount", "lane", "quote", "recipient", "refund_key", "source_tx", "url"]);
    prop::collection::btree_map(name, near_text(), 0..5)
        .prop_map(|fields| Value::from_iter(fields.into_iter().map(|(name, value)| (name.to_owned(), value))))
}

/// A body: nearly right, any JSON, or any bytes.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => near_request().prop_map(|value| value.to_string().into_bytes()),
        2 => any_json().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (1_usize..4_000).prop_map(|depth| "[".repeat(depth).into_bytes()),
        1 => Just(vec![b' '; 20_000]),
    ]
}

fn any_path() -> impl Strategy<Value = String> {
    let id = prop_oneof!["0x[0-9a-f]{64}", "[0-9a-zA-Z_%.-]{1,70}", "(%[0-9a-f]{2}){1,12}", "wh_[0-9a-f]{24}",];
    (
        prop::sample::select(vec![
            "/v1/quotes",
            "/v1/transfers",
            "/v1/webhooks",
            "/v1/limits",
            "/v1/chains",
            "/v1/status",
            "/v1/transfers/{id}",
            "/v1/transfers/{id}/events",
            "/v1/transfers/{id}/proof",
            "/v1/transfers/{id}/cancel",
            "/v1/transfers/{id}/source-tx",
            "/v1/webhooks/{id}",
            "/v1/webhooks/{id}/test",
            "/v1/webhooks/{id}/rotate",
            "/v1/webhooks/{id}/deliveries",
            "/v1/webhooks/{id}/deliveries/{id}/redeliver",
            "/spandrel.transfer.v1.Transfers/{id}",
            "/spandrel.transfer.v1.Transfers/GetTransfer",
            "/spandrel.transfer.v1.Webhooks/RegisterWebhook",
            "/{id}",
        ]),
        id,
    )
        .prop_map(|(path, id)| path.replace("{id}", &id))
}

#[derive(Debug)]
struct Sent {
    method: Method,
    path: String,
    query: Option<String>,
    body: Vec<u8>,
    kind: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
    is_keyed: bool,
}

fn any_request() -> impl Strategy<Value = Sent> {
    let method = prop::sample::select(vec![Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH]);
    let query = prop::option::of(prop_oneof![
        "(route|source_tx|sender|status|cursor|limit)=[0-9a-zA-Z_%-]{0,70}",
        "[a-z&=%+0-9]{0,60}",
    ]);
    let kind =
        prop::sample::select(vec!["application/json", "application/grpc", "text/plain", "application/json; charset=x"]);
    let visible = prop::collection::vec(prop_oneof![32_u8..127, 128_u8..=255], 0..140);
    let name = prop::sample::select(vec![
        "idempotency-key",
        "last-event-id",
        "if-none-match",
        "x-request-id",
        "authorization",
    ]);
    let headers = prop::collection::vec((name, visible), 0..3);
    (method, any_path(), query, any_body(), kind, headers, any::<bool>()).prop_map(
        |(method, path, query, body, kind, headers, is_keyed)| Sent {
            method,
            path,
            query,
            body,
            kind,
            headers,
            is_keyed,
        },
    )
}

fn build(world: &World, sent: &Sent) -> RequestBuilder {
    let query = sent.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let mut request = world.request(sent.method.clone(), &format!("{}{query}", sent.path));
    request = request.header("content-type", sent.kind).body(sent.body.clone());
    for (name, value) in &sent.headers {
        request = request.header(*name, reqwest::header::HeaderValue::from_bytes(value).unwrap());
    }
    if sent.is_keyed { request.bearer_auth(&world.key) } else { request }
}

/// What every answer must be.
async fn check(request: RequestBuilder) -> Result<(), TestCaseError> {
    let answer = request.send().await.map_err(|error| TestCaseError::fail(format!("no answer: {error:?}")))?;
    let status = answer.status();
    prop_assert!(!status.is_server_error(), "{status}");
    prop_assert!(answer.headers().contains_key("x-request-id"));
    if answer.headers().get("content-type").is_some_and(|kind| kind == "application/grpc") {
        return Ok(());
    }
    if status.is_client_error() {
        let kind = answer.headers().get("content-type").cloned();
        prop_assert!(kind.as_ref().is_some_and(|kind| kind == "application/problem+json"), "{status}: {kind:?}");
        let problem: Value = answer.json().await.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(problem["status"].as_u64(), Some(u64::from(status.as_u16())));
        prop_assert!(problem["code"].is_string() && problem["detail"].is_string(), "{}", problem);
    }
    Ok(())
}

/// Runs `cases` of a strategy against one world.
fn run<S: Strategy>(cases: u32, strategy: S, request: impl Fn(&World, &S::Value) -> RequestBuilder) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    runner.run(&strategy, |sent| runtime.block_on(check(request(&world, &sent)))).unwrap();
}

#[test]
fn whatever_is_sent_is_answered_or_refused_with_a_problem() {
    run(2_000, any_request(), build);
}

#[test]
fn requests_that_are_nearly_right_are_answered_or_refused_with_a_problem() {
    let posted = (prop::sample::select(vec!["/v1/quotes", "/v1/transfers", "/v1/webhooks"]), near_request());
    run(1_000, posted, |world, (path, body)| {
        world.post(path, body).bearer_auth(&world.key).header("Idempotency-Key", "one")
    });
}

#[test]
fn an_order_altered_in_any_field_is_answered_or_refused_with_a_problem() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let quote = runtime.block_on(world.quote(&bitcoin(), 20_000));
    let field = prop::sample::select(vec!["quote", "recipient", "refund_key"]);
    let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&(field, near_text(), ".{1,140}"), |(field, value, key)| {
        let mut order = json!({ "quote": quote["id"], "recipient": RECIPIENT, "refund_key": REFUND_KEY });
        order[field] = value;
        let key = reqwest::header::HeaderValue::from_bytes(key.as_bytes());
        let Ok(key) = key else { return Ok(()) };
        runtime
            .block_on(check(world.post("/v1/transfers", &order).bearer_auth(&world.key).header("Idempotency-Key", key)))
    });
    outcome.unwrap();
}

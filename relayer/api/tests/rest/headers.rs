//! The headers of answers, as the document tells them. That those are there which it requires is looked at wherever an answer
//! is read (`world/document.rs`).

use reqwest::StatusCode;
use reqwest::header::HeaderValue;

use crate::world::{World, answer, bitcoin, document, refusal};

#[tokio::test]
async fn every_answer_that_is_told_is_told_with_its_headers() {
    for ((method, path), status, headers) in document::answers() {
        let is_told = |name: &str| headers.iter().any(|header| header == name);
        let at = format!("{method} {path} {status}: {headers:?}");
        assert_eq!(is_told("Retry-After"), matches!(status, 429 | 503), "{at}");
        for name in ["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"] {
            assert_eq!(is_told(name), status != 503, "{at}");
        }
        let is_catalog = ["/v1/chains", "/v1/assets", "/v1/routes"].contains(&path.as_str());
        assert_eq!(is_told("ETag"), is_catalog && matches!(status, 200 | 304), "{at}");
        let is_written_once = method == "POST" && ["/v1/transfers", "/v1/webhooks"].contains(&path.as_str());
        let is_replayable = is_written_once || path.ends_with("/rotate");
        assert_eq!(is_told("Idempotency-Replayed"), is_replayable && matches!(status, 200 | 201), "{at}");
    }
}

#[tokio::test]
async fn answers_have_the_headers_that_are_told_of_them() {
    let world = World::with_rate(2).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    for status in [StatusCode::CREATED, StatusCode::OK] {
        answer(world.order(&quote, "one"), status).await;
    }
    let tag = world.get("/v1/assets").send().await.unwrap().headers()["etag"].clone();
    answer(world.get("/v1/assets").header("If-None-Match", tag), StatusCode::NOT_MODIFIED).await;
    let refused = loop {
        let answered = world.get("/v1/assets").send().await.unwrap();
        if answered.status() != StatusCode::OK {
            break answered;
        }
    };
    refusal(refused, StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED").await;
}

#[tokio::test]
async fn a_request_has_the_id_that_its_caller_gave_it_where_that_is_one() {
    let world = World::new().await;
    let ask = async |id: &[u8]| {
        let asked = world.get("/v1/transfers/none").header("X-Request-Id", HeaderValue::from_bytes(id).unwrap());
        let answered = asked.send().await.unwrap();
        let told = answered.headers()["x-request-id"].to_str().unwrap().to_owned();
        let refused = refusal(answered, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
        assert_eq!(refused["request_id"], told.as_str(), "the document says what the header says");
        told
    };
    let longest = "x".repeat(64);
    for id in ["7", "4bf92f35-77b3/4d\"a6<b>", &longest] {
        assert_eq!(ask(id.as_bytes()).await, id);
    }
    for id in ["", "two words", "tab\there", "caf\u{e9}", &"x".repeat(65)] {
        let made = ask(id.as_bytes()).await;
        assert!(made.len() == 16 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id:?}: {made}");
    }
    assert_ne!(ask(b"").await, ask(b"").await);
}

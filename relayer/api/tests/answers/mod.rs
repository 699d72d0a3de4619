//! What every answer must be, whatever was asked; and asking without a connection.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde_json::Value;
use tower_service::Service as _;

/// Largest answer that is read.
const MOST_READ: usize = 1 << 22;

/// What is asked.
#[derive(Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    pub headers: Vec<(&'a str, &'a [u8])>,
    pub body: &'a [u8],
}

/// Asks, and checks the answer: its status, and its body, of which a stream that goes on has none. `None` where no such
/// request can be written.
pub async fn ask(app: &Router, asked: &Asked<'_>) -> Option<(StatusCode, Vec<u8>)> {
    let method = Method::from_bytes(asked.method.as_bytes()).ok()?;
    let mut request = Request::builder().method(method).uri(asked.target).body(Body::from(asked.body.to_vec())).ok()?;
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
    for (name, value) in &asked.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers_mut().insert(name, HeaderValue::from_bytes(value).ok()?);
    }
    let Ok(answer) = app.clone().call(request).await;
    let (head, body) = answer.into_parts();
    let is_stream = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    let is_watched = asked.target.ends_with("/WatchTransfer") && !head.headers.contains_key("grpc-status");
    let body = match head.status.is_success() && (is_stream || is_watched) {
        true => Vec::new(),
        false => axum::body::to_bytes(body, MOST_READ).await.expect("a body that ends").to_vec(),
    };
    assert!(!head.status.is_server_error(), "{}: {}: {}", asked.target, head.status, String::from_utf8_lossy(&body));
    if asked.method != "HEAD" {
        check(asked.target, head.status, &head.headers, &body);
    }
    Some((head.status, body))
}

/// A refusal is a problem document with a code, or a page, or a status of gRPC that says what went wrong.
fn check(target: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/grpc") {
        // 2 is UNKNOWN.
        assert!(headers.get("grpc-status").is_none_or(|code| code != "2"), "{target}: {headers:?}");
        return;
    }
    let is_page = kind.starts_with("text/html") && target.starts_with("/console");
    if status.is_client_error() && !is_page {
        assert_eq!(kind, "application/problem+json", "{target}: {status}");
        let problem: Value = serde_json::from_slice(body).expect("a problem document");
        assert_eq!(problem["status"].as_u64(), Some(u64::from(status.as_u16())), "{target}: {problem}");
        let is_code =
            |code: &str| !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        assert!(problem["code"].as_str().is_some_and(is_code), "{target}: {problem}");
        assert!(problem["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{target}: {problem}");
    }
}

/// Bytes as they are written in an address: letters, digits and `keep` by themselves, everything else by its number.
pub fn escaped(bytes: &[u8], keep: &str) -> String {
    let one = |byte: &u8| match char::from(*byte) {
        kept if kept.is_ascii_alphanumeric() || keep.contains(kept) => kept.to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

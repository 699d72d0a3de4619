//! What is answered: each as the document says, each refusal as a problem too.

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::document;

/// Sends, and expects a status; the body as JSON. It is what the document says of this operation.
pub async fn answer(request: RequestBuilder, expected: StatusCode) -> Value {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let method = request.method().clone();
    read(client.execute(request).await.unwrap(), expected, Some(method)).await
}

/// Expects a status; the body as JSON. It is what the document says of an operation with this path.
pub async fn body(response: Response, expected: StatusCode) -> Value {
    read(response, expected, None).await
}

async fn read(response: Response, expected: StatusCode, method: Option<reqwest::Method>) -> Value {
    let (status, path) = (response.status(), response.url().path().to_owned());
    assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    assert_eq!(status, expected, "{text}");
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    document::check(method.as_ref(), &path, status, &headers, &body);
    body
}

/// Sends, and expects a problem document with this status and code.
pub async fn problem(request: RequestBuilder, expected: StatusCode, code: &str) -> Value {
    refusal(request.send().await.unwrap(), expected, code).await
}

pub async fn refusal(response: Response, expected: StatusCode, code: &str) -> Value {
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let problem = body(response, expected).await;
    assert_eq!(kind.as_deref(), Some("application/problem+json"));
    assert_eq!(problem["code"], code, "{problem}");
    assert!(!problem["request_id"].as_str().unwrap().is_empty());
    problem
}

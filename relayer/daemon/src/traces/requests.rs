//! A span for each request of an API: which method and route, and how it was answered. Nothing that the caller wrote is in it:
//! no path, no query, no header, no body.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use tracing::field::Empty;

/// The name of these spans.
pub(super) const REQUEST: &str = "api request";

/// Answers a request within a span of its own. It ends with the head of the answer: a stream goes on after it.
pub async fn traced(request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("other", MatchedPath::as_str);
    let span = tracing::info_span!(
        REQUEST,
        http.request.method = %method(request.method()),
        http.route = %route,
        http.response.status_code = Empty
    );
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    response
}

/// A method by its name; callers may invent others (OpenTelemetry, semantic conventions for HTTP spans).
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

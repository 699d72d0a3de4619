//! How answers look: problem documents, request ids, parameters that name themselves when they do not read.

use axum::body::Body;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::Rng;

use super::fields::field_at_fault;
use crate::{Problem, grpc};

/// Name of the header that carries a request's id.
pub const REQUEST_ID: &str = "x-request-id";

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        // Body and headers are written by `identify`, which knows the request's id.
        response.extensions_mut().insert(self);
        response
    }
}

/// Longest id that a caller may give its request, bytes.
const LONGEST_ID: usize = 64;

/// The id that a caller gave its request, so that both sides find it in what they keep. What is not of visible ASCII, or long,
/// is none.
fn given_id(request: &Request) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let is_id = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_id.then(|| id.to_owned())
}

/// Gives each request an id where its caller gave none, and problems their body with it. Plain refusals of the framework become
/// problems too.
pub async fn identify(request: Request, next: Next) -> Response {
    let id = given_id(&request).unwrap_or_else(|| format!("{:016x}", rand::rng().random::<u64>()));
    let is_call = grpc::is_call(&request);
    let mut response = next.run(request).await;
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| unexplained(&response));
    if let Some(mut problem) = problem {
        problem.request_id = Some(id.as_str().into());
        response = if is_call { answered(&response, &problem) } else { explained(response, &problem) };
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A problem as its document.
fn explained(mut response: Response, problem: &Problem) -> Response {
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    *response.body_mut() = Body::from(serde_json::to_vec(problem).unwrap_or_default());
    response
}

/// A problem as the answer to a call, with the rates that were told.
fn answered(response: &Response, problem: &Problem) -> Response {
    let mut answer = grpc::answer(problem);
    let told = response.headers().iter().filter(|(name, _)| name.as_str().starts_with("ratelimit-"));
    answer.headers_mut().extend(told.map(|(name, value)| (name.clone(), value.clone())));
    answer
}

fn unexplained(response: &Response) -> Option<Problem> {
    let status = response.status();
    match status {
        // A page that says what is wrong says it itself.
        _ if response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) =>
        {
            None
        }
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::new(status, "BODY_TOO_LARGE", "expected a shorter body")),
        StatusCode::SERVICE_UNAVAILABLE => Some(too_late()),
        _ => None,
    }
}

/// 503, for what was not done in time.
pub(super) fn too_late() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT", "it took too long").retry_in(5)
}

/// 404.
pub async fn no_such_path() -> Problem {
    Problem::not_found("UNKNOWN_PATH", "such path")
}

/// 405.
pub async fn no_such_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this path has no such method")
}

/// A JSON body; what does not read is a problem.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub struct Json<T>(pub T);

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "BODY_TOO_LARGE",
            _ => "INVALID_BODY",
        };
        let field = match &rejection {
            JsonRejection::JsonDataError(error) => field_at_fault(error),
            _ => None,
        };
        let parameter = field.as_deref().unwrap_or("body");
        Self::new(rejection.status(), code, rejection.body_text()).about(parameter)
    }
}

/// Path parameters; what does not read is a problem.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "INVALID_PARAMETER", rejection.body_text()).about("path")
    }
}

/// Query parameters; unknown ones and what does not read are a problem.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let field = field_at_fault(&rejection);
        let parameter = field.as_deref().unwrap_or("query");
        Self::new(rejection.status(), "INVALID_PARAMETER", rejection.body_text()).about(parameter)
    }
}

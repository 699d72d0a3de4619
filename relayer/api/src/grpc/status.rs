//! Problems as gRPC statuses with the details of google.rpc (`google/rpc/status.proto`, `error_details.proto`; AIP-193).

use std::collections::HashMap;

use prost::Message;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::proto::LaneOffers;
use crate::Problem;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub struct RpcStatus {
    /// A `google.rpc.Code`.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// For people.
    #[prost(string, tag = "2")]
    pub message: String,
    /// [`ErrorInfo`], [`RetryInfo`], and [`LaneOffers`] where no lane takes an amount.
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub struct Any {
    /// Which message.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct ErrorInfo {
    /// The problem's code.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// Whose codes they are.
    #[prost(string, tag = "2")]
    pub domain: String,
    /// What else is known.
    #[prost(map = "string, string", tag = "3")]
    pub metadata: HashMap<String, String>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
pub struct RetryInfo {
    /// How long to wait.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
pub struct Delay {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
}

/// The status that a problem is.
pub fn of(problem: &Problem) -> Status {
    let code = code(problem);
    let mut metadata = HashMap::from([
        ("http_status".to_owned(), problem.status.to_string()),
        ("retryable".to_owned(), problem.retryable.to_string()),
    ]);
    let named = [("parameter", &problem.parameter), ("request_id", &problem.request_id)];
    metadata
        .extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.as_deref()?.to_owned()))));
    let info = ErrorInfo { reason: problem.code.to_owned(), domain: "spandrel".to_owned(), metadata };
    let mut details = vec![any("google.rpc.ErrorInfo", &info)];
    if let Some(seconds) = problem.retry_after {
        let retry_delay = Some(Delay { seconds: i64::try_from(seconds).unwrap_or(i64::MAX) });
        details.push(any("google.rpc.RetryInfo", &RetryInfo { retry_delay }));
    }
    if !problem.lanes.is_empty() {
        let lanes = problem.lanes.iter().cloned().map(Into::into).collect();
        details.push(any("spandrel.transfer.v1.LaneOffers", &LaneOffers { lanes }));
    }
    let status = RpcStatus { code: code as i32, message: problem.detail.to_string(), details };
    Status::with_details_and_metadata(code, &*problem.detail, status.encode_to_vec().into(), MetadataMap::new())
}

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

/// As `google/rpc/code.proto` maps HTTP statuses, with 422 as a precondition: it reads, but cannot be served. So is a conflict
/// that does not pass by itself.
fn code(problem: &Problem) -> Code {
    match problem.status {
        400 | 413 | 415 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        405 => Code::Unimplemented,
        409 if problem.retryable => Code::Aborted,
        409 | 410 | 422 => Code::FailedPrecondition,
        429 => Code::ResourceExhausted,
        503 => Code::Unavailable,
        _ => Code::Internal,
    }
}

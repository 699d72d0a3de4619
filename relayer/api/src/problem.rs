//! Errors as RFC 9457 problem documents with a stable code.

use std::fmt::Display;

use axum::http::StatusCode;
use serde::{Serialize, Serializer};
use spandrel_store::StoreError;
use spandrel_verifiers::VerifyError;
use utoipa::ToSchema;

use crate::service::LaneOffer;

/// What every error answer holds (`application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, ToSchema)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// `about:blank`: the code says it all.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Blank,
    /// The HTTP status in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Stable, for programs.
    pub code: &'static str,
    /// For people: what was expected, what was found.
    #[schema(value_type = String)]
    pub detail: Box<str>,
    /// Which parameter, header or field is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub parameter: Option<Box<str>>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// Seconds to wait before it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Set on the way out: quote it to the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub request_id: Option<Box<str>>,
    /// Of `NO_LANE`: every lane, with why it does not take the amount and when it may at the earliest.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<LaneOffer>)]
    pub lanes: Box<[LaneOffer]>,
}

/// A type without a document of its own (RFC 9457, section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blank;

impl Serialize for Blank {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("about:blank")
    }
}

impl Problem {
    /// A problem of `status` with `code`.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Display) -> Self {
        Self {
            kind: Blank,
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.to_string().into(),
            parameter: None,
            retryable: false,
            retry_after: None,
            request_id: None,
            lanes: Box::default(),
        }
    }

    /// A parameter that does not read (400).
    pub fn invalid(parameter: &str, expected: impl Display, found: impl Display) -> Self {
        let found: String = found.to_string().chars().take(100).collect();
        Self::new(StatusCode::BAD_REQUEST, "INVALID_PARAMETER", format!("expected {expected}, found {found:?}"))
            .about(parameter)
    }

    /// A parameter that reads, but cannot be served (422).
    pub fn unprocessable(code: &'static str, parameter: &str, detail: impl Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail).about(parameter)
    }

    /// Something there is none of (404).
    pub fn not_found(code: &'static str, what: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, format!("no {what}"))
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn about(mut self, parameter: &str) -> Self {
        self.parameter = Some(parameter.into());
        self
    }

    /// Tells what each lane would do.
    #[must_use]
    pub fn with_lanes(mut self, lanes: Vec<LaneOffer>) -> Self {
        self.lanes = lanes.into();
        self
    }

    /// May be tried again in `seconds`.
    #[must_use]
    pub fn retry_in(mut self, seconds: u64) -> Self {
        (self.retryable, self.retry_after) = (true, Some(seconds));
        self
    }
}

/// The ledger failed: logged in full, told in short.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { what, expected, found } => {
                Self::new(StatusCode::CONFLICT, "CONFLICT", format!("{what}: expected {expected}, found {found}"))
            }
            error => {
                tracing::error!(%error, "the ledger failed a request");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "LEDGER_UNAVAILABLE", "the ledger does not answer")
                    .retry_in(5)
            }
        }
    }
}

/// Terms that the bridge's rules refuse.
impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        let parameter = error.field.strip_prefix("terms.").unwrap_or(&error.field).to_owned();
        Self::unprocessable("TERMS_REFUSED", &parameter, format!("expected {}, found {}", error.expected, error.found))
    }
}

//! Why the Beacon API gave nothing usable.

use spandrel_verifiers::follow::FollowError;

use crate::ethereum::Endpoint;

/// A failed call. Nothing here shows a URL's credentials, path prefix or query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeaconApiError {
    /// No answer: connection, TLS, time limit, or the answer broke off.
    #[error("{endpoint} {call}: no answer: {reason}")]
    Unreachable {
        /// Scheme, host and port.
        endpoint: String,
        /// Path of the call, from `eth/` on.
        call: String,
        /// What happened.
        reason: String,
    },
    /// The node answered with an error status. Lodestar says 500 where others say 404: not there (yet).
    #[error("{endpoint} {call}: status {status}: {message}")]
    Refused {
        /// Scheme, host and port.
        endpoint: String,
        /// Path of the call, from `eth/` on.
        call: String,
        /// HTTP status.
        status: u16,
        /// The node's message, shortened.
        message: String,
    },
    /// The answer is longer than any honest one.
    #[error("{endpoint} {call}: answer of more than {limit} bytes")]
    TooLong {
        /// Scheme, host and port.
        endpoint: String,
        /// Path of the call, from `eth/` on.
        call: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer does not decode.
    #[error("{endpoint} {call}: malformed answer: {reason}")]
    Malformed {
        /// Scheme, host and port.
        endpoint: String,
        /// Path of the call, from `eth/` on.
        call: String,
        /// What does not decode.
        reason: String,
    },
}

impl BeaconApiError {
    /// Whether the node answered that it does not have what was asked for (404), or may have meant so (Lodestar's
    /// 500 for an unknown bootstrap, a period without update, or no finality yet).
    pub fn may_mean_absent(&self) -> bool {
        matches!(self, Self::Refused { status: 404 | 500, .. })
    }

    /// No update from `period` on, where a later one exists.
    pub(in crate::ethereum) fn absent_periods(endpoint: &Endpoint, period: u64) -> Self {
        Self::Malformed {
            endpoint: endpoint.to_string(),
            call: "eth/v1/beacon/light_client/updates".to_owned(),
            reason: format!("no update for period {period}"),
        }
    }

    fn endpoint(&self) -> &str {
        match self {
            Self::Unreachable { endpoint, .. }
            | Self::Refused { endpoint, .. }
            | Self::TooLong { endpoint, .. }
            | Self::Malformed { endpoint, .. } => endpoint,
        }
    }
}

impl From<BeaconApiError> for FollowError {
    /// All are worth another try: a node may be restarting, or another one behind the same name may answer.
    fn from(error: BeaconApiError) -> Self {
        Self::Transient { endpoint: error.endpoint().to_owned(), reason: error.to_string() }
    }
}

//! One bounded HTTP call to a beacon node: time limits, size limit, content negotiation.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, Response};
use serde::de::DeserializeOwned;
use spandrel_verifiers::follow::FollowError;

use super::BeaconApiError;
use crate::error_chain::error_chain;
use crate::ethereum::Endpoint;

/// Longest error message that is kept.
const MESSAGE_LIMIT: usize = 256;

/// Name of the header that tells the fork of an SSZ body (Beacon API, `Eth-Consensus-Version`).
const FORK_HEADER: &str = "eth-consensus-version";

/// How the body of an answer is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/json`.
    Json,
    /// `application/octet-stream`.
    Ssz,
}

/// What a node answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) encoding: Encoding,
    /// The fork in lower case (`electra`), when the header is there.
    pub(super) fork: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Calls one node.
#[derive(Clone, Debug)]
pub(super) struct Transport {
    client: Client,
    endpoint: Endpoint,
}

impl Transport {
    pub(super) fn new(endpoint: Endpoint, timeout: Duration) -> Result<Self, FollowError> {
        let client = Client::builder().timeout(timeout).connect_timeout(timeout).build().map_err(|error| {
            FollowError::Permanent {
                field: "http client".to_owned(),
                expected: "one that can be built".to_owned(),
                found: error.without_url().to_string(),
            }
        })?;
        Ok(Self { client, endpoint })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `GET call?query`, at most `limit` bytes; `preferred` is asked for first, the other is taken too.
    pub(super) async fn get(
        &self,
        call: &str,
        query: &[(&str, String)],
        preferred: Encoding,
        limit: usize,
    ) -> Result<Answer, BeaconApiError> {
        let accept = match preferred {
            Encoding::Ssz => "application/octet-stream;q=1,application/json;q=0.9",
            Encoding::Json => "application/json",
        };
        let request = self.client.get(self.endpoint.join(call, query)).header(ACCEPT, accept);
        let mut response = request.send().await.map_err(|error| self.unreachable(call, error))?;
        if !response.status().is_success() {
            return Err(self.refused(call, response).await);
        }
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let is_ssz = text(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/octet-stream"));
        let fork = text(FORK_HEADER).map(str::to_lowercase);
        let body = self.body(call, &mut response, limit).await?;
        Ok(Answer { encoding: if is_ssz { Encoding::Ssz } else { Encoding::Json }, fork, body })
    }

    /// A JSON answer.
    pub(super) async fn get_json<T: DeserializeOwned>(&self, call: &str, limit: usize) -> Result<T, BeaconApiError> {
        let answer = self.get(call, &[], Encoding::Json, limit).await?;
        serde_json::from_slice(&answer.body).map_err(|error| self.malformed(call, error))
    }

    pub(super) fn malformed(&self, call: &str, reason: impl ToString) -> BeaconApiError {
        BeaconApiError::Malformed {
            endpoint: self.endpoint.to_string(),
            call: call.to_owned(),
            reason: reason.to_string(),
        }
    }

    async fn body(&self, call: &str, response: &mut Response, limit: usize) -> Result<Vec<u8>, BeaconApiError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(call, error))? {
            if body.len() + chunk.len() > limit {
                return Err(BeaconApiError::TooLong {
                    endpoint: self.endpoint.to_string(),
                    call: call.to_owned(),
                    limit,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn refused(&self, call: &str, mut response: Response) -> BeaconApiError {
        let status = response.status().as_u16();
        let body = self.body(call, &mut response, 64 * MESSAGE_LIMIT).await.unwrap_or_default();
        let message = String::from_utf8_lossy(&body).chars().take(MESSAGE_LIMIT).collect();
        BeaconApiError::Refused { endpoint: self.endpoint.to_string(), call: call.to_owned(), status, message }
    }

    fn unreachable(&self, call: &str, error: reqwest::Error) -> BeaconApiError {
        BeaconApiError::Unreachable {
            endpoint: self.endpoint.to_string(),
            call: call.to_owned(),
            reason: error_chain(&error.without_url()),
        }
    }
}

//! Where a node's JSON-RPC is, and plain calls to it for tests and launchers.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};

use super::error::{Fault, NodeError};

/// URL and credentials of a node's JSON-RPC. `Debug` leaves the password out.
#[derive(Clone)]
pub struct RpcEndpoint {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    /// Name for basic authentication.
    pub user: String,
    /// Password for basic authentication.
    pub password: String,
    client: reqwest::Client,
}

impl RpcEndpoint {
    /// An endpoint; nothing is connected yet.
    ///
    /// # Errors
    /// [`NodeError::Unanswered`] if no HTTP client can be made.
    pub fn new(url: &str, user: &str, password: &str) -> Result<Self, NodeError> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build();
        Ok(Self {
            url: url.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
            client: client.map_err(|error| unanswered("http client", error))?,
        })
    }

    /// Calls a method with positional arguments.
    ///
    /// # Errors
    /// [`NodeError::Refused`] with the node's error, [`NodeError::Unanswered`] without an answer in Core's shape.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, NodeError> {
        let request = json!({ "jsonrpc": "1.0", "id": "testnet", "method": method, "params": params });
        let request = self.client.post(&self.url).basic_auth(&self.user, Some(&self.password)).json(&request);
        let response = request.send().await.map_err(|error| unanswered(method, error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| unanswered(method, error))?;
        let mut answer: Value =
            serde_json::from_slice(&body).map_err(|error| unanswered(method, format!("HTTP {status}: {error}")))?;
        let fault = answer["error"].take();
        if fault.is_null() {
            return Ok(answer["result"].take());
        }
        let code = fault["code"].as_i64().unwrap_or(Fault::MISC);
        let message = fault["message"].as_str().unwrap_or_default();
        Err(NodeError::Refused { method: method.to_owned(), fault: Fault::new(code, message) })
    }

    /// The `Authorization` header that these credentials make.
    pub(super) fn authorization(&self) -> Result<HeaderValue, NodeError> {
        let request = self.client.post(&self.url).basic_auth(&self.user, Some(&self.password)).build();
        let request = request.map_err(|error| unanswered("authorization", error))?;
        let header = request.headers().get(AUTHORIZATION).cloned();
        header.ok_or_else(|| unanswered("authorization", "no header was made"))
    }
}

impl fmt::Debug for RpcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcEndpoint").field("url", &self.url).field("user", &self.user).finish_non_exhaustive()
    }
}

pub(super) fn unanswered(method: &str, reason: impl fmt::Display) -> NodeError {
    NodeError::Unanswered { method: method.to_owned(), reason: reason.to_string() }
}

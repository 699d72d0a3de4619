//! A proxy in front of a node's JSON-RPC that can lie, lag, refuse and fall silent: what a node of somebody else may do.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Changes the result of a call: method, params, result. An error of the node is a null result, which becomes an answer
/// when it is set; `{"refused": {"code": …, "message": …}}` makes it an error.
type Lie = Arc<dyn Fn(&str, &Value, &mut Value) + Send + Sync>;

/// Refuses a call, which the node then never hears of: method, params, the error's code and message.
type Refusal = dyn Fn(&str, &Value) -> Option<(i64, String)> + Send + Sync;

/// What the proxy does with calls.
#[derive(Clone)]
enum Behaviour {
    Honest,
    Lying(Lie),
    Refusing(Arc<Refusal>),
    /// HTTP 503.
    Down,
    /// Takes the call and never answers.
    Silent,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    behaviour: RwLock<Behaviour>,
}

/// A running proxy; honest until told otherwise. Credentials are passed on. Ends when dropped.
pub struct FaultProxy {
    url: String,
    shared: Arc<Shared>,
    server: AbortHandle,
}

impl FaultProxy {
    /// A proxy of the node at `upstream`, on a free loopback port.
    ///
    /// # Errors
    /// When no port can be bound or no HTTP client made.
    pub async fn start(upstream: &str) -> std::io::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build().map_err(std::io::Error::other)?;
        let behaviour = RwLock::new(Behaviour::Honest);
        let shared = Arc::new(Shared { upstream: upstream.to_owned(), client, behaviour });
        let router = Router::new().route("/", post(answer)).with_state(shared.clone());
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the fault proxy ended");
            }
        });
        Ok(Self { url, shared, server: server.abort_handle() })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Passes everything on from now on.
    pub fn be_honest(&self) {
        self.behave(Behaviour::Honest);
    }

    /// Changes results from now on: `lie(method, params, result)`.
    pub fn lie(&self, lie: impl Fn(&str, &Value, &mut Value) + Send + Sync + 'static) {
        self.behave(Behaviour::Lying(Arc::new(lie)));
    }

    /// Refuses from now on what `refusal(method, params)` has an error for; all else is passed on.
    pub fn refuse(&self, refusal: impl Fn(&str, &Value) -> Option<(i64, String)> + Send + Sync + 'static) {
        self.behave(Behaviour::Refusing(Arc::new(refusal)));
    }

    /// Answers HTTP 503 from now on.
    pub fn go_down(&self) {
        self.behave(Behaviour::Down);
    }

    /// Never answers from now on.
    pub fn fall_silent(&self) {
        self.behave(Behaviour::Silent);
    }

    fn behave(&self, behaviour: Behaviour) {
        *self.shared.behaviour.write().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let behaviour = shared.behaviour.read().unwrap_or_else(PoisonError::into_inner).clone();
    let lie = match behaviour {
        Behaviour::Honest => None,
        Behaviour::Lying(lie) => Some(lie),
        Behaviour::Refusing(refusal) => match refused(&body, refusal.as_ref()) {
            Some(answer) => return axum::Json(answer).into_response(),
            None => None,
        },
        Behaviour::Down => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Behaviour::Silent => std::future::pending().await,
    };
    match forward(&shared, &headers, &body).await {
        Ok((status, answer)) => match lie {
            None => (status, axum::Json(answer)).into_response(),
            Some(lie) => axum::Json(altered(&body, answer, lie.as_ref())).into_response(),
        },
        Err(reason) => (StatusCode::BAD_GATEWAY, reason).into_response(),
    }
}

/// The answer to a single call that is refused.
fn refused(request: &Bytes, refusal: &Refusal) -> Option<Value> {
    let call: Value = serde_json::from_slice(request).ok()?;
    let (code, message) = refusal(call["method"].as_str()?, &call["params"])?;
    Some(json!({ "jsonrpc": "2.0", "id": call["id"], "error": { "code": code, "message": message } }))
}

async fn forward(shared: &Shared, headers: &HeaderMap, body: &Bytes) -> Result<(StatusCode, Value), String> {
    let mut call = shared.client.post(&shared.upstream).header(CONTENT_TYPE, "application/json").body(body.clone());
    if let Some(login) = headers.get(AUTHORIZATION) {
        call = call.header(AUTHORIZATION, login);
    }
    let response = call.send().await.map_err(|error| error.to_string())?;
    let status = response.status();
    let answer = response.json().await.map_err(|error| error.to_string())?;
    Ok((status, answer))
}

fn altered(request: &Bytes, mut answer: Value, lie: &(dyn Fn(&str, &Value, &mut Value) + Send + Sync)) -> Value {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    match (request.as_array(), answer.as_array_mut()) {
        (Some(calls), Some(answers)) => {
            for answer in answers {
                if let Some(call) = calls.iter().find(|call| call["id"] == answer["id"]) {
                    alter(call, answer, lie);
                }
            }
        }
        _ => alter(&request, &mut answer, lie),
    }
    answer
}

fn alter(call: &Value, answer: &mut Value, lie: &(dyn Fn(&str, &Value, &mut Value) + Send + Sync)) {
    let mut result = answer["result"].take();
    lie(call["method"].as_str().unwrap_or_default(), &call["params"], &mut result);
    let refused = result.get_mut("refused").map(Value::take);
    if refused.is_none() && result.is_null() {
        return;
    }
    let mut told = json!({ "jsonrpc": answer["jsonrpc"], "id": answer["id"] });
    match refused {
        Some(error) => told["error"] = error,
        None => told["result"] = result,
    }
    *answer = told;
}

//! The control API and the guardians' pages: a router of their own, for a port of its own.
//!
//! Nothing is written but by a guardian's signed statement, so there are no sessions, cookies or keys that could be
//! stolen or ridden. What is shown is for whoever reaches the port: it belongs on loopback, and a request that a web page
//! of another name makes to it is turned away by its `Host`.

mod audit;
mod statements;
mod stopped;
mod transfers;
mod views;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use spandrel_store::Sqlite;
use tokio::sync::Semaphore;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::{MAX_BODY, TIMEOUT, answer};
use crate::{ControlDesk, Problem, console};

pub(crate) use stopped::{HaltRow, halted, short};
pub(crate) use transfers::{Row, Waiting, waiting};

/// Most pages that listen at once.
const MAX_STREAMS: usize = 64;

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) desk: Arc<dyn ControlDesk>,
    pub(crate) store: Sqlite,
    /// Places for pages that listen for changes.
    pub(crate) streams: Arc<Semaphore>,
}

/// The whole control API, and the guardians' pages of the console.
pub fn control_router(desk: Arc<dyn ControlDesk>, store: Sqlite) -> Router {
    Router::new()
        .route("/v1/control/statements", post(statements::take))
        .route("/v1/control/pauses", get(views::pauses))
        .route("/v1/control/proposals", get(views::proposals))
        .route("/v1/control/limits", get(views::limits))
        .route("/v1/control/signers", get(views::signers))
        .route("/v1/control/halts", get(stopped::halts))
        .route("/v1/control/shortfalls", get(stopped::shortfalls))
        .route("/v1/control/held", get(transfers::held))
        .route("/v1/control/held/{id}", get(transfers::held_one))
        .route("/v1/control/quarantine", get(transfers::quarantined))
        .route("/v1/control/quarantine/{id}", get(transfers::quarantined_one))
        .route("/v1/control/audit", get(audit::page))
        .merge(console::guardian_routes())
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::no_such_method)
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, TIMEOUT))
        .layer(middleware::from_fn(local))
        .layer(middleware::from_fn(answer::identify))
        .with_state(Control { desk, store, streams: Arc::new(Semaphore::new(MAX_STREAMS)) })
}

/// A name that a stranger's page made lead here (DNS rebinding) is not this machine's.
async fn local(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let is_local = name == "localhost"
        || name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_local {
        return next.run(request).await;
    }
    let problem =
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "NOT_LOCAL", "this service answers to this machine only");
    problem.about("Host").into_response()
}

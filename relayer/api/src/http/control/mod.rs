//! The control API and the guardians' pages: a router of their own, for a port of its own.
//!
//! Nothing is written but by a guardian's signed statement, so there are no sessions, cookies or keys that could be
//! stolen or ridden. What is shown is for whoever reaches the port: it belongs on loopback or in a network of the
//! guardians' own, and a request that a web page of another name makes to it is turned away by the name it asks for.

mod audit;
mod statements;
mod stopped;
mod transfers;
mod views;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use spandrel_store::Sqlite;
use tokio::sync::Semaphore;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::{Tls, answer};
use crate::{ControlDesk, Problem, console};

pub(crate) use stopped::{HaltRow, halted, short};
pub(crate) use transfers::{Row, Waiting, waiting};

/// Most pages that listen at once.
const MAX_STREAMS: usize = 64;

/// Longest statement, bytes: one may carry a whole policy.
const MAX_STATEMENT: usize = 256 * 1024;

/// By which names the port is asked for, as told by `Host` or `:authority`.
#[derive(Clone, Debug)]
pub enum Hosts {
    /// This machine's: `localhost` and loopback addresses.
    Local,
    /// Those that its certificate is for.
    Certified(Tls),
}

impl Hosts {
    /// Whether all names by which a request asks are among them.
    fn are_asked_for(&self, request: &Request) -> bool {
        let header = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or_default());
        let target = request.uri().authority().map(Authority::as_str);
        (header.is_some() || target.is_some()) && header.into_iter().chain(target).all(|host| self.include(host))
    }

    fn include(&self, host: &str) -> bool {
        let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
        let name = name.trim_matches(['[', ']']);
        match self {
            Self::Local => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
            Self::Certified(tls) => tls.is_for(name),
        }
    }
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Control {
    pub(crate) desk: Arc<dyn ControlDesk>,
    pub(crate) store: Sqlite,
    /// Places for pages that listen for changes.
    pub(crate) streams: Arc<Semaphore>,
}

/// The whole control API, and the guardians' pages of the console. Whatever is asked is answered within `longest`.
pub fn control_router(desk: Arc<dyn ControlDesk>, store: Sqlite, hosts: Hosts, longest: Duration) -> Router {
    Router::new()
        .route("/v1/control/statements", post(statements::take))
        .route("/v1/control/pauses", get(views::pauses))
        .route("/v1/control/proposals", get(views::proposals))
        .route("/v1/control/limits", get(views::limits))
        .route("/v1/control/signers", get(views::signers))
        .route("/v1/control/policy", get(views::policy))
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
        .layer(RequestBodyLimitLayer::new(MAX_STATEMENT))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, longest))
        .layer(middleware::from_fn_with_state(hosts, ours))
        .layer(middleware::from_fn(answer::identify))
        .with_state(Control { desk, store, streams: Arc::new(Semaphore::new(MAX_STREAMS)) })
}

/// A name that a stranger's page made lead here (DNS rebinding) is not the port's.
async fn ours(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if hosts.are_asked_for(&request) {
        return next.run(request).await;
    }
    let (code, detail) = match hosts {
        Hosts::Local => ("NOT_LOCAL", "this service answers to this machine only"),
        Hosts::Certified(_) => ("UNKNOWN_HOST", "this service answers to the names of its certificate only"),
    };
    Problem::new(StatusCode::MISDIRECTED_REQUEST, code, detail).about("Host").into_response()
}

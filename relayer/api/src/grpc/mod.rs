//! gRPC over the service: the same calls as [`crate::http`], on the same port, with the same keys, rates and codes.

mod status;
mod transfers;
mod views;
mod webhooks;

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use spandrel_store::{ApiKey, ApiScope};
use tonic::server::NamedService;

use crate::Problem;
use crate::http::{Api, Known};
use crate::service::permitted;
pub use status::{Any, Delay, ErrorInfo, RetryInfo, RpcStatus};

use proto::transfers_server::TransfersServer;
use proto::webhooks_server::WebhooksServer;

/// Messages and services, generated from `proto/spandrel/transfer/v1/transfer.proto`.
#[allow(missing_docs, clippy::all, reason = "generated code")]
pub mod proto {
    tonic::include_proto!("spandrel.transfer.v1");
}

/// Whoever answers calls.
#[derive(Clone)]
struct Rpc {
    api: Api,
}

/// The routes of both services.
pub(crate) fn routes(api: Api, largest: usize) -> Router<Api> {
    let rpc = Rpc { api };
    let transfers = TransfersServer::new(rpc.clone()).max_decoding_message_size(largest);
    let webhooks = WebhooksServer::new(rpc).max_decoding_message_size(largest);
    Router::new().route_service(&path(&transfers), transfers).route_service(&path(&webhooks), webhooks)
}

fn path<S: NamedService>(_: &S) -> String {
    format!("/{}/{{rpc}}", S::NAME)
}

/// Whether a request speaks gRPC.
pub(crate) fn is_call(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/grpc"))
}

/// A problem as the answer to a call.
pub(crate) fn answer(problem: &Problem) -> Response {
    status::of(problem).into_http()
}

impl Rpc {
    /// The caller, if they may do what `scope` says. The key was looked up where the rates are kept.
    fn permitted<T>(&self, request: &tonic::Request<T>, scope: ApiScope) -> Result<ApiKey, tonic::Status> {
        let known = request.extensions().get::<Known>().and_then(|known| known.0.clone());
        permitted(known, scope).map_err(|problem| status::of(&problem))
    }
}

/// What a call answers.
fn respond<T, V>(outcome: Result<T, Problem>, view: impl FnOnce(T) -> V) -> Result<tonic::Response<V>, tonic::Status> {
    outcome.map(|value| tonic::Response::new(view(value))).map_err(|problem| status::of(&problem))
}

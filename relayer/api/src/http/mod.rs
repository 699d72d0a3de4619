//! REST and SSE over the service. Handlers read a request, call the service, write the answer; nothing else.

mod answer;
mod auth;
mod catalog;
mod control;
mod events;
mod fields;
mod forwarded;
mod headers;
mod keys;
mod limits;
mod links;
mod orders;
mod parameters;
mod places;
mod rate;
mod serve;
mod status;
mod taking;
mod tls;
mod transfers;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::{Router, middleware};
use serde_json::Value;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Problem, Service, console, grpc};

use places::{Places, Taken};

pub(crate) use answer::Path;
pub(crate) use auth::Known;
pub(crate) use control::{Control, HaltRow, Row, Waiting, halted, short, waiting};
pub use control::{Hosts, control_router};
pub use forwarded::{ForwardedBy, Proxies};
pub(crate) use places::Place;
pub use places::Room;
pub(crate) use rate::Who;
pub use rate::{OPEN_ORDERS, OwnKeys, Rates};
pub use serve::{Patience, Port, serve};
pub use tls::{Tls, TlsError};

/// Largest request body, bytes.
const MAX_BODY: usize = 16 * 1024;
/// How long a request takes at most, when nothing else is said. Of a stream this is the head.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// What handlers share.
#[derive(Clone)]
pub struct Api {
    pub(crate) service: Arc<Service>,
    pub(crate) rates: Arc<Rates>,
    streams: Arc<Places<Who>>,
    longest: Duration,
    /// `None` where keys come from the operator alone.
    keys: Option<Arc<OwnKeys>>,
}

impl Api {
    /// Whether whoever asks gets a key.
    pub(crate) fn gives_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// A place among the streams.
    ///
    /// # Errors
    /// 503 when all are taken, 429 when the caller has a share of them already.
    pub(crate) fn stream(&self, who: Who) -> Result<Place<Who>, Problem> {
        self.streams.take(who).map_err(|taken| match taken {
            Taken::All => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_STREAMS", "all streams are taken").retry_in(10)
            }
            Taken::Share => {
                let detail = "one caller may hold no more streams";
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_STREAMS_OF_ONE", detail).retry_in(10)
            }
        })
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Spandrel transfer API",
        description = "Amounts are decimal strings in base units, times RFC 3339, errors RFC 9457 problem documents.",
        license(name = "Apache-2.0")
    ),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("api_key", scheme);
    }
}

fn documented() -> (Router<Api>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(catalog::chains))
        .routes(routes!(catalog::assets))
        .routes(routes!(catalog::routes))
        .routes(routes!(keys::make))
        .routes(routes!(limits::limits))
        .routes(routes!(limits::quote))
        .routes(routes!(orders::create))
        .routes(routes!(orders::name_source_tx))
        .routes(routes!(orders::cancel))
        .routes(routes!(transfers::list))
        .routes(routes!(transfers::show))
        .routes(routes!(transfers::instructions))
        .routes(routes!(transfers::proof))
        .routes(routes!(status::status))
        .routes(routes!(status::alive))
        .routes(routes!(status::ready))
        .routes(routes!(webhooks::register, webhooks::list))
        .routes(routes!(webhooks::remove))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::redeliver))
        .routes(routes!(events::events))
        .split_for_parts();
    headers::tell(&mut document);
    parameters::tell(&mut document);
    links::tell(&mut document);
    (router, document)
}

/// The OpenAPI document, generated from the handlers. Its members are in the order of their names, so that it is the same text
/// whenever it is written.
pub fn openapi() -> Value {
    shown(&documented().1)
}

fn shown(document: &utoipa::openapi::OpenApi) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

/// The whole API, REST and gRPC, and the users' pages of the console. Whatever is asked is answered within `longest`. Serve it
/// with connect info: addresses are what anonymous rates are kept by.
pub fn router(service: Arc<Service>, rates: Rates, streams: Room, keys: Option<OwnKeys>, longest: Duration) -> Router {
    let (rates, streams) = (Arc::new(rates), Arc::new(Places::new(streams)));
    let api = Api { service, rates, streams, longest, keys: keys.map(Arc::new) };
    let (router, document) = documented();
    let text: Arc<str> = format!("{:#}", shown(&document)).into();
    let json = [(axum::http::header::CONTENT_TYPE, "application/json")];
    router
        .route("/openapi.json", axum::routing::get(move || async move { (json, text.to_string()) }))
        .merge(console::user_routes())
        .merge(grpc::routes(api.clone(), MAX_BODY))
        .fallback(answer::no_such_path)
        .method_not_allowed_fallback(answer::no_such_method)
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, longest))
        .layer(middleware::from_fn_with_state(api.clone(), rate::limit))
        .layer(middleware::from_fn(answer::identify))
        .with_state(api)
}

//! The console: pages for people, rendered here from the same service and desk as the JSON.
//!
//! Users' pages are on the transfer API's port, guardians' on the control port, which alone has their powers. Pages only
//! read: what changes something is sent as JSON by a script of this service, with a key that the person types or a
//! guardian's signature, so there is no session to ride. Every value is escaped by the template; a strict
//! Content-Security-Policy stands behind that.

mod assets;
mod form;
mod guardian;
mod headers;
mod layout;
mod live;
mod overview;
mod send;
mod taking_back;
mod transfer;
mod transfers;
mod units;

use axum::response::Redirect;
use axum::routing::get;
use axum::{Router, middleware};

use crate::http::Api;

pub use guardian::routes as guardian_routes;

/// Users' pages.
pub fn user_routes() -> Router<Api> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console", get(overview::page))
        .route("/console/live", get(live::all))
        .route("/console/live/{id}", get(live::one))
        .route("/console/send", get(send::page))
        .route("/console/transfers", get(transfers::page))
        .route("/console/transfers/{id}", get(transfer::page))
        .route("/console/transfers/{id}/qr.svg", get(transfer::qr))
        .route("/console/assets/{name}", get(assets::asset))
        .layer(middleware::from_fn(headers::strict))
}

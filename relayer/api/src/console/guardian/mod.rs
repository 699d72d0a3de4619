//! Guardians' pages, on the control port: what stands, a statement drafted, reviewed in full and signed, and the audit log.
//!
//! Drafting is a GET and changes nothing; only a signed statement does, posted to the control API like any other.

mod audit;
mod command;
mod controls;
mod draft;
mod fields;
mod limits;
mod live;
mod review;
mod typed;
mod wide;

use axum::response::Redirect;
use axum::routing::get;
use axum::{Router, middleware};

use super::layout::{Door, Trouble};
use super::{assets, headers};
use crate::Problem;
use crate::http::Control;

/// Guardians' pages.
pub fn routes() -> Router<Control> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console", get(controls::page))
        .route("/console/draft", get(draft::page))
        .route("/console/review", get(review::page))
        .route("/console/audit", get(audit::page))
        .route("/console/live", get(live::live))
        .route("/console/assets/{name}", get(assets::asset))
        .layer(middleware::from_fn(headers::strict))
}

fn trouble(problem: Problem) -> Trouble {
    Trouble::new(Door::Guardians, problem)
}

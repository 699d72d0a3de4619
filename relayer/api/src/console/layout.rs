//! The frame of every page, and the pieces that several have.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::units;
use crate::service::ReasonView;
use crate::{Denomination, Problem};

/// Which door a page belongs to: each has pages of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The transfer API's port.
    Users,
    /// The control API's port.
    Guardians,
}

impl Door {
    fn pages(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Users => &[("/console", "Overview"), ("/console/transfers", "Transfers"), ("/console/send", "Send")],
            Self::Guardians => &[("/console", "Controls"), ("/console/audit", "Audit")],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Users => "Spandrel",
            Self::Guardians => "Spandrel guardians",
        }
    }
}

/// A page.
pub struct Page {
    /// Whose.
    pub door: Door,
    /// The page's path in the navigation.
    pub path: &'static str,
    /// Its title.
    pub title: String,
    /// Where it hears of changes, if it does: a stream of this service.
    pub live: Option<String>,
    /// Its content.
    pub body: Markup,
    /// With which status it is answered.
    pub status: StatusCode,
}

impl Page {
    /// A page that is there.
    pub fn new(door: Door, path: &'static str, title: impl Into<String>, body: Markup) -> Self {
        Self { door, path, title: title.into(), live: None, body, status: StatusCode::OK }
    }

    /// Reads anew what changes.
    #[must_use]
    pub fn live(mut self, stream: impl Into<String>) -> Self {
        self.live = Some(stream.into());
        self
    }

    fn render(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · " (self.door.name()) }
                    link rel="icon" href="/console/assets/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/console/assets/console.css";
                    script type="module" src="/console/assets/live.js" {}
                    @match self.door {
                        Door::Users => script type="module" src="/console/assets/send.js" {},
                        Door::Guardians => script type="module" src="/console/assets/sign.js" {},
                    }
                }
                body data-live-stream=[self.live.as_deref()] {
                    a.skip href="#main" { "Skip to content" }
                    header.top {
                        a.brand href="/console" { (mark()) span { (self.door.name()) } }
                        nav aria-label="Pages" {
                            ul {
                                @for (path, name) in self.door.pages() {
                                    li { a href=(path) aria-current=[(*path == self.path).then_some("page")] { (name) } }
                                }
                            }
                        }
                        @if self.live.is_some() {
                            p.link #link role="status" data-state="waiting" { "Connecting" }
                        }
                    }
                    main #main tabindex="-1" { (self.body) }
                    footer.foot {
                        p { "Read from this node's ledger. Times are UTC." }
                        noscript { p { "Without scripts pages do not refresh by themselves, and nothing can be signed or sent." } }
                    }
                }
            }
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        (self.status, kind, self.render().into_string()).into_response()
    }
}

/// A problem as a page.
pub struct Trouble {
    door: Door,
    problem: Box<Problem>,
}

impl Trouble {
    /// What is wrong with a page behind `door`.
    pub fn new(door: Door, problem: Problem) -> Self {
        Self { door, problem: Box::new(problem) }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let problem = &self.problem;
        let body = html! {
            h1 { (problem.title) }
            (refusal(problem, None))
            p { a href="/console" { "Back to the first page" } }
        };
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Page { status, ..Page::new(self.door, "", problem.title, body) }.into_response()
    }
}

/// What was refused, and why; it has the focus when the page opens. `field` is the id of the field at fault, if the page
/// has it.
pub fn refusal(problem: &Problem, field: Option<&str>) -> Markup {
    html! {
        div.notice.bad #refusal role="alert" tabindex="-1" autofocus {
            p { strong { (problem.code) } @if let Some(parameter) = &problem.parameter { " · " code { (parameter) } } }
            p { (problem.detail) }
            @if let Some(field) = field { p { a href=(format!("#{field}")) { "Go to the field" } } }
        }
    }
}

/// An arch.
fn mark() -> Markup {
    html! {
        svg width="28" height="28" viewBox="0 0 28 28" aria-hidden="true" {
            path d="M2 5h24v18h-5a7 7 0 0 0-14 0H2z" fill="currentColor" {}
        }
    }
}

/// A table that becomes cards on narrow screens; roles are spelled out, because cards lose the table's own.
pub fn table(caption: &str, columns: &[&str], rows: Vec<Vec<Markup>>) -> Markup {
    html! {
        table role="table" {
            caption.hidden { (caption) }
            thead role="rowgroup" { tr role="row" { @for column in columns { th role="columnheader" scope="col" { (column) } } } }
            tbody role="rowgroup" {
                @for row in &rows {
                    tr role="row" {
                        @for (cell, column) in row.iter().zip(columns) {
                            td role="cell" data-label=(column) { div { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// How something stands: a colour never says it alone.
pub fn pill(tone: &str, text: &str) -> Markup {
    html! { span class=(format!("pill {tone}")) { (text) } }
}

/// The tone of a transfer's status.
pub fn tone(status: &str) -> &'static str {
    match status {
        "final" | "settled" | "executed" => "ok",
        "held" | "awaiting_deposit" | "expired" | "cancelled" => "warn",
        "failed" | "quarantined" | "rejected" | "reorged" | "shortfall" => "bad",
        _ => "busy",
    }
}

/// A status as a pill.
pub fn status(name: &str) -> Markup {
    pill(tone(name), &units::words(name))
}

/// A long name, shortened for the eye; whole for the clipboard.
pub fn copied(text: &str, what: &str) -> Markup {
    html! {
        span.copied {
            code title=(text) { (units::short(text)) }
            button.quiet type="button" data-copy=(text) aria-label=(format!("Copy {what}")) { "Copy" }
        }
    }
}

/// A chain by name; its CAIP-2 id is its title.
pub fn chain(id: &str) -> Markup {
    html! { span title=(id) { (units::chain_name(id)) } }
}

/// An amount in units; its base units, which are exact whatever a unit is, are its title.
pub fn amount(base: &str, of: Option<&Denomination>) -> Markup {
    let title = of.is_some().then(|| units::amount(base, None));
    html! { span.amount title=[title] { (units::amount(base, of)) } }
}

/// Why something waits.
pub fn why(reason: &ReasonView) -> Markup {
    html! {
        (reason.message)
        @if let Some(at) = &reason.release_at { ", until " time datetime=(at) { (units::time(at)) } }
        " " code.faint { (reason.code) }
    }
}

/// Trusted SVG of this service's own making.
pub fn svg(text: &str) -> Markup {
    PreEscaped(text.find("<svg").and_then(|from| text.get(from..)).unwrap_or_default().to_owned())
}

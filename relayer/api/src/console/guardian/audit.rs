//! `/console/audit`: the hash-chained log, newest entries first.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use spandrel_store::AuditRow;

use super::super::form::GuardianForm;
use super::super::layout::{Door, Page, Trouble, copied, pill, table};
use super::super::units;
use super::trouble;
use crate::Problem;
use crate::http::Control;

const LISTED: u32 = 50;

/// Which entries.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    before: Option<u64>,
}

/// The page.
pub async fn page(State(control): State<Control>, GuardianForm(asked): GuardianForm<Asked>) -> Result<Page, Trouble> {
    if asked.before.is_some_and(|before| i64::try_from(before).is_err()) {
        return Err(trouble(Problem::invalid("before", "the number of an entry", "a larger one")));
    }
    let rows = control.store.audit_before(asked.before, LISTED).await.map_err(|error| trouble(error.into()))?;
    let page = Page::new(Door::Guardians, "/console/audit", "Audit", body(&rows, asked.before.is_none()));
    Ok(if asked.before.is_none() { page.live("/console/live") } else { page })
}

fn body(rows: &[AuditRow], is_newest: bool) -> Markup {
    html! {
        h1 { "Audit" }
        p.lead { "Every order and every decision. Each entry holds the hash of the one before, so that none can be changed or removed unseen." }
        div data-live="rows" {
            @if let Some(head) = rows.first().filter(|_| is_newest) {
                p { "Head: entry " strong { (head.sequence) } ", " (copied(&head.hash.to_string(), "the head's hash")) }
            }
            @if !holds(rows) {
                p.notice.bad role="alert" { "These entries do not fit each other: run spandrel audit verify." }
            }
            @if rows.is_empty() { p.faint { "Nothing was decided yet." } }
            @else { (table("Entries, newest first", &["Entry", "When", "Kind", "What", "Hash"], rows.iter().map(row).collect())) }
            nav.pages aria-label="Pages of the log" {
                @if !is_newest { a href="/console/audit" { "Newest" } }
                @if let Some(last) = rows.last().filter(|last| last.sequence > 0) {
                    a href=(format!("/console/audit?before={}", last.sequence)) { "Older" }
                }
            }
        }
        p.faint { "The whole chain is checked by " code { "spandrel audit verify FILE" } "; note the head elsewhere, then a cut-off end is seen too." }
    }
}

/// Whether what is shown fits: each hash its entry, each entry the one before.
fn holds(rows: &[AuditRow]) -> bool {
    let is_sealed = rows.iter().all(|row| row.sealed() == row.hash);
    is_sealed && rows.windows(2).all(|pair| matches!(pair, [after, before] if after.previous == before.hash))
}

fn row(row: &AuditRow) -> Vec<Markup> {
    vec![
        html! { (row.sequence) },
        html! { time { (units::moment(row.at)) } },
        pill(if row.kind == "control" { "warn" } else { "plain" }, &row.kind),
        html! { details { summary { (summary(&row.body)) } pre { code { (row.body) } } } },
        copied(&row.hash.to_string(), "the entry's hash"),
    ]
}

/// What an entry is about, in a few words: what happened, who said what, and about what.
fn summary(body: &str) -> String {
    let value: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    let event = text("/event").or_else(|| text("/reason")).unwrap_or("entry");
    let more = [text("/person").or_else(|| text("/by")), text("/signed/statement/act/act"), text("/outcome/outcome")];
    let about = ["/transfer", "/id", "/chain"].iter().find_map(|pointer| text(pointer));
    let parts = std::iter::once(units::words(event)).chain(more.into_iter().flatten().map(units::words));
    parts.chain(about.map(units::short)).collect::<Vec<_>>().join(" · ")
}

//! `/console/transfers`: transfers in pages, newest first.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use spandrel_core::Status;

use super::form::{UserForm, given};
use super::layout::{Door, Page, Trouble, amount, chain, status, table};
use super::units;
use crate::Denominations;
use crate::http::Api;
use crate::service::{ListRequest, TransferList, TransferView};

/// What is asked for.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    status: Option<String>,
    source_tx: Option<String>,
    sender: Option<String>,
    cursor: Option<String>,
}

/// The page.
pub async fn page(State(api): State<Api>, UserForm(asked): UserForm<Asked>) -> Result<Page, Trouble> {
    let owned = |text: &Option<String>| given(text).map(str::to_owned);
    let request = ListRequest {
        source_tx: owned(&asked.source_tx),
        sender: owned(&asked.sender),
        status: owned(&asked.status),
        cursor: owned(&asked.cursor),
        mine: None,
        limit: None,
    };
    let list = api.service.list(&request, None).await.map_err(|problem| Trouble::new(Door::Users, problem))?;
    let page =
        Page::new(Door::Users, "/console/transfers", "Transfers", body(&request, &list, api.service.denominations()));
    // Older pages do not change under who reads them.
    Ok(if request.cursor.is_none() { page.live("/console/live") } else { page })
}

fn body(request: &ListRequest, list: &TransferList, denominations: &Denominations) -> Markup {
    let older = list.next_cursor.as_ref().map(|cursor| link(request, cursor));
    html! {
        h1 { "Transfers" }
        form.filters method="get" action="/console/transfers" role="search" aria-label="Transfers" {
            div.field {
                label for="status" { "Status" }
                select #status name="status" {
                    option value="" { "any" }
                    @for name in Status::NAMES {
                        option value=(name) selected[request.status.as_deref() == Some(name)] { (units::words(name)) }
                    }
                }
            }
            div.field {
                label for="source_tx" { "Deposit transaction" }
                input #source_tx name="source_tx" type="text" value=[request.source_tx.as_deref()] spellcheck="false" autocomplete="off";
            }
            div.field {
                label for="sender" { "Sender" }
                input #sender name="sender" type="text" value=[request.sender.as_deref()] spellcheck="false" autocomplete="off";
            }
            button type="submit" { "Show" }
        }
        div data-live="list" {
            @if list.transfers.is_empty() { p.notice.calm { "No transfer matches." } }
            @else {
                (table("Transfers, newest first", &["Transfer", "Route", "Amount", "Lane", "Status", "Changed"],
                    list.transfers.iter().map(|transfer| row(transfer, denominations)).collect()))
            }
            nav.pages aria-label="Pages of the list" {
                @if request.cursor.is_some() { a href="/console/transfers" rel="first" { "Newest" } }
                @if let Some(older) = older { a href=(older) rel="next" { "Older" } }
            }
        }
    }
}

fn row(transfer: &TransferView, denominations: &Denominations) -> Vec<Markup> {
    vec![
        html! { a href=(format!("/console/transfers/{}", transfer.id)) { code { (units::short(&transfer.id)) } } },
        html! { (chain(&transfer.source)) " → " (chain(&transfer.destination)) },
        amount(&transfer.amount, denominations.of(&transfer.asset).as_ref()),
        html! { @match &transfer.lane { Some(lane) => (units::words(lane)), None => span.faint { "not decided" } } },
        html! {
            (status(&transfer.status))
            @if let Some(substatus) = &transfer.substatus { " " span.faint { (units::words(substatus)) } }
        },
        html! { time datetime=(transfer.updated_at) { (units::time(&transfer.updated_at)) } },
    ]
}

/// The next page of the same search.
fn link(request: &ListRequest, cursor: &str) -> String {
    let fields = [
        ("status", request.status.as_deref()),
        ("source_tx", request.source_tx.as_deref()),
        ("sender", request.sender.as_deref()),
        ("cursor", Some(cursor)),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    fields.iter().filter_map(|(name, value)| Some((name, (*value)?))).for_each(|(name, value)| {
        query.append_pair(name, value);
    });
    format!("/console/transfers?{}", query.finish())
}

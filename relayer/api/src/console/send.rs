//! `/console/send`: what an amount would get on a route, and the order.
//!
//! Asking is a GET with nothing kept. The order itself is JSON with the person's API key, sent by `send.js`, which keeps
//! the key in memory only.

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;
use spandrel_verifiers::LanePreference;

use super::form::{UserForm, given};
use super::layout::{Door, Page, Trouble, amount, pill, refusal, why};
use super::units;
use crate::http::Api;
use crate::service::{LaneOffer, Quote, QuoteRequest, RouteView};
use crate::{Denominations, Problem, quote_lane};

/// What is asked.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Asked {
    route: Option<String>,
    amount: Option<String>,
    lane: Option<String>,
}

/// What came of it.
enum Answer {
    Nothing,
    Wrong(Problem),
    Lanes(Vec<LaneOffer>, Option<Quote>),
}

/// The page.
pub async fn page(State(api): State<Api>, UserForm(asked): UserForm<Asked>) -> Result<Page, Trouble> {
    let routes = api.service.routes().await.map_err(|problem| Trouble::new(Door::Users, problem))?;
    let routes: Vec<RouteView> = routes.into_iter().filter(|route| route.orders).collect();
    let route = routes.iter().find(|route| given(&asked.route) == Some(route.id.as_str()));
    let answer = match ask(&api, route, &asked).await {
        Ok(answer) => answer,
        Err(problem) if problem.status < 500 => Answer::Wrong(problem),
        Err(problem) => return Err(Trouble::new(Door::Users, problem)),
    };
    let form = Form { routes: &routes, chosen: route, asked: &asked, denominations: api.service.denominations() };
    let body = body(&form, &answer, api.gives_keys());
    Ok(Page::new(Door::Users, "/console/send", "Send", body))
}

async fn ask(api: &Api, route: Option<&RouteView>, asked: &Asked) -> Result<Answer, Problem> {
    let Some(amount) = given(&asked.amount) else { return Ok(Answer::Nothing) };
    let Some(route) = route else {
        return Err(Problem::invalid("route", "one of the routes", given(&asked.route).unwrap_or_default()));
    };
    let lane: Option<LanePreference> = given(&asked.lane).map(quote_lane).transpose()?;
    let amount = units::base_units(amount, api.service.denominations().of(&route.asset).as_ref())?;
    let request = QuoteRequest { route: route.id.clone(), amount, lane, recipient: None, refund_key: None };
    let lanes = api.service.weigh(&request).await?;
    let is_offered = lanes.iter().any(|lane| lane.offered);
    let quote = if is_offered { Some(api.service.quote(&request).await?) } else { None };
    Ok(Answer::Lanes(lanes, quote))
}

/// What the form offers, and how it is filled in.
struct Form<'a> {
    routes: &'a [RouteView],
    chosen: Option<&'a RouteView>,
    asked: &'a Asked,
    denominations: &'a Denominations,
}

fn body(form: &Form<'_>, answer: &Answer, gives_keys: bool) -> Markup {
    html! {
        h1 { "Send" }
        @if let Answer::Wrong(problem) = answer { (refusal(problem, field_of(problem))) }
        section.card aria-labelledby="ask" {
            h2 #ask { "What, and where to" }
            (form.fields(answer))
        }
        @if let Answer::Lanes(lanes, quote) = answer {
            section aria-labelledby="lanes" {
                h2 #lanes { "Lanes" }
                @if quote.is_none() {
                    p.notice.warn #refusal role="alert" tabindex="-1" autofocus { "No lane takes it now." }
                }
                div.lanes { @for lane in lanes { (offer(lane)) } }
            }
            @if let (Some(quote), Some(route)) = (quote, form.chosen) { (order(route, quote, form.denominations, gives_keys)) }
        }
    }
}

/// The field of the form that a problem is about.
fn field_of(problem: &Problem) -> Option<&'static str> {
    ["route", "amount", "lane"].into_iter().find(|field| problem.parameter.as_deref() == Some(*field))
}

impl Form<'_> {
    fn fields(&self, answer: &Answer) -> Markup {
        let Self { routes, chosen, asked, denominations } = *self;
        let unit = |route: &RouteView| units::symbol(denominations.of(&route.asset).as_ref()).to_owned();
        let lane = given(&asked.lane).unwrap_or("any");
        let wrong = if let Answer::Wrong(problem) = answer { field_of(problem) } else { None };
        let is_wrong = |field| (wrong == Some(field)).then_some("true");
        let told_by = |field| (wrong == Some(field)).then_some("refusal");
        let units = chosen.or(routes.first()).map_or_else(|| units::symbol(None).to_owned(), unit);
        html! {
            form.grid method="get" action="/console/send" {
                div.field.wide {
                    label for="route" { "Route" }
                    select #route name="route" required aria-invalid=[is_wrong("route")] aria-describedby=[told_by("route")] {
                        @for route in routes {
                            option value=(route.id) data-unit=(unit(route)) selected[chosen == Some(route)] {
                                (units::chain_name(&route.source)) " → " (units::chain_name(&route.destination)) " · "
                                (units::asset_name(&route.asset, denominations))
                            }
                        }
                    }
                }
                div.field {
                    label for="amount" { "Amount in " span #unit { (units) } }
                    input #amount name="amount" type="text" inputmode="decimal" required autocomplete="off"
                        value=[given(&asked.amount)] aria-invalid=[is_wrong("amount")] aria-describedby=[told_by("amount")];
                }
                div.field {
                    label for="lane" { "Lane" }
                    select #lane name="lane" aria-invalid=[is_wrong("lane")] aria-describedby=[told_by("lane")] {
                        @for (value, words) in [("any", "whichever is quicker"), ("fast", "fast"), ("light_client", "light client")] {
                            option value=(value) selected[lane == value] { (words) }
                        }
                    }
                }
                button type="submit" { "Get a quote" }
            }
        }
    }
}

fn offer(offer: &LaneOffer) -> Markup {
    html! {
        article.card {
            h3 { (units::words(&offer.lane)) " lane " @if offer.offered { (pill("ok", "offered")) } @else { (pill("warn", "not offered")) } }
            @if let Some(eta) = offer.eta_seconds { p { "Paid about " strong { (units::duration(eta)) } " after the deposit." } }
            @if let Some(reason) = &offer.reason { p { (why(reason)) } }
            p.faint { @if offer.lane == "fast" { "Paid on the signers' word, before finality." } @else { "Paid when the deposit is proven." } }
        }
    }
}

fn order(route: &RouteView, quote: &Quote, denominations: &Denominations, gives_keys: bool) -> Markup {
    let of = denominations.of(&route.asset);
    let needs_refund = route.source.starts_with("bip122:");
    html! {
        section.card aria-labelledby="order" {
            h2 #order { "Order" }
            dl.facts {
                dt { "You deposit" } dd { (amount(&quote.amount, of.as_ref())) }
                dt { "Fee" } dd { (amount(&quote.fee, of.as_ref())) }
                dt { "Recipient gets" } dd { strong { (amount(&quote.receive, route.paid_as.as_ref())) } }
                dt { "Quote holds until" } dd { time datetime=(quote.expires_at) { (units::time(&quote.expires_at)) } }
            }
            form.grid #order-form data-quote=(quote.id) {
                div.field.wide {
                    label for="recipient" { "Recipient on " (units::chain_name(&route.destination)) }
                    input #recipient type="text" required spellcheck="false" autocomplete="off" placeholder="0x…";
                }
                @if needs_refund {
                    div.field.wide {
                        label for="refund" { "Refund key" }
                        input #refund type="text" required spellcheck="false" autocomplete="off" aria-describedby="refund-hint"
                            pattern="(0x)?[0-9a-fA-F]{64}";
                        p.hint #refund-hint { "Your own x-only public key, 64 hex digits: it can take the deposit back if it is never paid out." }
                    }
                }
                div.field.wide {
                    label for="key" { "API key" @if gives_keys { " (if you have one)" } }
                    input #key type="password" required[!gives_keys] autocomplete="off" aria-describedby="key-hint" placeholder="sk_…";
                    p.hint #key-hint {
                        "Sent with this order alone; this page does not keep it."
                        @if gives_keys { " Without one, this order gets a key of its own." }
                    }
                }
                button type="submit" { "Order the transfer" }
            }
            p #order-said role="alert" tabindex="-1" {}
            noscript { p.notice.warn { "Ordering needs scripts; or use the API: POST /v1/transfers." } }
        }
    }
}

//! `/console`: the bridge at a glance.

use axum::extract::State;
use maud::{Markup, html};

use super::layout::{Door, Page, Trouble, amount, chain, copied, pill, status, table, why};
use super::units;
use crate::http::Api;
use crate::service::{Agreement, ChainLag, Gauge, LaneUse, Overview, PauseNow, RouteUse};
use crate::{Denomination, Denominations};

/// The page.
pub async fn page(State(api): State<Api>) -> Result<Page, Trouble> {
    let seen = api.service.overview().await.map_err(|problem| Trouble::new(Door::Users, problem))?;
    Ok(Page::new(Door::Users, "/console", "Overview", body(&seen, api.service.denominations())).live("/console/live"))
}

fn body(seen: &Overview, denominations: &Denominations) -> Markup {
    let halted = seen.chains.iter().filter(|chain| chain.halted.is_some()).count();
    let late = seen.chains.iter().filter(|chain| chain.is_late).count();
    let is_open = seen.pauses.is_empty() && halted == 0 && late == 0;
    html! {
        div.heading {
            h1 { "Overview" }
            p.state role="status" data-live="state" {
                @if is_open { (pill("ok", "Open")) } @else {
                    (pill("warn", "Degraded")) " " (counted(seen.pauses.len(), "pause")) ", " (counted(halted, "halted chain"))
                    @if late > 0 { ", " (counted(late, "late chain")) }
                }
            }
        }
        section aria-labelledby="pauses" {
            h2 #pauses { "Pauses" }
            div data-live="pauses" { (pauses(&seen.pauses, seen.now)) }
        }
        section aria-labelledby="routes" data-live="routes" {
            h2 #routes { "Routes and lanes" }
            @if seen.routes.is_empty() { p.faint { "No route is configured." } }
            @for route in &seen.routes { (route_card(route, denominations)) }
        }
        div.columns {
            section aria-labelledby="chains" data-live="chains" {
                h2 #chains { "Chains" }
                (chains(&seen.chains))
            }
            section aria-labelledby="verifiers" data-live="verifiers" {
                h2 #verifiers { "Verifiers" }
                (agreement(&seen.agreement))
            }
        }
        section aria-labelledby="transfers" data-live="transfers" {
            h2 #transfers { "Transfers" }
            @if seen.transfers.is_empty() { p.faint { "None yet." } }
            ul.counts {
                @for (name, count) in &seen.transfers {
                    li { a href=(format!("/console/transfers?status={name}")) { (status(name)) " " strong { (count) } } }
                }
            }
        }
    }
}

/// How many there are of something.
pub fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn pauses(pauses: &[PauseNow], now: u64) -> Markup {
    html! {
        @if pauses.is_empty() { p.notice.calm { "Nothing is paused." } }
        @for pause in pauses {
            div.notice.warn {
                p { strong { "Paused: " (pause.scope) } " " (until(pause.until, now)) }
                p.faint { (pause.reason) }
            }
        }
    }
}

/// When a pause ends.
pub fn until(until: Option<u64>, now: u64) -> Markup {
    html! {
        @match until {
            Some(at) => { "ends in " (units::duration(at.saturating_sub(now))) ", " time { (units::moment(at)) } },
            None => "frozen until two guardians lift it",
        }
    }
}

fn route_card(RouteUse { route, lanes }: &RouteUse, denominations: &Denominations) -> Markup {
    let (asset, of) = (&route.asset, denominations.of(&route.asset));
    let rows = lanes.iter().map(|lane| lane_row(lane, of.as_ref())).collect();
    html! {
        article.card {
            div.card-head {
                h3 { (chain(&route.source)) span.arrow aria-hidden="true" { " → " } span.hidden { " to " } (chain(&route.destination))
                    " · " span title=(asset) { (units::asset_name(asset, denominations)) } }
                @if route.orders { a href=(format!("/console/send?route={}", route.id)) { "Send on this route" } }
            }
            (table("Lanes of this route", &["Lane", "State", "Used in 24 h", "Paid, not yet proven", "Largest transfer"], rows))
        }
    }
}

fn lane_row(lane: &LaneUse, of: Option<&Denomination>) -> Vec<Markup> {
    let name = units::words(&lane.limits.lane);
    let exposure = |gauge: &Gauge| meter(gauge, of, &format!("Exposure of the {name} lane"));
    vec![
        html! { strong { (name) } },
        html! {
            @match &lane.limits.closed {
                None => (pill("ok", "open")),
                Some(reason) => { (pill("warn", "closed")) " " span.faint { (why(reason)) } },
            }
        },
        meter(&lane.window, of, &format!("Window of the {name} lane")),
        lane.exposure.as_ref().map_or_else(|| html! { span.faint { "none: pays after proof" } }, exposure),
        amount(&lane.limits.per_transfer, of),
    ]
}

/// A gauge with its numbers beside it.
fn meter(gauge: &Gauge, of: Option<&Denomination>, label: &str) -> Markup {
    let base = gauge.used.to_string();
    let used = of.map_or_else(|| base.clone(), |of| of.number(&base));
    let title = of.map(|_| format!("{base} of {}", units::amount(&gauge.limit.to_string(), None)));
    html! {
        @match (gauge.permille(), gauge.limit) {
            (Some(permille), spandrel_risk::Limit::Amount(limit)) => {
                meter min="0" max="1000" low="600" high="850" optimum="0" value=(permille) aria-label=(label) {}
                span.amount title=[title] { (used) " of " (units::amount(&limit.to_string(), of)) }
            },
            _ => span.amount title=[title] { (used) " of unlimited" },
        }
    }
}

fn chains(chains: &[ChainLag]) -> Markup {
    let rows = chains.iter().map(|lag| {
        let behind = lag.height.zip(lag.finalized).map(|(height, last)| height.saturating_sub(last));
        vec![
            html! { strong { (chain(&lag.chain)) } },
            html! {
                @match (&lag.halted, lag.is_late) {
                    (Some(reason), _) => { (pill("bad", "halted")) " " span.faint { (reason) } },
                    (None, true) => (pill("warn", "late")),
                    (None, false) => (pill("ok", "read")),
                }
            },
            html! { (number(lag.height)) @if let Some(age) = lag.age { span.faint { " · " (units::duration(age)) " old" } } },
            html! { (number(lag.finalized)) @if let Some(behind) = behind { span.faint { " · " (behind) " behind" } } },
        ]
    });
    html! {
        @if chains.is_empty() { p.faint { "No chain was read yet." } }
        @else { (table("How far each chain is read", &["Chain", "State", "Last block", "Final block"], rows.collect())) }
    }
}

fn number(height: Option<u64>) -> String {
    height.map_or_else(|| "–".to_owned(), |height| height.to_string())
}

fn agreement(agreement: &Agreement) -> Markup {
    let rows = agreement.signed.iter().map(|(verifier, signed)| {
        vec![
            copied(&verifier.to_string(), "the verifier's address"),
            html! {
                meter min="0" max=(agreement.proven.max(1)) value=(signed) aria-label="Proofs signed" {}
                span.amount { (signed) " of " (agreement.proven) }
            },
        ]
    });
    html! {
        p { (agreement.threshold) " of " (agreement.signed.len()) " must agree. "
            @if agreement.waiting == 0 { "No verdict is waited for." }
            @else {
                (agreement.waiting) " verdicts are waited for"
                @if let Some(since) = agreement.waiting_since { ", the oldest for " (units::duration(since)) }
                "."
            }
        }
        (table("Verifiers", &["Verifier", "Signed, of the newest proofs"], rows.collect()))
        p.faint { "A proof is complete with the first " (agreement.threshold) " signatures that agree." }
    }
}

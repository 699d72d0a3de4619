//! `/console` on the control port: what stands, and the ways to change it.

use alloy::primitives::B256;
use axum::extract::State;
use maud::{Markup, html};
use spandrel_risk::Scope;
use spandrel_risk::control::{Act, ControlPolicy, Proposal};

use super::super::layout::{Door, Page, Trouble, amount, chain, copied, pill, table};
use super::super::overview::{counted, until};
use super::super::units;
use super::draft::link;
use super::fields::{guardian_field, length_field, reason_field, scope_field};
use super::{limits, trouble, wide};
use crate::control::Standing;
use crate::http::{Control, HaltRow, Row, Waiting, halted, short, waiting};

/// Rows of each queue.
const LISTED: u32 = 50;

/// The page.
pub async fn page(State(control): State<Control>) -> Result<Page, Trouble> {
    let held = waiting(&control, "held", LISTED).await.map_err(trouble)?;
    let quarantined = waiting(&control, "quarantined", LISTED).await.map_err(trouble)?;
    let halts = halted(&control).await.map_err(trouble)?;
    let standing = control.desk.standing().await;
    let body = body(control.desk.guardians(), &standing, &halts, &held, &quarantined);
    Ok(Page::new(Door::Guardians, "/console", "Controls", body).live("/console/live"))
}

fn body(
    guardians: &ControlPolicy,
    standing: &Standing,
    halts: &[HaltRow],
    held: &Waiting,
    quarantined: &Waiting,
) -> Markup {
    html! {
        div.heading {
            h1 { "Controls" }
            p.state role="status" data-live="state" {
                (counted(standing.risk.pauses_at(standing.now).count(), "pause")) ", "
                (counted(open(standing).count(), "open proposal")) ", " @if held.next_cursor.is_some() { "more than " } (counted(held.transfers.len(), "held transfer"))
            }
        }
        p.lead { "The safe direction is one person and now; the dangerous direction is two people and later." }
        section aria-labelledby="paused" {
            h2 #paused { "Pauses in force" }
            div data-live="paused" { (pauses(standing)) (stopped(halts, standing)) }
        }
        section.card aria-labelledby="pause" {
            h2 #pause { "Pause" }
            form.grid method="get" action="/console/review" {
                input type="hidden" name="act" value="pause";
                (scope_field(standing, None))
                (length_field("At most five days; it ends by itself.", None))
                (guardian_field(guardians, None))
                (reason_field(None, false))
                button.danger type="submit" { "Review the pause" }
            }
            p.faint {
                "Without an end, by two people: " a href=(link("freeze", &[])) { "freeze" } ". "
                "A deposit was missed: " a href=(link("reobserve", &[])) { "read blocks again" } "."
            }
        }
        section aria-labelledby="proposals" data-live="proposals" {
            h2 #proposals { "Proposals" }
            (proposals(standing))
        }
        section aria-labelledby="held" data-live="held" {
            h2 #held { "Held transfers" }
            (queue(held, standing, "No transfer is held.", "spandrel hold list", &[("extend_hold", "Extend"), ("release_held", "Release"), ("drop_held", "Drop")]))
        }
        section aria-labelledby="quarantine" data-live="quarantine" {
            h2 #quarantine { "Quarantined transfers" }
            (queue(quarantined, standing, "No transfer is quarantined.", "spandrel quarantine list", &[("requeue_quarantined", "Requeue"), ("drop_quarantined", "Drop")]))
        }
        section aria-labelledby="limits" data-live="limits" {
            h2 #limits { "Limits" }
            (limit_rows(standing))
            (wide::rows(standing))
        }
        section aria-labelledby="people" data-live="people" {
            h2 #people { "Guardians and signers" }
            (people(guardians, standing))
        }
    }
}

fn pauses(standing: &Standing) -> Markup {
    let pauses: Vec<_> = standing.risk.pauses_at(standing.now).collect();
    html! {
        @if pauses.is_empty() { p.notice.calm { "Nothing is paused." } }
        @for (scope, pause) in pauses {
            div.notice.warn {
                p { strong { "Paused: " (scope) } " "
                    (until((pause.until != u64::MAX).then_some(pause.until), standing.now)) }
                p.faint { (pause.reason) }
                p { a href=(scoped("resume", scope)) { "Propose to resume" } }
            }
        }
    }
}

/// What keeps health from being green.
fn stopped(halts: &[HaltRow], standing: &Standing) -> Markup {
    html! {
        @for HaltRow { chain, reason } in halts {
            div.notice.warn {
                p { strong { "Halted: " (chain) } }
                p.faint { (reason) }
                p { a href=(link("acknowledge_halt", &[("chain", chain.as_str()), ("halt", reason)])) { "Acknowledge" } }
            }
        }
        @for row in short(standing).into_iter().filter(|row| !row.is_accepted) {
            div.notice.warn {
                p { strong { "Paid, and the deposit is gone: " (amount(&row.amount, standing.denominations.of(row.corridor.asset.as_str()).as_ref())) } }
                p.faint { (row.transfer) }
                p { a href=(link("accept_loss", &[("transfer", &row.transfer.to_string())])) { "Propose to accept the loss" } }
            }
        }
    }
}

fn scoped(act: &str, scope: &Scope) -> String {
    link(act, &[("scope", &serde_json::to_string(scope).unwrap_or_default())])
}

fn open(standing: &Standing) -> impl Iterator<Item = (&B256, &Proposal)> {
    standing.control.proposals().filter(|(_, proposal)| proposal.lapses_at > standing.now)
}

fn proposals(standing: &Standing) -> Markup {
    let rows: Vec<Vec<Markup>> = open(standing)
        .map(|(id, proposal)| {
            let (waits, id) = (standing.waits.get(id), id.to_string());
            vec![
                html! { (what(&proposal.act, standing)) span.faint { (proposal.reason) } },
                html! { (proposal.person) br; span.faint { (units::moment(proposal.at)) } },
                html! {
                    @match &proposal.approval {
                        None => (pill("warn", "needs a second person")),
                        Some(approval) => {
                            (pill("busy", "approved")) " by " (approval.person) br;
                            span.faint {
                                @if let Act::ChangePolicy { .. } = proposal.act {
                                    "in force at a start with it after " (units::moment(approval.ready_at))
                                } @else {
                                    "carried out after " (units::moment(approval.ready_at)) ", once health is green"
                                }
                            }
                        },
                    }
                    @if let Some(wait) = waits { br; span.faint { (wait) } }
                },
                html! {
                    div.acts {
                        @if proposal.approval.is_none() { a href=(link("approve", &[("proposal", &id)])) { "Approve" } }
                        a href=(link("cancel", &[("proposal", &id)])) { "Cancel" }
                    }
                },
            ]
        })
        .collect();
    html! {
        @if rows.is_empty() { p.faint { "Nothing is proposed." } }
        @else { (table("Open proposals", &["What", "Proposed by", "Stands", "Do"], rows)) }
    }
}

/// What is proposed or about to be signed; of limits, what would change.
pub fn what(act: &Act, standing: &Standing) -> Markup {
    match act {
        Act::RaiseLimits { corridor, limits } => limits::changes("raise", corridor, limits, standing),
        Act::LowerLimits { corridor, limits } => limits::changes("lower", corridor, limits, standing),
        Act::RaiseWideLimit { limit, value } => wide::change("raise", limit, value, standing),
        Act::LowerWideLimit { limit, value } => wide::change("lower", limit, value, standing),
        other => html! { strong { (other) } br; },
    }
}

fn queue(waiting: &Waiting, standing: &Standing, none: &str, all: &str, acts: &[(&str, &str)]) -> Markup {
    let row = |row: &Row| {
        vec![
            copied(&row.id.to_string(), "the transfer's id"),
            html! { (chain(row.source.as_str())) " → " (chain(row.destination.as_str())) },
            amount(&row.amount, standing.denominations.of(row.asset.as_str()).as_ref()),
            html! { (row.reason) @if let Some(at) = row.until { br; span.faint { "at least until " (units::moment(at)) } } },
            html! {
                div.acts {
                    @for (act, name) in acts { a href=(link(act, &[("transfer", &row.id.to_string())])) { (name) } }
                }
            },
        ]
    };
    let rows: Vec<_> = waiting.transfers.iter().map(row).collect();
    html! {
        @if rows.is_empty() { p.faint { (none) } }
        @else { (table("Transfers that wait", &["Transfer", "Route", "Amount", "Why", "Do"], rows)) }
        @if waiting.next_cursor.is_some() { p.faint { "There are older ones: " code { (all) } " shows all." } }
    }
}

fn limit_rows(standing: &Standing) -> Markup {
    let rows = standing.limits.limits.iter().map(|(corridor, limits)| {
        let (asset, denominations) = (corridor.asset.as_str(), &*standing.denominations);
        let of = denominations.of(asset);
        let shown = |limit: &spandrel_risk::Limit| amount(&limit.to_string(), of.as_ref());
        let named = serde_json::to_string(corridor).unwrap_or_default();
        vec![
            html! { (chain(corridor.source.as_str())) " → " (chain(corridor.destination.as_str())) " · " (units::asset_name(asset, denominations)) },
            html! { strong { (units::words(&corridor.lane.to_string())) } },
            shown(&limits.per_transfer),
            shown(&limits.window),
            shown(&limits.exposure_cap),
            html! {
                div.acts {
                    a href=(link("lower_limits", &[("corridor", &named)])) { "Lower" }
                    a href=(link("raise_limits", &[("corridor", &named)])) { "Raise" }
                }
            },
        ]
    });
    table("Limits", &["Route", "Lane", "Largest transfer", "In 24 h", "Exposure", "Do"], rows.collect())
}

fn people(guardians: &ControlPolicy, standing: &Standing) -> Markup {
    let rows = guardians.guardians.iter().map(|(address, person)| {
        vec![
            html! { strong { (person) } },
            copied(&address.to_string(), "the guardian's address"),
            html! { (standing.control.next_nonce(address)) },
        ]
    });
    html! {
        (table("Guardians", &["Person", "Key", "Next statement"], rows.collect()))
        @for (role, set) in &standing.signers {
            p { strong { (units::words(role.name())) } ": epoch " (set.epoch) ", " (set.threshold) " of " (set.members.len()) }
        }
        p.faint { "Deployment " code { (guardians.deployment) } ". Other signers are proposed by "
            code { "spandrel signers change" } "." }
    }
}

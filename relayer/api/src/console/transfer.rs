//! `/console/transfers/{id}`: one transfer, from its deposit instructions to its evidence, and its way back.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::form::UserForm;
use super::layout::{Door, Page, Trouble, amount, chain, copied, status, svg, why};
use super::{taking_back, units};
use crate::http::{Api, Path};
use crate::instructions::{EvmCall, Instructions};
use crate::service::{BlockView, EventView, Seen, TransferView, WayBack};
use crate::{Denomination, Denominations, Problem};

/// The page.
pub async fn page(State(api): State<Api>, Path(id): Path<String>) -> Result<Page, Trouble> {
    let (service, refused) = (&api.service, |problem| Trouble::new(Door::Users, problem));
    let transfer = service.transfer(&id).await.map_err(refused)?;
    let events = service.events(&id, &Seen::default()).await.map_err(refused)?;
    let instructions = service.awaited_instructions(&id).await.map_err(refused)?;
    let way_back = service.way_back(&id).await.map_err(refused)?;
    let title = format!("Transfer {}", units::short(&transfer.id));
    let sides = Sides::of(&transfer, service.denominations());
    let body = body(&transfer, &sides, &events, instructions.as_ref(), way_back.as_ref());
    let page = Page::new(Door::Users, "/console/transfers", title, body);
    Ok(if transfer.terminal { page } else { page.live(format!("/console/live/{}", transfer.id)) })
}

/// Which of a deposit's calls, from 0.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    #[serde(default)]
    call: usize,
}

/// The payment request of a transfer that waits for its deposit; of a deposit in several calls, one call's.
pub async fn qr(
    State(api): State<Api>,
    Path(id): Path<String>,
    UserForm(Which { call }): UserForm<Which>,
) -> Result<Response, Trouble> {
    let refused = |problem| Trouble::new(Door::Users, problem);
    let instructions = api.service.awaited_instructions(&id).await.map_err(refused)?;
    let none = || refused(Problem::not_found("NO_DEPOSIT_AWAITED", "deposit awaited for this transfer"));
    let qr = match instructions.ok_or_else(none)? {
        Instructions::Bitcoin { qr, .. } => qr,
        Instructions::Evm { calls } => calls.into_iter().nth(call).map(|call| call.qr).ok_or_else(none)?,
    };
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "no-store")], svg(&qr).into_string())
        .into_response())
}

/// How its amount is written on either side.
struct Sides {
    deposited: Option<Denomination>,
    paid: Option<Denomination>,
}

impl Sides {
    fn of(transfer: &TransferView, denominations: &Denominations) -> Self {
        let deposited = denominations.of(&transfer.asset);
        Self { deposited, paid: denominations.paid(&transfer.asset, &transfer.destination) }
    }
}

fn body(
    transfer: &TransferView,
    sides: &Sides,
    events: &[EventView],
    instructions: Option<&Instructions>,
    way_back: Option<&WayBack>,
) -> Markup {
    html! {
        div.heading {
            h1 { "Transfer " code title=(transfer.id) { (units::short(&transfer.id)) } }
            p.state role="status" data-live="state" {
                span data-terminal[transfer.terminal] { (status(&transfer.status)) }
                @if let Some(substatus) = &transfer.substatus { " " (units::words(substatus)) }
                @if let Some(reason) = &transfer.reason { " " (why(reason)) }
            }
        }
        div data-live="deposit" {
            @if let Some(instructions) = instructions { (deposit(transfer, sides, instructions)) }
        }
        div data-live="back" {
            @if let Some(way_back) = way_back { (taking_back::section(transfer, way_back)) }
        }
        div.columns {
            section aria-labelledby="timeline" data-live="timeline" {
                h2 #timeline { "Timeline" }
                (timeline(transfer, events))
            }
            section aria-labelledby="facts" data-live="facts" {
                h2 #facts { "Facts" }
                (facts(transfer, sides))
            }
        }
        section aria-labelledby="evidence" data-live="evidence" {
            h2 #evidence { "Evidence" }
            (evidence(transfer, events))
        }
    }
}

fn timeline(transfer: &TransferView, events: &[EventView]) -> Markup {
    html! {
        ol.timeline {
            li.done { span { @if transfer.deposit.is_none() { "ordered" } @else { "first seen" } } time datetime=(transfer.created_at) { (units::time(&transfer.created_at)) } }
            @for event in events {
                li.done {
                    span { (units::words(&event.event)) } time datetime=(event.at) { (units::time(&event.at)) }
                    (told(event))
                }
            }
            @if !transfer.terminal { li.next { span { (next(transfer)) } } }
        }
    }
}

/// What the ledger holds of an event.
fn told(event: &EventView) -> Markup {
    let EventView { block, transaction, lane, reason, signers, .. } = event;
    html! {
        @if let Some(lane) = lane { p.told { "On the " (units::words(lane)) " lane" } }
        @if let Some(reason) = reason { p.told { (why(reason)) } }
        @if let Some(block) = block { p.told { "Block " (block_name(block)) } }
        @if let Some(transaction) = transaction { p.told { "Transaction " (copied(transaction, "the transaction")) } }
        @if !signers.is_empty() { p.told { "Signed by " (addresses(signers)) } }
    }
}

fn block_name(block: &BlockView) -> Markup {
    html! { @if let Some(height) = block.height { (height) " " } (copied(&block.hash, "the block's hash")) }
}

fn addresses(signers: &[String]) -> Markup {
    html! {
        @for (n, signer) in signers.iter().enumerate() {
            @if n > 0 { ", " }
            (copied(signer, "the signer's address"))
        }
    }
}

/// What is waited for.
fn next(transfer: &TransferView) -> String {
    match (&transfer.substatus, transfer.status.as_str()) {
        (Some(substatus), _) => units::words(substatus),
        (None, "awaiting_deposit") => "waiting for the deposit".to_owned(),
        (None, "cancelled" | "expired") => {
            "no deposit is asked for; one that was made in time is still paid".to_owned()
        }
        (None, "held") => "waiting to be let go on".to_owned(),
        (None, status) => format!("after: {}", units::words(status)),
    }
}

fn facts(transfer: &TransferView, sides: &Sides) -> Markup {
    let hash = |name: &str, hash: &Option<String>| {
        html! { @if let Some(hash) = hash { dt { (name) } dd { (copied(hash, name)) } } }
    };
    html! {
        dl.facts {
            dt { "Amount" }
            dd { (amount(&transfer.amount, sides.deposited.as_ref())) }
            dt { @if transfer.payout_tx.is_some() { "Paid" } @else { "To be paid" } }
            dd { (amount(&transfer.amount, sides.paid.as_ref())) }
            dt { "From" } dd { (chain(&transfer.source)) }
            dt { "To" } dd { (chain(&transfer.destination)) }
            dt { "Recipient" } dd { (copied(&units::account(&transfer.recipient), "the recipient")) }
            @if let Some(sender) = &transfer.sender { dt { "Sender" } dd { (copied(&units::account(sender), "the sender")) } }
            @if let Some(lane) = &transfer.lane { dt { "Lane" } dd { (units::words(lane)) } }
            @if let Some(confirmations) = transfer.confirmations {
                dt { "Confirmations" }
                dd {
                    (confirmations)
                    @match transfer.confirmations_required.filter(|required| confirmations < *required) {
                        Some(required) => { " of " (required) },
                        None => { @if transfer.source_final { ", final" } },
                    }
                }
            }
            @if let Some(eta) = &transfer.eta_at { dt { "Expected" } dd { time datetime=(eta) { (units::time(eta)) } } }
            (hash("Deposit transaction", &transfer.source_tx))
            (hash("Payout transaction", &transfer.payout_tx))
            (hash("Settlement transaction", &transfer.settlement_tx))
            // Guardians' pages know a transfer by its deposit.
            @if let Some(deposit) = transfer.deposit.as_ref().filter(|deposit| **deposit != transfer.id) {
                dt { "Deposit" } dd { (copied(deposit, "the deposit's id")) }
            }
            dt { "Expires" } dd { time datetime=(transfer.expires_at) { (units::time(&transfer.expires_at)) } }
            @for deposit in &transfer.more_deposits {
                dt { "Further deposit" } dd { a href=(format!("/console/transfers/{deposit}")) { code { (units::short(deposit)) } } }
            }
        }
    }
}

/// What anyone can check: who attested the deposit, who proved it and under which block, and how to check it again.
fn evidence(transfer: &TransferView, events: &[EventView]) -> Markup {
    let last = |name: &str| events.iter().rev().find(|event| event.event == name);
    let proven = last("verified").filter(|_| transfer.proof_available);
    html! {
        @if let Some(attested) = last("attested") { p { "Attested by " (addresses(&attested.signers)) } }
        @if let Some(proven) = proven {
            p {
                "Proven" @if let Some(block) = &proven.block { " under block " (block_name(block)) }
                ", verified by " (addresses(&proven.signers))
            }
        }
        @if transfer.proof_available {
            p { a href=(format!("/v1/transfers/{}/proof", transfer.id)) { "Proof of this deposit" }
                ": the evidence, the verifiers' checkpoint, and the calls with which anyone can claim the payout without this bridge." }
            p.faint { "Saved as it is, it is checked offline with " code { "spandrel proof verify FILE" } "." }
        } @else {
            p.faint { "There is none yet: it is built when the deposit's block is final." }
        }
    }
}

fn deposit(transfer: &TransferView, sides: &Sides, instructions: &Instructions) -> Markup {
    html! {
        section.card aria-labelledby="deposit" {
            h2 #deposit { "Make the deposit" }
            p { "Exactly " strong { (amount(&transfer.amount, sides.deposited.as_ref())) } " on " (chain(&transfer.source))
                ", before " time datetime=(transfer.expires_at) { (units::time(&transfer.expires_at)) } "." }
            div.pay {
                @match instructions {
                    Instructions::Bitcoin { address, uri, refund, .. } => {
                        (code_image(transfer, 0, "QR code of the payment request", uri))
                        div {
                            dl.facts {
                                dt { "Pay to" } dd { (copied(address, "the address")) }
                                dt { "Refund key" } dd { (copied(&refund.key, "the refund key")) }
                                dt { "Refund" } dd { "by the script path, " (refund.after_blocks) " blocks after the deposit" }
                            }
                            p { a.button href=(uri) { "Open in a wallet" } }
                            p.faint { "Keep the refund script and the control block under "
                                a href="#back" { "Taking it back" } ": with your key they are the way back." }
                        }
                    },
                    Instructions::Evm { calls } => {
                        div {
                            ol.calls { @for (n, call) in calls.iter().enumerate() { (evm_call(transfer, calls.len(), n, call)) } }
                            p #wallet-said role="status" tabindex="-1" {}
                        }
                    },
                }
            }
        }
    }
}

fn code_image(transfer: &TransferView, call: usize, what: &str, uri: &str) -> Markup {
    html! {
        figure {
            img src=(format!("/console/transfers/{}/qr.svg?call={call}", transfer.id)) alt=(what) width="240" height="240";
            figcaption { (copied(uri, "the payment request")) }
        }
    }
}

fn evm_call(transfer: &TransferView, count: usize, n: usize, call: &EvmCall) -> Markup {
    let what = if n + 1 < count { "Approve the token" } else { "Lock the deposit" };
    let number = transfer.source.strip_prefix("eip155:").unwrap_or_default();
    html! {
        li {
            p { strong { (what) } " · to " (copied(&call.to, "the contract")) }
            p { "Calldata " (copied(&call.data, "the calldata")) " · value " code { (call.value) } " wei" }
            button type="button" data-wallet-chain=(number) data-wallet-to=(call.to) data-wallet-data=(call.data)
                data-wallet-value=(call.value) { (what) " with a browser wallet" }
            p { a href=(call.uri) { "Open in a wallet" } " (EIP-681)" }
            // Whoever pays by scanning has to scan each: a token that was not approved is not taken.
            (code_image(transfer, n, &format!("QR code of the transaction request: {what}"), &call.uri))
        }
    }
}

//! "Taking it back": how a deposit that is not paid comes home. It is there from the order on until the payout, folded while
//! the transfer may still be paid in its usual way.

use maud::{Markup, html};

use super::layout::{chain, copied};
use super::units;
use crate::instructions::RefundData;
use crate::service::{By, TransferView, WayBack};

/// The section.
pub fn section(transfer: &TransferView, way_back: &WayBack) -> Markup {
    let steps = match &way_back.by {
        By::Script(refund) => by_script(transfer, refund),
        By::UnknownScript => unknown_script(),
        By::Vault(vault) => by_vault(transfer, &vault.to_string()),
    };
    html! {
        section.card aria-labelledby="back" {
            h2 #back tabindex="-1" { "Taking it back" }
            @if way_back.is_due {
                p { (standing(transfer)) }
                (steps)
            } @else {
                details {
                    summary { "What takes the deposit back if it is not paid" }
                    div.steps { (steps) }
                }
            }
        }
    }
}

/// How it stands, to whoever looks for the money.
fn standing(transfer: &TransferView) -> Markup {
    html! {
        @if transfer.deposit.is_some() { "The deposit was not paid out, as far as this node knows." }
        @else { "No deposit was seen. One that was made all the same is paid, if it was in time, or taken back." }
        @if let Some(until) = &transfer.claimable_until {
            " Until " time datetime=(until) { (units::time(until)) }
            " whoever has its proof may still have it paid on " (chain(&transfer.destination)) "."
        }
    }
}

fn by_script(transfer: &TransferView, refund: &RefundData) -> Markup {
    let blocks = refund.after_blocks;
    html! {
        p { "The holder of the refund key spends the deposit's output by its script path, from " (blocks)
            " blocks after the deposit's block on. It needs nothing of this bridge." }
        dl.facts {
            @if let (Some(tx), true) = (&transfer.source_tx, transfer.deposit.is_some()) {
                dt { "Deposit" } dd { (copied(tx, "the transaction of the deposit")) }
            }
            dt { "Delay" } dd { (blocks) " blocks" }
            dt { "Refund key" } dd { (copied(&refund.key, "the key of the way back")) }
            dt { "Refund script" } dd { (copied(&refund.script, "the refund script")) }
            dt { "Control block" } dd { (copied(&refund.control_block, "the control block")) }
        }
        p { "What spends it: a transaction of version 2 whose input names that output with the sequence " code { (blocks) }
            " (BIP 68), and whose witness is a signature by the refund key over the script path (BIP 341), the refund script, and the "
            "control block, in this order. Sooner, nodes refuse it as " code { "non-BIP68-final" } "." }
        p.faint { "For programs: " a href=(format!("/v1/transfers/{}/instructions", transfer.id)) { "the same as JSON" } "." }
    }
}

fn unknown_script() -> Markup {
    html! {
        p { "By the script path of the deposit's output, after its delay. This deposit was not ordered here: whoever made its "
            "address has the refund script and the control block." }
    }
}

fn by_vault(transfer: &TransferView, vault: &str) -> Markup {
    let destination = chain(&transfer.destination);
    html! {
        p { "By " code { "Vault.refund" } " on " (chain(&transfer.source)) ", which anyone may send; the money goes to whoever deposited it. "
            "It passes after the expiry, with the proof that " (destination) " did not pay the deposit before it expired." }
        dl.facts {
            dt { "Vault" } dd { (copied(vault, "the vault")) }
            dt { "From" } dd { "after " time datetime=(transfer.expires_at) { (units::time(&transfer.expires_at)) } }
        }
        p { "That proof is taken under a checkpoint of " (destination) " that is later than the expiry, that the verifiers have "
            "registered on " (chain(&transfer.source)) ", and that has stood there for the vault's " code { "refundHold" }
            " (a day on chains that carry money). Before, the call reverts with " code { "RootTooFresh" }
            ", which names the second from which it passes. Payouts the other way bring such a checkpoint; while a deposit waits for one, "
            "this bridge has one registered where it can." }
        @if transfer.proof_available {
            p.faint { "The deposit as the call takes it stands in "
                a href=(format!("/v1/transfers/{}/proof", transfer.id)) { "its proof" } "." }
        }
    }
}

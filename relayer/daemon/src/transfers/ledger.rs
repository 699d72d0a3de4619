//! Transfers as the ledger has them.

use std::path::Path;

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context, Result, bail};
use spandrel_api::Denominations;
use spandrel_core::ledger::Ledger;
use spandrel_core::{Status, Transfer};
use spandrel_store::{OpenEffect, Order, OrderId, PageFilter};
use spandrel_verifiers::{AssetId, ChainId};

use super::depth::Depth;
use super::read_id;
use crate::clock::moment;
use crate::output::print;
use crate::status::{look_at, table};
use crate::units::{cell, exact};

/// Which transfers, as they are asked for.
pub struct Asked {
    pub status: Option<String>,
    pub sender: Option<String>,
    pub source_tx: Option<String>,
    pub before: Option<u64>,
    pub limit: u32,
}

/// Prints a page.
pub async fn list(database: &Path, asked: Asked, denominations: &Denominations, json: bool) -> Result<()> {
    let filter = PageFilter {
        status: asked.status,
        sender: asked.sender.as_deref().map(read_sender).transpose()?,
        source_tx: asked.source_tx.as_deref().map(read_transaction).transpose()?,
        before: asked.before,
    };
    let store = look_at(database).await?;
    let page = store.page(&filter, asked.limit).await?;
    store.close().await;
    let values: Vec<_> = page.iter().map(|(place, transfer)| row(Some(*place), transfer)).collect();
    print(json, &values, || {
        let columns = ["place", "id", "route", "amount", "status", "reason", "updated"];
        let mut shown = table(&columns);
        for (place, transfer) in &page {
            let deposit = &transfer.deposit;
            shown.add_row([
                place.to_string(),
                transfer.id.to_string(),
                format!("{} -> {}", deposit.source_chain, deposit.destination_chain),
                cell(&deposit.amount.to_string(), denominations.of(deposit.asset.as_str()).as_ref()),
                transfer.status.name().to_owned(),
                reason(&transfer.status).unwrap_or_else(|| "-".to_owned()),
                moment(transfer.updated_at).to_string(),
            ]);
        }
        shown.to_string()
    })
}

/// Prints one transfer with all its events; of an order, its terms and its deposits' transfers.
pub async fn show(database: &Path, id: &str, denominations: &Denominations, json: bool) -> Result<()> {
    let id = read_id(id)?;
    let store = look_at(database).await?;
    let Some(transfer) = store.transfer(id).await? else {
        let Some(order) = store.order(OrderId(id.0)).await? else { bail!("no transfer or order {id}") };
        let transfers = store.transfers_of_order(&order.terms).await?;
        store.close().await;
        return show_order(&order, &transfers, denominations, json);
    };
    let (events, depth) = (store.events(id).await?, Depth::of(&transfer, &store).await?);
    let open = store.open_effects(id).await?;
    store.close().await;
    print(json, &serde_json::json!({ "transfer": transfer, "events": events, "depth": depth, "open": open }), || {
        let deposit = &transfer.deposit;
        let mut shown = table(&["#", "at", "event"]);
        for event in &events {
            shown.add_row([event.sequence.to_string(), moment(event.at).to_string(), event.body.name().to_owned()]);
        }
        let reason = reason(&transfer.status).map_or_else(String::new, |reason| format!(": {reason}"));
        let until = match &transfer.status {
            Status::Held { until: Some(until), .. } => format!(", until {}", moment(*until)),
            _ => String::new(),
        };
        let refused = [("fast lane", &transfer.fast_refused), ("proof", &transfer.proof_refused)]
            .map(|(what, why)| why.as_ref().map_or_else(String::new, |why| format!("{what:<10} refused: {why}\n")));
        let refused = refused.concat();
        format!(
            "transfer   {id}\nroute      {} -> {}\n{}recipient  {}\n{}status     {}{reason}{until}\n{refused}{shown}\n{}",
            deposit.source_chain,
            deposit.destination_chain,
            amounts(deposit.amount, &deposit.asset, &deposit.destination_chain, denominations),
            deposit.recipient,
            depth.line(),
            transfer.status.name(),
            work(&open),
        )
    })
}

/// What is still to be done for it, and what was said of that last; nothing when all is done.
fn work(open: &[OpenEffect]) -> String {
    if open.is_empty() {
        return String::new();
    }
    let mut shown = table(&["to be done", "by", "attempts", "next try", "failing since", "said last"]);
    for effect in open {
        let next = moment(effect.next_try);
        shown.add_row([
            effect.step.clone(),
            effect.executor.clone(),
            effect.attempt.to_string(),
            if effect.is_leased { format!("under way, or {next}") } else { next.to_string() },
            effect.overdue_since.map_or_else(|| "-".to_owned(), |since| moment(since).to_string()),
            effect.last_error.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    format!("{shown}\n")
}

fn show_order(order: &Order, transfers: &[Transfer], denominations: &Denominations, json: bool) -> Result<()> {
    let values: Vec<_> = transfers.iter().map(|transfer| row(None, transfer)).collect();
    let Order { id, terms, source_tx, is_cancelled, created_at, .. } = order;
    let told = serde_json::json!({
        "id": id, "terms": terms, "source_tx": source_tx, "is_cancelled": is_cancelled, "created_at": created_at,
    });
    print(json, &serde_json::json!({ "order": told, "transfers": values }), || {
        let mut shown = table(&["id", "amount", "status", "reason", "updated"]);
        for transfer in transfers {
            shown.add_row([
                transfer.id.to_string(),
                cell(&transfer.deposit.amount.to_string(), denominations.of(transfer.deposit.asset.as_str()).as_ref()),
                transfer.status.name().to_owned(),
                reason(&transfer.status).unwrap_or_else(|| "-".to_owned()),
                moment(transfer.updated_at).to_string(),
            ]);
        }
        let deposits = match transfers {
            [] => "no deposit of it was seen\n".to_owned(),
            _ => format!("{shown}\n"),
        };
        format!(
            "order      {}\nroute      {} -> {}\n{}recipient  {}\nuntil      {}\n{deposits}",
            id,
            terms.source_chain,
            terms.destination_chain,
            amounts(terms.amount, &terms.asset, &terms.destination_chain, denominations),
            terms.recipient,
            moment(terms.expiry),
        )
    })
}

/// What is deposited and what is paid: as many base units, each side written by its own token.
fn amounts(amount: U256, asset: &AssetId, destination: &ChainId, denominations: &Denominations) -> String {
    let amount = amount.to_string();
    let deposited = exact(&amount, denominations.of(asset.as_str()).as_ref());
    let paid = denominations.paid(asset.as_str(), destination.as_str());
    let paid = paid.map_or_else(String::new, |of| format!("paid as    {}\n", exact(&amount, Some(&of))));
    format!("amount     {deposited} of {asset}\n{paid}")
}

fn row(place: Option<u64>, transfer: &Transfer) -> serde_json::Value {
    let deposit = &transfer.deposit;
    serde_json::json!({
        "place": place, "id": transfer.id, "source": deposit.source_chain, "destination": deposit.destination_chain,
        "asset": deposit.asset, "amount": deposit.amount.to_string(), "status": transfer.status.name(),
        "terminal": transfer.status.is_terminal(), "reason": reason(&transfer.status),
        "created_at": transfer.created_at, "updated_at": transfer.updated_at,
    })
}

/// Why it waits or ended.
fn reason(status: &Status) -> Option<String> {
    match status {
        Status::Held { reason, .. } | Status::Rejected { reason } => Some(reason.to_string()),
        Status::Failed { reason } => Some(reason.clone()),
        Status::Quarantined { error } => Some(error.clone()),
        _ => None,
    }
}

fn read_sender(text: &str) -> Result<B256> {
    let word = text.parse::<Address>().map(|address| address.into_word()).or_else(|_| text.parse());
    word.with_context(|| format!("sender: expected an address, or 32 bytes of hex, found {text:?}"))
}

/// Without a prefix it is written as Bitcoin's users do: the last byte first.
fn read_transaction(text: &str) -> Result<B256> {
    let hash: B256 =
        text.parse().with_context(|| format!("source_tx: expected 0x-hex or 64 digits, found {text:?}"))?;
    if text.starts_with("0x") {
        return Ok(hash);
    }
    let mut bytes = hash.0;
    bytes.reverse();
    Ok(bytes.into())
}

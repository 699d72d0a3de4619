//! Transfers in pages.

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use spandrel_core::Status;
use spandrel_store::{ApiKey, ApiScope, OrderTerms, PageFilter};
use utoipa::{IntoParams, ToSchema};

use super::sketch::Deposited;
use super::{Service, TransferView, permitted};
use crate::Problem;
use crate::instructions::read_hash;

/// Most transfers on one page.
const MAX_PAGE: u32 = 100;
/// Transfers on a page when it is not said how many.
const DEFAULT_PAGE: u32 = 20;
/// What cursors of one's own orders begin with.
const OWN: char = 'o';

/// Which transfers. All that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRequest {
    /// The deposit's transaction, as its chain's users write it: 0x-hex, or 64 digits in Bitcoin's order.
    pub source_tx: Option<String>,
    /// Who deposited: an address, or 32 bytes of hex.
    pub sender: Option<String>,
    /// A status of a deposit.
    pub status: Option<String>,
    /// From the page before.
    pub cursor: Option<String>,
    /// Only orders that were placed with the key that asks, newest first, those that wait for their deposits too. Not
    /// together with `source_tx`, `sender` or `status`, which are of deposits.
    pub mine: Option<bool>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
}

/// A page, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TransferList {
    /// The transfers.
    pub transfers: Vec<TransferView>,
    /// Hand it in for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl Service {
    /// A page of transfers.
    ///
    /// # Errors
    /// 400 for what does not read; for a caller's own, 401 without a key and 403 for one that may not order.
    pub async fn list(&self, request: &ListRequest, caller: Option<ApiKey>) -> Result<TransferList, Problem> {
        let limit = request.limit.unwrap_or(DEFAULT_PAGE);
        if limit == 0 || limit > MAX_PAGE {
            return Err(Problem::invalid("limit", format!("1 to {MAX_PAGE}"), limit));
        }
        if request.mine == Some(true) {
            let key = permitted(caller, ApiScope::TransfersWrite)?;
            return self.own(&key.id, request, limit).await;
        }
        let filter = PageFilter {
            status: request.status.as_deref().map(status).transpose()?.map(str::to_owned),
            sender: request.sender.as_deref().map(sender).transpose()?,
            source_tx: request.source_tx.as_deref().map(transaction).transpose()?,
            before: request.cursor.as_deref().map(place).transpose()?,
        };
        let (page, next) = cut(self.store.page(&filter, limit.saturating_add(1)).await?, limit);
        let mut transfers = Vec::with_capacity(page.len());
        for transfer in &page {
            let order = self.store.order_by_link(OrderTerms::link_of(&transfer.deposit)).await?;
            let deposited = Deposited::of(&transfer.id.to_string(), order.as_ref(), transfer);
            transfers.push(self.shown(&deposited).await?);
        }
        Ok(TransferList { transfers, next_cursor: next.map(|place| place.to_string()) })
    }

    /// A page of the orders of a key, each as the transfer that it is by now.
    async fn own(&self, api_key: &str, request: &ListRequest, limit: u32) -> Result<TransferList, Problem> {
        let ListRequest { source_tx, sender, status, cursor, .. } = request;
        for (name, given) in [("source_tx", source_tx), ("sender", sender), ("status", status)] {
            if let Some(given) = given {
                return Err(Problem::invalid(name, "nothing beside `mine`", given));
            }
        }
        let before = cursor.as_deref().map(own_place).transpose()?;
        let (page, next) = cut(self.store.orders_of(api_key, before, limit.saturating_add(1)).await?, limit);
        let mut transfers = Vec::with_capacity(page.len());
        for order in &page {
            transfers.push(self.transfer(&order.id.to_string()).await?);
        }
        Ok(TransferList { transfers, next_cursor: next.map(|place| format!("{OWN}{place}")) })
    }
}

/// The first `limit` of what was read, and the place of the last of them if there are more.
fn cut<T>(mut read: Vec<(u64, T)>, limit: u32) -> (Vec<T>, Option<u64>) {
    let is_last = read.len() <= limit as usize;
    read.truncate(limit as usize);
    let next = read.last().filter(|_| !is_last).map(|(place, _)| *place);
    (read.into_iter().map(|(_, row)| row).collect(), next)
}

/// A place among orders is none among deposits.
fn own_place(text: &str) -> Result<u64, Problem> {
    let wrong = || Problem::invalid("cursor", "a cursor of one's own orders", text);
    place(text.strip_prefix(OWN).ok_or_else(wrong)?).map_err(|_| wrong())
}

fn place(text: &str) -> Result<u64, Problem> {
    let place = text.parse().ok().filter(|place| i64::try_from(*place).is_ok());
    place.ok_or_else(|| Problem::invalid("cursor", "a cursor of this service", text))
}

/// Statuses of orders without a deposit are none here: only who placed them lists them.
fn status(text: &str) -> Result<&'static str, Problem> {
    let known = Status::NAMES.into_iter().find(|name| *name == text);
    known.ok_or_else(|| Problem::invalid("status", format!("one of {}", Status::NAMES.join(", ")), text))
}

/// An EVM address, or 32 bytes.
fn sender(text: &str) -> Result<B256, Problem> {
    let word = text.parse::<Address>().map(|address| address.into_word()).or_else(|_| text.parse::<B256>());
    word.map_err(|_| Problem::invalid("sender", "an address, or 32 bytes of hex", text))
}

/// Without a prefix it is written as Bitcoin's users do.
fn transaction(text: &str) -> Result<B256, Problem> {
    read_hash("source_tx", if text.starts_with("0x") { "" } else { "bip122:" }, text)
}

//! Transfers in pages.

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use spandrel_core::Status;
use spandrel_store::{OrderTerms, PageFilter};
use utoipa::{IntoParams, ToSchema};

use super::sketch::Deposited;
use super::{Service, TransferView};
use crate::Problem;
use crate::instructions::read_hash;

/// Most transfers on one page.
const MAX_PAGE: u32 = 100;
/// Transfers on a page when it is not said how many.
const DEFAULT_PAGE: u32 = 20;

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
    /// 400 for what does not read.
    pub async fn list(&self, request: &ListRequest) -> Result<TransferList, Problem> {
        let limit = request.limit.unwrap_or(DEFAULT_PAGE);
        if limit == 0 || limit > MAX_PAGE {
            return Err(Problem::invalid("limit", format!("1 to {MAX_PAGE}"), limit));
        }
        let filter = PageFilter {
            status: request.status.as_deref().map(status).transpose()?.map(str::to_owned),
            sender: request.sender.as_deref().map(sender).transpose()?,
            source_tx: request.source_tx.as_deref().map(transaction).transpose()?,
            before: request.cursor.as_deref().map(place).transpose()?,
        };
        let mut page = self.store.page(&filter, limit.saturating_add(1)).await?;
        let is_last = page.len() <= limit as usize;
        page.truncate(limit as usize);
        let next_cursor = page.last().filter(|_| !is_last).map(|(place, _)| place.to_string());
        let mut transfers = Vec::with_capacity(page.len());
        for (_, transfer) in &page {
            let order = self.store.order_by_link(OrderTerms::link_of(&transfer.deposit)).await?;
            let deposited = Deposited::of(&transfer.id.to_string(), order.as_ref(), transfer);
            transfers.push(self.shown(&deposited).await?);
        }
        Ok(TransferList { transfers, next_cursor })
    }
}

fn place(text: &str) -> Result<u64, Problem> {
    let place = text.parse().ok().filter(|place| i64::try_from(*place).is_ok());
    place.ok_or_else(|| Problem::invalid("cursor", "a cursor of this service", text))
}

/// Orders without a deposit are in no list, so that their statuses are none here.
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

//! `GET /v1/transfers`, `/v1/transfers/{id}`, `/v1/transfers/{id}/proof`.

use alloy::primitives::{Address, B256};
use axum::extract::State;
use serde::Deserialize;
use spandrel_store::PageFilter;
use utoipa::IntoParams;

use super::Api;
use super::answer::{Path, Query};
use crate::Problem;
use crate::instructions::read_hash;
use crate::service::{ProofView, TransferList, TransferView};

/// Transfers on a page when it is not said how many.
const DEFAULT_PAGE: u32 = 20;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// The deposit's transaction, as its chain's users write it: 0x-hex, or 64 digits in Bitcoin's order.
    source_tx: Option<String>,
    /// Who deposited: an address, or 32 bytes of hex.
    sender: Option<String>,
    /// A status.
    status: Option<String>,
    /// From the page before.
    cursor: Option<String>,
    /// 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Transfers, newest first.
#[utoipa::path(get, path = "/v1/transfers", params(Filter), responses(
    (status = 200, body = TransferList),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(State(api): State<Api>, Query(filter): Query<Filter>) -> Result<axum::Json<TransferList>, Problem> {
    let limit = filter.limit.unwrap_or(DEFAULT_PAGE);
    if limit == 0 || limit > 100 {
        return Err(Problem::invalid("limit", "1 to 100", limit));
    }
    let cursor = filter.cursor.as_deref();
    let place = |text: &str| {
        let place = text.parse().ok().filter(|place| i64::try_from(*place).is_ok());
        place.ok_or_else(|| Problem::invalid("cursor", "a cursor of this service", text))
    };
    let page = PageFilter {
        status: filter.status,
        sender: filter.sender.as_deref().map(sender).transpose()?,
        source_tx: filter.source_tx.as_deref().map(transaction).transpose()?,
        before: cursor.map(place).transpose()?,
    };
    Ok(axum::Json(api.service.list(&page, limit).await?))
}

/// One transfer, by its order's id or its deposit's.
#[utoipa::path(get, path = "/v1/transfers/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = TransferView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn show(State(api): State<Api>, Path(id): Path<String>) -> Result<axum::Json<TransferView>, Problem> {
    Ok(axum::Json(api.service.transfer(&id).await?))
}

/// The proof of a transfer, and the calls with which anyone can claim it.
#[utoipa::path(get, path = "/v1/transfers/{id}/proof", params(("id" = String, Path)), responses(
    (status = 200, body = ProofView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn proof(State(api): State<Api>, Path(id): Path<String>) -> Result<axum::Json<ProofView>, Problem> {
    Ok(axum::Json(api.service.proof(&id).await?))
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

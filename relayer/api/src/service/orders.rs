//! Orders: what a transfer is before its deposit exists.

use alloy::primitives::{Address, B256, U256, keccak256};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use spandrel_core::Transfer;
use spandrel_store::{NewOrder, Order, OrderShare, OrderTerms, Placed, Refund};
use spandrel_verifiers::bitcoin::MIN_REFUND_DELAY;
use spandrel_verifiers::{ChainId, LanePreference};
use utoipa::ToSchema;

use super::Service;
use super::in_flight::Flight;
use super::offers::Asked;
use super::view::{Found, TransferView, awaiting, is_awaited, seen_in};
use crate::catalog::Source;
use crate::instructions::{Instructions, announcement, instructions, read_hash, shown_hash};
use crate::{Problem, Route};

/// Longest idempotency key.
const MAX_KEY: usize = 128;

/// What is ordered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// A quote that still holds.
    pub quote: String,
    /// Who is paid: an address of the destination, which is not zero; one in both cases carries its checksum (EIP-55).
    #[schema(pattern = "^0x[0-9A-Fa-f]{40}$")]
    pub recipient: String,
    /// x-only key (64 hex digits) that may take a Bitcoin deposit back; required for those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^(0x)?[0-9A-Fa-f]{64}$")]
    pub refund_key: Option<String>,
}

/// An order with its instructions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderView {
    /// The transfer.
    pub transfer: TransferView,
    /// How the deposit is made.
    pub instructions: Instructions,
}

impl Service {
    /// Places an order under an idempotency key. `true` when this very request had been answered before.
    ///
    /// # Errors
    /// 409 for a key that is being worked on, 410 for a quote that ran out, 422 for a key that another request used, for
    /// terms that the bridge refuses and for what no lane takes any more, 429 when as many orders of `share` wait for
    /// their deposits as may.
    pub async fn order(
        &self,
        api_key: &str,
        key: &str,
        request: &OrderRequest,
        share: Option<OrderShare>,
    ) -> Result<(OrderView, bool), Problem> {
        let key = idempotency_key(key)?;
        let _flight = self.flight(api_key, key)?;
        let request_hash = keccak256(serde_json::to_vec(request).unwrap_or_default());
        if let Some(placed) = self.store.placed(api_key, key, request_hash).await? {
            return self.answer(placed).await;
        }
        let quoted = self.quoted(&request.quote)?;
        let route = self.catalog.route(&quoted.route)?;
        let (terms, asked) =
            self.terms(route, (quoted.amount, quoted.lane), &request.recipient, request.refund_key.as_deref())?;
        let source = self.source(&terms)?;
        // What was quoted may be paused, halted or over a limit by now: whoever pays in on this order must be paid.
        self.require_lane(route, &asked).await?;
        let new = NewOrder { terms, api_key: api_key.to_owned(), idempotency_key: key.to_owned(), request_hash, share };
        let announce = |terms: &OrderTerms| announcement(source, terms);
        let placed = self.store.place_order(new, announce, self.now()).await?;
        self.answer(placed).await
    }

    /// The terms of an order: both parties read, and its deposit can be made.
    ///
    /// # Errors
    /// 400 for a party that does not read, 422 for what the deposit's rules refuse.
    pub(super) fn terms(
        &self,
        route: &Route,
        (amount, lane): (U256, LanePreference),
        to: &str,
        refund_key: Option<&str>,
    ) -> Result<(OrderTerms, Asked), Problem> {
        let destination = self.policy.destinations.get(&route.destination);
        let destination_bridge = destination.map(|to| to.domain.inbox.into_word()).unwrap_or_default();
        let (recipient, refund) = (recipient(&route.destination, to)?, refund_key.map(refund).transpose()?);
        let sender = refund.map(|refund| refund.key).unwrap_or_default();
        let asked = Asked { amount, lane, sender, recipient };
        let terms = OrderTerms {
            source_chain: route.source.clone(),
            asset: route.asset.clone(),
            amount,
            destination_chain: route.destination.clone(),
            destination_bridge,
            recipient,
            lane,
            expiry: self.expiry(route, &asked),
            refund,
        };
        // Refused now rather than after it was stored.
        instructions(self.source(&terms)?, &terms)?;
        Ok((terms, asked))
    }

    /// A place for a request under an idempotency key, or `what` it makes.
    ///
    /// # Errors
    /// 409 while another has it.
    pub(super) fn flight(&self, api_key: &str, what: &str) -> Result<Flight<'_>, Problem> {
        self.in_flight.enter(api_key, what).ok_or_else(|| {
            let detail = "a request with this key is being worked on: send it again for its answer";
            let in_flight = Problem::new(StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT", detail);
            in_flight.about("Idempotency-Key").retry_in(1)
        })
    }

    /// The order with where it stands now: when it is answered again, its deposit may be seen, or paid.
    async fn answer(&self, placed: Placed) -> Result<(OrderView, bool), Problem> {
        let (order, is_replayed) = match placed {
            Placed::New(order) => (order, false),
            Placed::Replayed(order) => (order, true),
            Placed::KeyReused => return Err(key_reused()),
            Placed::TooManyOpen { until } => {
                let detail = "as many orders wait for their deposits as one address may have with keys of this kind";
                let full = Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_OPEN_ORDERS", detail);
                return Err(full.retry_in(until.saturating_sub(self.now()).max(1)));
            }
        };
        let instructions = instructions(self.source(&order.terms)?, &order.terms)?;
        let transfer =
            if is_replayed { self.transfer(&order.id.to_string()).await? } else { awaiting(&order, &[], self.now()) };
        Ok((OrderView { transfer, instructions }, is_replayed))
    }

    /// How the deposit of an order is made and, on Bitcoin, taken back, as when it was ordered: also after its deposit was seen,
    /// for that is when it is taken back. They tell nothing that the transfer does not.
    ///
    /// # Errors
    /// 404 when there is neither order nor deposit, and for a deposit that nobody ordered here.
    pub async fn instructions(&self, id: &str) -> Result<Instructions, Problem> {
        let order = match self.find(id).await? {
            Found::Order(order, ..) => Some(order),
            Found::Deposit(order, _) => order,
        };
        let none = || Problem::not_found("NO_ORDER", format!("order behind transfer {id}")).about("id");
        let terms = order.ok_or_else(none)?.terms;
        instructions(self.source(&terms)?, &terms)
    }

    /// The same, while a deposit is asked for.
    ///
    /// # Errors
    /// 404 when there is neither order nor deposit.
    pub async fn awaited_instructions(&self, id: &str) -> Result<Option<Instructions>, Problem> {
        match self.find(id).await? {
            Found::Order(order, transfers, _) if transfers.is_empty() && is_awaited(&order, self.now()) => {
                instructions(self.source(&order.terms)?, &order.terms).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Notes where the deposit of an order is, in place of what was named before. `true` once it was seen there.
    ///
    /// # Errors
    /// 404 for an unknown order or another key's, 409 when it was corrected too often, 422 when the deposit stands in
    /// another one.
    pub async fn name_source_tx(&self, api_key: &str, id: &str, text: &str) -> Result<(TransferView, bool), Problem> {
        let (order, transfers) = self.own_order(api_key, id).await?;
        let chain = order.terms.source_chain.as_str();
        let hash = read_hash("source_tx", chain, text)?;
        let mut stands = transfers.iter().map(seen_in);
        // Where a deposit stands is known by now: nothing is noted, so that a mistake can be mended.
        match stands.next() {
            Some(first) if first == hash || stands.any(|other| other == hash) => Ok((self.transfer(id).await?, true)),
            Some(first) => {
                let detail = format!("the deposit stands in {}", shown_hash(chain, first));
                Err(Problem::unprocessable("OTHER_SOURCE_TX", "source_tx", detail))
            }
            None => {
                self.store.name_source_tx(order.id, hash, self.now()).await?;
                self.live.order_changed(order.id);
                Ok((self.transfer(id).await?, false))
            }
        }
    }

    /// Calls an order off.
    ///
    /// # Errors
    /// 404 for an unknown order or another key's, 409 once a deposit was seen: what was deposited is paid or refunded.
    pub async fn cancel(&self, api_key: &str, id: &str) -> Result<TransferView, Problem> {
        let (order, transfers) = self.own_order(api_key, id).await?;
        if !transfers.is_empty() {
            let detail = "its deposit was seen: it is paid, or refunded after its expiry";
            return Err(Problem::new(StatusCode::CONFLICT, "ALREADY_DEPOSITED", detail).about("id"));
        }
        self.store.cancel_order(order.id, self.now()).await?;
        self.live.order_changed(order.id);
        self.transfer(id).await
    }

    /// The order `id` of `api_key`, and the deposits that were seen for it. Another key's order is not there.
    async fn own_order(&self, api_key: &str, id: &str) -> Result<(Order, Vec<Transfer>), Problem> {
        let (order, transfers) = match self.find(id).await? {
            Found::Order(order, transfers, _) => (Some(order), transfers),
            Found::Deposit(order, transfer) => (order, vec![*transfer]),
        };
        let own = order.filter(|order| order.api_key == api_key);
        own.map(|order| (order, transfers))
            .ok_or_else(|| Problem::not_found("UNKNOWN_TRANSFER", format!("transfer {id} of this key")).about("id"))
    }

    fn source(&self, terms: &OrderTerms) -> Result<&Source, Problem> {
        self.catalog.source(&terms.source_chain).ok_or_else(|| {
            let detail = format!("no orders are taken for deposits on {}", terms.source_chain);
            Problem::unprocessable("SOURCE_NOT_OFFERED", "quote", detail)
        })
    }
}

/// An idempotency key as it may be.
pub(super) fn idempotency_key(key: &str) -> Result<&str, Problem> {
    let is_key = !key.is_empty() && key.len() <= MAX_KEY && key.bytes().all(|byte| byte.is_ascii_graphic());
    let invalid = || Problem::invalid("Idempotency-Key", format!("1 to {MAX_KEY} printable characters"), key);
    if is_key { Ok(key) } else { Err(invalid()) }
}

/// 422: sent again it is refused again, unlike 409 for one that is being worked on.
pub(super) fn key_reused() -> Problem {
    let detail = "this key was used for another request: use a new key for a new one";
    Problem::unprocessable("IDEMPOTENCY_KEY_REUSED", "Idempotency-Key", detail)
}

/// An account of the destination as 32 bytes.
fn recipient(chain: &ChainId, text: &str) -> Result<B256, Problem> {
    let invalid = || Problem::invalid("recipient", format!("a non-zero address of {chain}"), text);
    if chain.eip155_number().is_none() {
        return Err(invalid());
    }
    let address: Address = if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Address::parse_checksummed(text, None).map_err(|_| invalid())?
    } else {
        text.parse().map_err(|_| invalid())?
    };
    if address.is_zero() { Err(invalid()) } else { Ok(address.into_word()) }
}

fn refund(text: &str) -> Result<Refund, Problem> {
    let mut key = [0; 32];
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode_to_slice(digits, &mut key)
        .map_err(|_| Problem::invalid("refund_key", "an x-only key of 64 hex digits", text))?;
    Ok(Refund { key: B256::new(key), delay: MIN_REFUND_DELAY })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_or_zero_recipient_is_refused() {
        let chain = ChainId::eip155(1);
        let good = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
        assert!(recipient(&chain, good).is_ok());
        assert!(recipient(&chain, &good.to_lowercase()).is_ok());
        for refused in ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", "0x00", "", &format!("0x{}", "0".repeat(40))] {
            assert_eq!(recipient(&chain, refused).unwrap_err().parameter.as_deref(), Some("recipient"), "{refused}");
        }
        assert!(recipient(&ChainId::parse("cosmos:hub-4").unwrap(), good).is_err());
    }
}

//! What the API says of a transfer. Everything is read from the ledger.

use std::sync::Arc;

use alloy::primitives::B256;
use serde::Serialize;
use spandrel_core::ledger::Ledger;
use spandrel_core::{Payout, PayoutStage, Standing, Status, Transfer, TxRef};
use spandrel_risk::{Lane, Reason};
use spandrel_store::{Order, OrderId, OrderTerms};
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{DepositId, UnixSeconds};
use utoipa::ToSchema;

use super::sketch::{Deposited, Sketch};
use super::{ReasonView, Service, shown_time};
use crate::Problem;
use crate::instructions::shown_hash;

/// How long after an order's expiry a deposit that was made before may still be seen: blocks are read late where a chain or
/// its nodes stood still.
pub(super) const LATE: UnixSeconds = 86_400;

/// One transfer, from order to payout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TransferView {
    /// The id it was asked for by: an order's, or the deposit's.
    pub id: String,
    /// The order, if it was made through this API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The deposit, once it was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit: Option<String>,
    /// Further deposits that were made on the same order, and are none of its own: anybody can make one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_deposits: Vec<String>,
    /// Where it stands.
    pub status: String,
    /// Within the status, what is being waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub substatus: Option<String>,
    /// Whether nothing more is done for it here. An order that was called off or expired, or whose deposit is less than was
    /// ordered, stays open for a day after its expiry: a deposit that was made before may be seen until then, and is paid.
    pub terminal: bool,
    /// It ended here unpaid, and until then, RFC 3339, whoever has its proof may still have it paid: nobody pays it another way
    /// before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimable_until: Option<String>,
    /// Why it waits or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonView>,
    /// CAIP-2.
    pub source: String,
    /// CAIP-2.
    pub destination: String,
    /// CAIP-19, in the source's terms.
    pub asset: String,
    /// Base units: what was deposited, or ordered while nothing was.
    pub amount: String,
    /// 0x-hex, 32 bytes.
    pub recipient: String,
    /// Account (EVM) or refund key (Bitcoin), 0x-hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The lane that pays or paid it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Blocks of the source chain on the deposit, its own included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmations: Option<u64>,
    /// How many of them prove it, as things are: then the light-client lane pays it, or a fast payout is settled. Absent where
    /// no count of blocks makes one final, and once it is at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmations_required: Option<u64>,
    /// When its payout is expected to go out if nothing stops it, RFC 3339: an estimate, of a deposit that waits for its chain or
    /// for a time. Absent where nobody can say, as in a pause, and once it is past.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_at: Option<String>,
    /// Whether its block is final on the source chain.
    pub source_final: bool,
    /// The deposit's transaction, as the source chain's users write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_tx: Option<String>,
    /// The payout's transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout_tx: Option<String>,
    /// The transaction that settled a fast payout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement_tx: Option<String>,
    /// Whether `GET /v1/transfers/{id}/proof` answers.
    pub proof_available: bool,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// After this it is not paid any more, RFC 3339.
    pub expires_at: String,
}

/// What an id names.
pub(super) enum Found {
    /// An order with the deposits that were made on it, the one that it follows first, and those that are never paid.
    Order(Order, Vec<Transfer>, Vec<DepositId>),
    Deposit(Option<Order>, Box<Transfer>),
}

impl Found {
    /// What makes a deposit an order's binds neither amount nor sender: anybody can make one, of dust too. An order follows
    /// the first that is as much as was ordered, else the first that was not rejected as it was seen, and none of the others.
    fn order(order: Order, transfers: Vec<Transfer>) -> Self {
        let (dust, mut deposits): (Vec<_>, Vec<_>) = transfers.into_iter().partition(is_rejected_at_sight);
        deposits.sort_by_key(|transfer| transfer.deposit.amount < order.terms.amount);
        Self::Order(order, deposits, dust.iter().map(|transfer| transfer.id).collect())
    }

    /// After this it is not paid any more.
    pub(super) fn expiry(&self) -> UnixSeconds {
        match self {
            Self::Order(order, ..) => order.terms.expiry,
            Self::Deposit(_, transfer) => transfer.deposit.expiry,
        }
    }

    /// The deposit that is followed, once there is one.
    pub(super) fn first(self) -> Option<Transfer> {
        match self {
            Self::Deposit(_, transfer) => Some(*transfer),
            Self::Order(_, transfers, _) => transfers.into_iter().next(),
        }
    }
}

fn is_rejected_at_sight(transfer: &Transfer) -> bool {
    let Status::Rejected { reason } = &transfer.status else { return false };
    let is_at_sight = matches!(reason, Reason::Dust { .. } | Reason::Mismatch { .. } | Reason::Unknown);
    is_at_sight && !transfer.is_source_final()
}

impl Service {
    /// One transfer, by its order's id or its deposit's.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn transfer(&self, id: &str) -> Result<TransferView, Problem> {
        let word = word(id)?;
        let remembered = &self.live.remembered;
        let sketch = match remembered.sketch(&word) {
            Some(sketch) => sketch,
            None => {
                let before = remembered.before();
                let sketch = Arc::new(Sketch::of(&word.to_string(), &self.find(id).await?));
                remembered.keep(before, word, &sketch);
                sketch
            }
        };
        match &*sketch {
            Sketch::Awaiting(order, dust) => Ok(awaiting(order, dust, self.now())),
            Sketch::Deposited(deposited) => self.shown(deposited).await,
        }
    }

    /// A deposit with its depth, and with what holds it now.
    pub(super) async fn shown(&self, deposited: &Deposited) -> Result<TransferView, Problem> {
        let (remembered, source) = (&self.live.remembered, deposited.source());
        let tip = match remembered.tip(source) {
            Some(tip) => tip,
            None => {
                let before = remembered.before();
                let tip = self.store.cursor(source).await?.as_ref().and_then(Cursor::tip).copied();
                remembered.keep_tip(before, source.clone(), tip);
                tip
            }
        };
        let unpaid = match deposited.under_way() {
            Some(corridor) => self.unpaid(&corridor).await?,
            None => None,
        };
        let (risk, policy) = self.risk();
        Ok(deposited.shown((self.catalog.source(source), tip), unpaid, (&risk, &policy), self.now()))
    }

    /// The deposits behind an id, oldest first; none while an order waits for its first.
    ///
    /// # Errors
    /// 404 when there is neither order nor deposit.
    pub async fn deposits(&self, id: &str) -> Result<Vec<DepositId>, Problem> {
        Ok(match self.find(id).await? {
            Found::Deposit(_, transfer) => vec![transfer.id],
            Found::Order(_, transfers, _) => transfers.iter().map(|transfer| transfer.id).collect(),
        })
    }

    /// What changes of this transfer are told by: a deposit's id, or an order's with the link of all its deposits.
    pub(super) async fn names(&self, id: &str) -> Result<Vec<B256>, Problem> {
        Ok(match self.find(id).await? {
            Found::Deposit(_, transfer) => vec![transfer.id.0],
            Found::Order(order, ..) => vec![order.id.0, order.terms.link()],
        })
    }

    pub(super) async fn find(&self, id: &str) -> Result<Found, Problem> {
        let word = word(id)?;
        if let Some(transfer) = self.store.transfer(DepositId(word)).await? {
            let order = self.store.order_by_link(OrderTerms::link_of(&transfer.deposit)).await?;
            return Ok(Found::Deposit(order, Box::new(transfer)));
        }
        let Some(order) = self.store.order(OrderId(word)).await? else {
            return Err(Problem::not_found("UNKNOWN_TRANSFER", format!("transfer {word}")).about("id"));
        };
        let transfers = self.store.transfers_of_order(&order.terms).await?;
        Ok(Found::order(order, transfers))
    }
}

fn word(id: &str) -> Result<B256, Problem> {
    id.parse().map_err(|_| Problem::invalid("id", "0x and 64 hex digits", id))
}

/// A deposit, without what changes by itself: its depth, and what holds it.
pub(super) fn deposited(id: &str, order: Option<&Order>, transfer: &Transfer) -> TransferView {
    let deposit = &transfer.deposit;
    let hash = |tx: &TxRef| shown_hash(tx.chain.as_str(), tx.hash);
    let settlement = match &transfer.status {
        Status::Settled { tx, .. } => Some(hash(tx)),
        _ => None,
    };
    TransferView {
        id: id.to_owned(),
        order: order.map(|order| order.id.to_string()),
        deposit: Some(transfer.id.to_string()),
        more_deposits: Vec::new(),
        status: transfer.status.name().to_owned(),
        substatus: substatus(transfer).map(str::to_owned),
        terminal: transfer.status.is_terminal(),
        claimable_until: None,
        reason: None,
        source: deposit.source_chain.to_string(),
        destination: deposit.destination_chain.to_string(),
        asset: deposit.asset.to_string(),
        amount: deposit.amount.to_string(),
        recipient: deposit.recipient.to_string(),
        sender: Some(deposit.sender.to_string()),
        lane: lane(transfer).map(|lane| lane.to_string()),
        confirmations: None,
        confirmations_required: None,
        eta_at: None,
        source_final: transfer.is_source_final(),
        source_tx: Some(shown_hash(deposit.source_chain.as_str(), seen_in(transfer))),
        payout_tx: payout_tx(transfer).map(hash),
        settlement_tx: settlement,
        proof_available: transfer.evidence.is_some(),
        created_at: shown_time(transfer.created_at),
        updated_at: shown_time(transfer.updated_at),
        expires_at: shown_time(deposit.expiry),
    }
}

/// The transaction in which a deposit was seen last.
pub(super) fn seen_in(transfer: &Transfer) -> B256 {
    let (Standing::Mined { seen, .. } | Standing::Gone { was: seen, .. }) = &transfer.standing;
    seen.transaction
}

/// Whether a deposit is still asked for.
pub(super) fn is_awaited(order: &Order, now: UnixSeconds) -> bool {
    !order.is_cancelled && now <= order.terms.expiry
}

/// An order whose deposit was not seen yet. One that was called off or ran out is not at its end before [`LATE`]: what is
/// deposited all the same is still shown, and paid when it was in time. `dust` are deposits that are never paid.
pub(super) fn awaiting(order: &Order, dust: &[DepositId], now: UnixSeconds) -> TransferView {
    let terms = &order.terms;
    let (status, reason) = match (order.is_cancelled, now > terms.expiry) {
        (true, _) => ("cancelled", None),
        (false, true) => ("expired", Some(ReasonView::new("EXPIRED", "no deposit was seen in time", None))),
        (false, false) => ("awaiting_deposit", None),
    };
    TransferView {
        id: order.id.to_string(),
        order: Some(order.id.to_string()),
        deposit: None,
        more_deposits: dust.iter().map(ToString::to_string).collect(),
        status: status.to_owned(),
        substatus: (is_awaited(order, now) && order.source_tx.is_some()).then(|| "source_tx_not_observed".to_owned()),
        terminal: now > terms.expiry.saturating_add(LATE),
        claimable_until: None,
        reason,
        source: terms.source_chain.to_string(),
        destination: terms.destination_chain.to_string(),
        asset: terms.asset.to_string(),
        amount: terms.amount.to_string(),
        recipient: terms.recipient.to_string(),
        sender: terms.refund.map(|refund| refund.key.to_string()),
        lane: None,
        confirmations: None,
        confirmations_required: None,
        eta_at: None,
        source_final: false,
        source_tx: order.source_tx.map(|hash| shown_hash(terms.source_chain.as_str(), hash)),
        payout_tx: None,
        settlement_tx: None,
        proof_available: false,
        created_at: shown_time(order.created_at),
        updated_at: shown_time(order.created_at),
        expires_at: shown_time(terms.expiry),
    }
}

fn lane(transfer: &Transfer) -> Option<Lane> {
    transfer.payout.as_ref().map(|payout| payout.lane).or(transfer.issued.map(|issued| issued.lane))
}

fn payout_tx(transfer: &Transfer) -> Option<&TxRef> {
    match (&transfer.status, &transfer.payout) {
        (Status::Settled { payout, .. } | Status::Shortfall { payout }, _) => Some(payout),
        (_, Some(Payout { tx, .. })) => tx.as_ref(),
        _ => None,
    }
}

/// What is waited for within a status.
fn substatus(transfer: &Transfer) -> Option<&'static str> {
    match (&transfer.status, &transfer.payout) {
        (Status::Observed, _) if !transfer.is_source_final() => Some("waiting_for_finality"),
        (Status::Observed, _) => Some("building_proof"),
        (Status::Proven, _) => Some("waiting_for_verifiers"),
        (Status::Executed { lane: Lane::Fast, .. }, Some(payout)) if payout.stage == PayoutStage::Final => {
            Some("paid_waiting_for_proof")
        }
        (Status::Executed { .. }, _) => Some("paid_waiting_for_finality"),
        _ => None,
    }
}

//! What is told of a transfer, without what changes by itself: its depth, the pauses and the time.

use alloy::primitives::B256;
use spandrel_core::{Status, Transfer};
use spandrel_risk::{Corridor, RiskPolicy, RiskState};
use spandrel_store::Order;
use spandrel_verifiers::follow::BlockRef;
use spandrel_verifiers::{ChainId, Deposit, DepositId, UnixSeconds};

use super::progress::Progress;
use super::reason::{Waiting, reason};
use super::view::{Found, LATE, deposited};
use super::{ReasonView, TransferView, shown_time};
use crate::catalog::Source;

/// What an id names, as far as the ledger tells it.
pub(super) enum Sketch {
    /// An order that waits for its deposit, and deposits on it that are never paid.
    Awaiting(Box<Order>, Vec<DepositId>),
    /// A deposit.
    Deposited(Box<Deposited>),
}

/// A deposit.
pub(super) struct Deposited {
    view: TransferView,
    status: Status,
    /// Its block, while that stands.
    block: Option<BlockRef>,
    /// Whether the fast lane may still be asked to pay it.
    is_fast_open: bool,
    id: DepositId,
    deposit: Deposit,
    /// What it shares with its order, if that was asked for.
    link: Option<B256>,
    /// Whether its order was for more: another deposit may come to be followed in its place.
    is_short: bool,
}

impl Deposited {
    pub(super) fn of(id: &str, order: Option<&Order>, transfer: &Transfer) -> Self {
        Self {
            view: deposited(id, order, transfer),
            status: transfer.status.clone(),
            block: transfer.mined().map(|seen| seen.block),
            is_fast_open: transfer.is_fast_open(),
            id: transfer.id,
            deposit: transfer.deposit.clone(),
            link: None,
            is_short: false,
        }
    }

    /// The chain whose tip is wanted to show it.
    pub(super) fn source(&self) -> &ChainId {
        &self.deposit.source_chain
    }

    /// Where it is to be paid, once that is cleared and until it is done.
    pub(super) fn under_way(&self) -> Option<Corridor> {
        let (Status::Cleared { lane } | Status::Submitted { lane, .. }) = self.status else { return None };
        let Deposit { source_chain, destination_chain, asset, .. } = &self.deposit;
        let (source, destination) = (source_chain.clone(), destination_chain.clone());
        Some(Corridor { source, destination, asset: asset.clone(), lane })
    }

    /// The whole of it, now that its chain has been read to `tip` and why its destination does not pay it is known.
    pub(super) fn shown(
        &self,
        (source, tip): (Option<&Source>, Option<BlockRef>),
        unpaid: Option<ReasonView>,
        (risk, policy): (&RiskState, &RiskPolicy),
        now: UnixSeconds,
    ) -> TransferView {
        let ends_at = self.deposit.expiry.saturating_add(LATE);
        let is_claimable = self.status.may_be_paid_all_the_same() && now <= ends_at;
        let waiting = Waiting { id: self.id, deposit: &self.deposit, risk, policy, now };
        let progress = Progress { source, block: self.block, tip, is_fast_open: self.is_fast_open };
        TransferView {
            confirmations: progress.confirmations(),
            confirmations_required: progress.required(&self.status, &waiting),
            eta_at: progress.eta(&self.status, &waiting).map(shown_time),
            reason: reason(&self.status, &waiting).or(unpaid),
            terminal: self.view.terminal && !(self.is_short && now <= ends_at),
            claimable_until: is_claimable.then(|| shown_time(ends_at)),
            ..self.view.clone()
        }
    }
}

impl Sketch {
    pub(super) fn of(id: &str, found: &Found) -> Self {
        let deposited = match found {
            Found::Deposit(order, transfer) => Deposited::of(id, order.as_ref(), transfer),
            Found::Order(order, transfers, dust) => {
                let Some((first, more)) = transfers.split_first() else {
                    return Self::Awaiting(Box::new(order.clone()), dust.clone());
                };
                let mut deposited = Deposited::of(id, Some(order), first);
                let more = more.iter().map(|transfer| &transfer.id).chain(dust);
                deposited.view.more_deposits = more.map(ToString::to_string).collect();
                let is_short = first.deposit.amount < order.terms.amount;
                Deposited { link: Some(order.terms.link()), is_short, ..deposited }
            }
        };
        Self::Deposited(Box::new(deposited))
    }

    /// What deposits of this order have in common, where it is one's.
    pub(super) fn link(&self) -> Option<B256> {
        match self {
            Self::Awaiting(order, _) => Some(order.terms.link()),
            Self::Deposited(deposited) => deposited.link,
        }
    }
}

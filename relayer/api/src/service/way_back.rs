//! How a deposit that is not paid is taken back on its source chain.

use alloy::primitives::Address;
use spandrel_core::{PayoutStage, Status, Transfer};
use spandrel_verifiers::UnixSeconds;

use super::Service;
use super::view::Found;
use crate::Problem;
use crate::catalog::SourceKind;
use crate::instructions::{RefundData, deposit_terms, refund_data};

/// The way back of a transfer that is not paid.
pub struct WayBack {
    /// By what it goes.
    pub by: By,
    /// Whether it ended unpaid or its time is over; else it may be on its way.
    pub is_due: bool,
}

/// By what a deposit is taken back.
pub enum By {
    /// The script path of its Taproot output.
    Script(RefundData),
    /// The same, but only whoever made its address has the script: nobody ordered it here.
    UnknownScript,
    /// `refund` of this vault.
    Vault(Address),
}

impl Service {
    /// The way back of a transfer, by its order's id or its deposit's; none once it is paid, nor from a source that is not
    /// served any more.
    ///
    /// # Errors
    /// 404 when there is neither order nor deposit.
    pub async fn way_back(&self, id: &str) -> Result<Option<WayBack>, Problem> {
        let (order, transfer) = match self.find(id).await? {
            Found::Order(order, transfers, _) => (Some(order), transfers.into_iter().next()),
            Found::Deposit(order, transfer) => (order, Some(*transfer)),
        };
        let terms = order.map(|order| order.terms);
        let (chain, expiry) = match (&transfer, &terms) {
            (Some(transfer), _) => (&transfer.deposit.source_chain, transfer.deposit.expiry),
            (None, Some(terms)) => (&terms.source_chain, terms.expiry),
            (None, None) => return Ok(None),
        };
        let Some(source) = self.catalog.source(chain).filter(|_| !transfer.as_ref().is_some_and(is_paid)) else {
            return Ok(None);
        };
        let is_due = is_due(transfer.as_ref(), expiry, self.now());
        let by = match (&source.kind, &terms) {
            (SourceKind::Bitcoin { vault, .. }, Some(terms)) => {
                By::Script(refund_data(*vault, &deposit_terms(terms)?)?)
            }
            (SourceKind::Bitcoin { .. }, None) => By::UnknownScript,
            (SourceKind::Evm { vault }, _) => By::Vault(*vault),
        };
        Ok(Some(WayBack { by, is_due }))
    }
}

/// Whether a payout of it stands on its destination.
fn is_paid(transfer: &Transfer) -> bool {
    let is_out = transfer.payout.as_ref().is_some_and(|payout| payout.stage >= PayoutStage::Executed);
    is_out
        || matches!(
            transfer.status,
            Status::Executed { .. } | Status::Final { .. } | Status::Settled { .. } | Status::Shortfall { .. }
        )
}

fn is_due(transfer: Option<&Transfer>, expiry: UnixSeconds, now: UnixSeconds) -> bool {
    let has_ended =
        transfer.is_some_and(|transfer| matches!(transfer.status, Status::Rejected { .. } | Status::Failed { .. }));
    has_ended || now > expiry
}

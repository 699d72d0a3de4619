//! The port by which it is found which deposits wait to be taken back on their source chain.

use std::future::Future;
use std::ops::RangeInclusive;

use spandrel_verifiers::{ChainId, Deposit, UnixSeconds};

use crate::ledger::StoreError;
use crate::{Status, Transfer};

/// A deposit that its vault pays back under a block later than `since`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The deposit.
    pub deposit: Deposit,
    /// The last second at which it could not be taken back.
    pub since: UnixSeconds,
}

impl Waiting {
    /// What a transfer waits for in this time. What ended as failed may be marked as dropped on its destination, and is paid
    /// back from that time on; if it is not, and what was rejected, from its expiry on.
    pub fn of(transfer: &Transfer, time: &RangeInclusive<UnixSeconds>) -> Option<Self> {
        let ended = match transfer.status {
            Status::Failed { .. } => Some(transfer.updated_at),
            Status::Rejected { .. } => None,
            _ => return None,
        };
        let expiry = transfer.deposit.expiry;
        let ended = ended.filter(|ended| *ended < expiry);
        let since = ended.into_iter().chain([expiry]).find(|since| time.contains(since))?;
        Some(Self { deposit: transfer.deposit.clone(), since })
    }
}

/// Where transfers are that ended unpaid.
pub trait Unpaid: Send + Sync {
    /// Deposits on `source` that could be taken back from a second of this time on, and whose transfers ended as rejected or
    /// failed.
    fn unpaid(
        &self,
        source: &ChainId,
        time: RangeInclusive<UnixSeconds>,
    ) -> impl Future<Output = Result<Vec<Waiting>, StoreError>> + Send;
}

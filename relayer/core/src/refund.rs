//! The port by which it is found which deposits wait to be taken back on their source chain.

use std::future::Future;
use std::ops::RangeInclusive;

use spandrel_verifiers::{ChainId, Deposit, UnixSeconds};

use crate::ledger::StoreError;

/// Where transfers are that ended unpaid.
pub trait Unpaid: Send + Sync {
    /// Deposits on `source` that expired in this time and whose transfers ended as rejected or failed.
    fn unpaid(
        &self,
        source: &ChainId,
        expired: RangeInclusive<UnixSeconds>,
    ) -> impl Future<Output = Result<Vec<Deposit>, StoreError>> + Send;
}

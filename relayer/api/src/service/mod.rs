//! One service under every door: all logic of the transfer API, no HTTP.

mod limits;
mod live;
mod orders;
mod proof;
mod quotes;
mod view;

use std::sync::Arc;

use futures::future::BoxFuture;
use spandrel_core::Policy;
use spandrel_risk::RiskState;
use spandrel_store::Sqlite;
use spandrel_verifiers::UnixSeconds;

pub use limits::{LaneLimits, LaneOffer};
pub use live::{Changes, Live};
pub use orders::{OrderRequest, OrderView};
pub use proof::ProofView;
pub use quotes::{Quote, QuoteRequest};
pub use view::{EventView, ReasonView, TransferList, TransferView};

use crate::Catalog;

/// Reads the risk state as of now.
pub type RiskReader = Arc<dyn Fn() -> BoxFuture<'static, RiskState> + Send + Sync>;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// The transfer API's logic.
pub struct Service {
    pub(crate) store: Sqlite,
    pub(crate) catalog: Catalog,
    pub(crate) policy: Policy,
    pub(crate) live: Live,
    risk: RiskReader,
    clock: Clock,
    quote_key: [u8; 32],
}

impl Service {
    /// A service over one ledger. `quote_key` signs quotes: the same for every process that serves the same users.
    pub fn new(
        store: Sqlite,
        policy: Policy,
        catalog: Catalog,
        risk: RiskReader,
        live: Live,
        clock: Clock,
        quote_key: [u8; 32],
    ) -> Self {
        Self { store, catalog, policy, live, risk, clock, quote_key }
    }

    /// Unix seconds.
    pub fn now(&self) -> UnixSeconds {
        (self.clock)()
    }

    pub(crate) async fn risk(&self) -> RiskState {
        (self.risk)().await
    }
}

/// A time as the API writes it (RFC 3339, UTC).
pub(crate) fn shown_time(at: UnixSeconds) -> String {
    let bounded = at.min(253_402_300_799);
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(bounded)).to_string()
}

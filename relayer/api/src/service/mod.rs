//! One service under every door: all logic of the transfer API, no HTTP.

mod access;
mod catalog;
mod closed;
mod event;
mod follow;
mod in_flight;
mod keys;
mod limits;
mod list;
mod live;
mod moment;
mod offers;
mod orders;
mod overview;
mod progress;
mod proof;
mod quotes;
mod reason;
mod remembered;
mod sketch;
mod status;
mod view;
mod way_back;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use spandrel_core::Policy;
use spandrel_core::watch::Watch;
use spandrel_risk::{RiskPolicy, RiskState};
use spandrel_store::summary::Summary;
use spandrel_store::{Sqlite, StoreError};
use spandrel_verifiers::{ChainId, UnixSeconds};

pub(crate) use access::permitted;
pub use catalog::{AssetView, ChainView, RouteView};
pub use event::{BlockView, EventView, Seen};
pub use follow::{Follow, WATCH};
use in_flight::InFlight;
pub use keys::{KeyRequest, KeyView};
pub use limits::LaneLimits;
pub use list::{ListRequest, TransferList};
pub use live::{Changes, Live};
use moment::Moment;
pub use offers::LaneOffer;
pub use orders::{OrderRequest, OrderView};
pub use overview::{Agreement, ChainLag, Gauge, LaneUse, Overview, PauseNow, RouteUse};
pub use proof::ProofView;
pub(crate) use quotes::quote_lane;
pub use quotes::{Quote, QuoteRequest};
pub use reason::ReasonView;
pub use status::{PauseView, ReadTo, StatusView};
pub use view::TransferView;
pub use way_back::{By, WayBack};
pub use webhooks::{DeliveryView, TestView, WebhookRequest, WebhookSecretView, WebhookView};

use crate::webhooks::Webhooks;
use crate::{Catalog, Problem};

/// Tells the risk state and the limits as they stand, without waiting for what is being decided.
pub type RiskReader = Arc<dyn Fn() -> (RiskState, Arc<RiskPolicy>) + Send + Sync>;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// The transfer API's logic.
pub struct Service {
    pub(crate) store: Sqlite,
    pub(crate) catalog: Catalog,
    pub(crate) policy: Policy,
    pub(crate) live: Live,
    pub(crate) webhooks: Option<Arc<Webhooks>>,
    risk: RiskReader,
    clock: Clock,
    quote_key: [u8; 32],
    late_after: BTreeMap<ChainId, u64>,
    in_flight: InFlight,
    watch: Duration,
    summary: Moment<Summary>,
    watches: Moment<Vec<Watch>>,
    agreement: Moment<Agreement>,
}

impl Service {
    /// A service over one ledger. What signs quotes is kept there: a quote holds after a restart, and whichever process of
    /// this ledger it is brought to. Nobody follows a transfer for longer than `watch` at a time.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn open(
        store: Sqlite,
        policy: Policy,
        catalog: Catalog,
        risk: RiskReader,
        live: Live,
        clock: Clock,
        watch: Duration,
    ) -> Result<Self, StoreError> {
        let quote_key = store.quote_key(rand::random()).await?;
        Ok(Self {
            store,
            catalog,
            policy,
            live,
            webhooks: None,
            risk,
            clock,
            quote_key,
            late_after: BTreeMap::new(),
            in_flight: InFlight::default(),
            watch,
            summary: Moment::default(),
            watches: Moment::default(),
            agreement: Moment::default(),
        })
    }

    /// Offers webhooks.
    #[must_use]
    pub fn with_webhooks(mut self, webhooks: Webhooks) -> Self {
        self.webhooks = Some(Arc::new(webhooks));
        self
    }

    /// Says that it is not ready while the last block read of a chain is older than so many seconds.
    #[must_use]
    pub fn with_late_after(self, late_after: BTreeMap<ChainId, u64>) -> Self {
        Self { late_after, ..self }
    }

    /// Unix seconds.
    pub fn now(&self) -> UnixSeconds {
        (self.clock)()
    }

    /// The risk state and the limits as they stand.
    pub(crate) fn risk(&self) -> (RiskState, Arc<RiskPolicy>) {
        (self.risk)()
    }

    /// The ledger at a glance, as it was at most a moment ago.
    pub(crate) async fn summary(&self) -> Result<Arc<Summary>, Problem> {
        self.summary.or_read(async { Ok(self.store.summary(self.now()).await?) }).await
    }
}

/// A time as the API writes it (RFC 3339, UTC).
pub(crate) fn shown_time(at: UnixSeconds) -> String {
    let bounded = at.min(253_402_300_799);
    humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + std::time::Duration::from_secs(bounded)).to_string()
}

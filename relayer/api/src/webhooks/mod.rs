//! Webhooks: users are told of their transfers at an address of their own.
//!
//! What is to be told is read from the event log and queued in the ledger, so that a crash loses nothing; a delivery that
//! may have arrived is sent again under the same id. Bodies are signed with a secret that is stored nowhere. Addresses
//! that are not public are refused when a webhook is registered, and again for every connection, after its name was
//! resolved: a webhook cannot be made to ask the inside of the network.

mod address;
mod backoff;
mod courier;
mod egress;
mod secret;

use std::sync::Arc;

use tokio::sync::Notify;

pub use address::Reach;
pub use courier::Courier;
pub use egress::{Egress, Resolve, SystemResolver};
pub use secret::{SIGNATURE_HEADER, WebhookKey};

pub(crate) use egress::Refused;

/// Most webhooks of one API key.
pub(crate) const MOST_WEBHOOKS: u32 = 10;
/// Most deliveries that wait for one webhook; what is more is given up at once.
pub(crate) const MOST_WAITING: u32 = 1_000;

/// What the service needs to offer webhooks.
pub struct Webhooks {
    pub(crate) key: WebhookKey,
    pub(crate) egress: Egress,
    /// Told when something was queued other than by an event.
    pub(crate) queued: Arc<Notify>,
}

impl Webhooks {
    /// Webhooks whose secrets are derived from `key`, sent through `egress`.
    pub fn new(key: WebhookKey, egress: Egress) -> Self {
        Self { key, egress, queued: Arc::default() }
    }
}

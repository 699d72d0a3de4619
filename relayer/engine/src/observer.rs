//! Who is told of what a book has stored.

use spandrel_core::{Event, Transfer};
use spandrel_verifiers::DepositId;

/// Told of what was stored: metrics, live views.
pub trait Observer: Send + Sync {
    /// These events were stored, and this is the transfer after them.
    fn stored(&self, transfer: &Transfer, events: &[Event]);

    /// An input was refused.
    fn refused(&self, id: DepositId, reason: &str);
}

/// Observes nothing.
pub struct Silent;

impl Observer for Silent {
    fn stored(&self, _: &Transfer, _: &[Event]) {}
    fn refused(&self, _: DepositId, _: &str) {}
}

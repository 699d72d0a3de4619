//! Who waits for a transfer to change is woken; what changed is then read from the ledger.

use std::sync::Arc;

use spandrel_store::OrderId;
use spandrel_verifiers::{Deposit, DepositId};
use tokio::sync::broadcast;

use super::remembered::Remembered;

/// Wakes the streams, once what was remembered of a transfer is forgotten. A stream that falls behind reads the ledger
/// and misses nothing.
#[derive(Clone)]
pub struct Live {
    wake: broadcast::Sender<DepositId>,
    pub(super) remembered: Arc<Remembered>,
}

impl Default for Live {
    fn default() -> Self {
        Self { wake: broadcast::channel(1024).0, remembered: Arc::default() }
    }
}

impl Live {
    /// A transfer changed.
    pub fn changed(&self, deposit: &Deposit) {
        self.remembered.deposit_changed(deposit);
        self.wake(deposit.id());
    }

    /// An order changed. Who follows an order without a deposit is woken by any change.
    pub(super) fn order_changed(&self, id: OrderId) {
        self.remembered.order_changed(&id.0);
        self.wake(DepositId(id.0));
    }

    fn wake(&self, id: DepositId) {
        // Nobody may be listening.
        if self.wake.send(id).is_err() {
            tracing::trace!(%id, "changed, and nobody waits for it");
        }
    }

    /// Wakes from now on.
    pub fn subscribe(&self) -> Changes {
        Changes(self.wake.subscribe())
    }
}

/// A subscription.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<DepositId>);

impl Changes {
    /// Returns when one of `ids` may have changed; `false` when nothing will change any more.
    pub async fn wait(&mut self, ids: &[DepositId]) -> bool {
        loop {
            match self.0.recv().await {
                Ok(id) if ids.is_empty() || ids.contains(&id) => return true,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return true,
                Err(broadcast::error::RecvError::Closed) => return false,
            }
        }
    }
}

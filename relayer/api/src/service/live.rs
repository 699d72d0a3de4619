//! Who waits for a transfer to change is woken; what changed is then read from the ledger.

use spandrel_verifiers::DepositId;
use tokio::sync::broadcast;

/// Wakes the streams. A stream that falls behind reads the ledger and misses nothing.
#[derive(Clone, Debug)]
pub struct Live(broadcast::Sender<DepositId>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

impl Live {
    /// A transfer changed.
    pub fn changed(&self, id: DepositId) {
        // Nobody may be listening.
        if self.0.send(id).is_err() {
            tracing::trace!(%id, "changed, and nobody waits for it");
        }
    }

    /// Wakes from now on.
    pub fn subscribe(&self) -> Changes {
        Changes(self.0.subscribe())
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

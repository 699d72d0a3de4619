//! Who waits for a transfer to change is woken; what changed is then read from the ledger.

use std::sync::Arc;

use alloy::primitives::B256;
use spandrel_store::{OrderId, OrderTerms};
use spandrel_verifiers::Deposit;
use tokio::sync::broadcast;

use super::remembered::Remembered;

/// Wakes the streams, once what was remembered of a transfer is forgotten. A stream that falls behind reads the ledger
/// and misses nothing.
#[derive(Clone)]
pub struct Live {
    wake: broadcast::Sender<Change>,
    pub(super) remembered: Arc<Remembered>,
}

/// What changed: a deposit and what it shares with its order, or an order.
#[derive(Clone, Copy, Debug)]
struct Change {
    id: B256,
    link: Option<B256>,
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
        self.wake(Change { id: deposit.id().0, link: Some(OrderTerms::link_of(deposit)) });
    }

    /// An order changed.
    pub(super) fn order_changed(&self, id: OrderId) {
        self.remembered.order_changed(&id.0);
        self.wake(Change { id: id.0, link: None });
    }

    fn wake(&self, change: Change) {
        // Nobody may be listening.
        if self.wake.send(change).is_err() {
            tracing::trace!(id = %change.id, "changed, and nobody waits for it");
        }
    }

    /// Wakes from now on.
    pub fn subscribe(&self) -> Changes {
        Changes(self.wake.subscribe())
    }
}

/// A subscription.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<Change>);

impl Changes {
    /// Returns when anything may have changed; `false` when nothing will any more.
    pub async fn any(&mut self) -> bool {
        self.wait(|_| true).await
    }

    /// Returns when a deposit or an order may have changed that is one of `names` or has one as its link; `false` when
    /// nothing will change any more.
    pub(super) async fn of(&mut self, names: &[B256]) -> bool {
        self.wait(|change| names.contains(&change.id) || change.link.is_some_and(|link| names.contains(&link))).await
    }

    async fn wait(&mut self, is_wanted: impl Fn(&Change) -> bool) -> bool {
        loop {
            match self.0.recv().await {
                Ok(change) if is_wanted(&change) => return true,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return true,
                Err(broadcast::error::RecvError::Closed) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_woken(changes: &mut Changes, names: &[B256]) -> bool {
        let waiting = pin!(changes.of(names));
        waiting.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(true)
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_what_it_waits_for_alone() {
        let (live, [order, link, other]) = (Live::default(), [1, 2, 3].map(B256::repeat_byte));
        let mut changes = live.subscribe();
        live.order_changed(OrderId(other));
        live.wake(Change { id: other, link: Some(other) });
        assert!(!is_woken(&mut changes, &[order, link]), "by what others wait for");
        live.wake(Change { id: other, link: Some(link) });
        assert!(is_woken(&mut changes, &[order, link]), "the first deposit of an order is known by its link");
        live.order_changed(OrderId(order));
        assert!(is_woken(&mut changes, &[order, link]));
        live.order_changed(OrderId(other));
        assert!(changes.any().await);
    }
}

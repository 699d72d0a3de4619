//! What was read for one caller is told to the next ones too, until it changes: many wait for the same transfers.
//!
//! A change that this process stores empties what it touches before anybody is woken for it. What another process
//! stores is told within [`LONGEST`].

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::primitives::B256;
use spandrel_store::OrderTerms;
use spandrel_verifiers::follow::BlockRef;
use spandrel_verifiers::{ChainId, Deposit};
use tokio::time::Instant;

use super::sketch::Sketch;

/// How long anything is told without being read again.
const LONGEST: Duration = Duration::from_secs(1);
/// Most that is remembered: a kilobyte each.
const CAPACITY: usize = 16_384;

/// What is remembered.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// How many changes there were: what was read before the last one is not kept.
    changes: u64,
    sketches: Recent<B256, Arc<Sketch>>,
    /// Orders among them, by the link that their deposits have.
    orders: HashMap<B256, B256>,
    tips: Recent<ChainId, Option<BlockRef>>,
}

/// Values with the time at which they were read.
struct Recent<K, V>(HashMap<K, (V, Instant)>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    fn get(&self, key: &K) -> Option<V> {
        self.0.get(key).filter(|(_, read)| read.elapsed() < LONGEST).map(|(value, _)| value.clone())
    }

    fn put(&mut self, key: K, value: V, read: Instant) {
        self.0.insert(key, (value, read));
    }
}

/// When something is about to be read: it is kept only if nothing changes meanwhile.
#[derive(Clone, Copy)]
pub(super) struct Before(u64, Instant);

impl Remembered {
    /// Now, before reading.
    pub(super) fn before(&self) -> Before {
        Before(self.lock().changes, Instant::now())
    }

    /// What an id names.
    pub(super) fn sketch(&self, id: &B256) -> Option<Arc<Sketch>> {
        self.lock().sketches.get(id)
    }

    /// Keeps what an id names.
    pub(super) fn keep(&self, before: Before, id: B256, sketch: &Arc<Sketch>) {
        let mut inner = self.lock();
        if inner.changes != before.0 {
            return;
        }
        if inner.sketches.0.len().max(inner.orders.len()) >= CAPACITY {
            inner.sketches.0.clear();
            inner.orders.clear();
        }
        if let Some(link) = sketch.link() {
            inner.orders.insert(link, id);
        }
        inner.sketches.put(id, sketch.clone(), before.1);
    }

    /// How far a chain was read: `Some(None)` when nothing of it was.
    pub(super) fn tip(&self, chain: &ChainId) -> Option<Option<BlockRef>> {
        self.lock().tips.get(chain)
    }

    /// Keeps how far a chain was read.
    pub(super) fn keep_tip(&self, before: Before, chain: ChainId, tip: Option<BlockRef>) {
        self.lock().tips.put(chain, tip, before.1);
    }

    /// This deposit changed: what is known of it, and of the order that it was made for, is forgotten.
    pub(super) fn deposit_changed(&self, deposit: &Deposit) {
        let mut inner = self.lock();
        inner.forget(&deposit.id().0);
        if let Some(order) = inner.orders.remove(&OrderTerms::link_of(deposit)) {
            inner.forget(&order);
        }
    }

    /// This order changed.
    pub(super) fn order_changed(&self, id: &B256) {
        self.lock().forget(id);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget(&mut self, id: &B256) {
        self.changes += 1;
        self.sketches.0.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use spandrel_store::{Order, OrderId};
    use spandrel_verifiers::{AssetId, LanePreference};

    use super::*;

    fn order(id: u8) -> Arc<Sketch> {
        let source_chain = ChainId::eip155(1);
        let terms = OrderTerms {
            asset: AssetId::slip44(&source_chain, 60),
            source_chain,
            amount: Default::default(),
            destination_chain: ChainId::eip155(2),
            destination_bridge: B256::ZERO,
            recipient: B256::repeat_byte(id),
            lane: LanePreference::Any,
            expiry: 9,
            refund: None,
        };
        let order = Order {
            id: OrderId(B256::repeat_byte(id)),
            terms,
            api_key: String::new(),
            source_tx: None,
            is_cancelled: false,
            created_at: 1,
        };
        Arc::new(Sketch::Awaiting(Box::new(order), Vec::new()))
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let (remembered, id) = (Remembered::default(), B256::repeat_byte(1));
        let before = remembered.before();
        remembered.order_changed(&id);
        remembered.keep(before, id, &order(1));
        assert!(remembered.sketch(&id).is_none());
        remembered.keep(remembered.before(), id, &order(1));
        assert!(remembered.sketch(&id).is_some());
        remembered.order_changed(&id);
        assert!(remembered.sketch(&id).is_none());
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let remembered = Remembered::default();
        for n in 0..=CAPACITY as u64 {
            remembered.keep(remembered.before(), B256::left_padding_from(&n.to_be_bytes()), &order(1));
        }
        assert_eq!(remembered.lock().sketches.0.len(), 1);
    }
}

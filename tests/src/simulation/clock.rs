//! Time that stands still unless the world moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spandrel_engine::Clock;
use spandrel_verifiers::UnixSeconds;

/// Where every seed begins, Unix seconds.
pub const START: UnixSeconds = 1_700_000_000;

/// The simulated clock. Clones share it.
#[derive(Clone, Debug)]
pub struct SimClock(Arc<AtomicU64>);

impl Default for SimClock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(START)))
    }
}

impl SimClock {
    /// Moves time on.
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now(&self) -> UnixSeconds {
        self.0.load(Ordering::Relaxed)
    }

    async fn sleep(&self, _: Duration) {}
}

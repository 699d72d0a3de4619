//! The port of time.

use std::future::Future;
use std::time::Duration;

use spandrel_verifiers::UnixSeconds;

/// Where time comes from. The simulation moves its own.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Seconds since the Unix epoch.
    fn now(&self) -> UnixSeconds;

    /// Returns after `duration`.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send;
}

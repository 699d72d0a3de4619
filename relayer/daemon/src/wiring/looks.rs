//! A look that is taken again and again, until the process ends.

use std::future::Future;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Looks at once and then `every` so often, until `stop`, which interrupts a look. One that took longer delays the next.
pub(super) async fn repeat<F: Future>(every: Duration, stop: &CancellationToken, look: impl Fn() -> F) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let looks = async {
        loop {
            ticks.tick().await;
            look().await;
        }
    };
    stop.run_until_cancelled(looks).await;
}

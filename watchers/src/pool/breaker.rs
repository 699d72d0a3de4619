//! Leaves an endpoint alone that keeps failing, and tries it again after a while.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which an endpoint is left alone.
const TOLERATED: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// A circuit breaker: closed while calls succeed; open for a time after failures in a row; then one call decides whether
/// it closes or opens again, for twice as long.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether a call may be made.
    pub fn is_closed(&self, now: Instant) -> bool {
        self.open_until.is_none_or(|until| now >= until)
    }

    /// A call was answered.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A call failed. Answers whether this opened the breaker.
    pub fn failed(&mut self, now: Instant) -> bool {
        self.failures = self.failures.saturating_add(1);
        let Some(beyond) = self.failures.checked_sub(TOLERATED) else { return false };
        let pause = FIRST_PAUSE.saturating_mul(1u32.checked_shl(beyond).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
        self.open_until = Some(now + pause);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_for_longer_each_time() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 1..TOLERATED {
            assert!(!breaker.failed(start));
        }
        breaker.succeeded();
        for _ in 1..TOLERATED {
            assert!(!breaker.failed(start), "the row was broken");
        }
        assert!(breaker.failed(start));
        assert!(!breaker.is_closed(start + FIRST_PAUSE / 2));
        let again = start + FIRST_PAUSE;
        assert!(breaker.is_closed(again), "one call is tried");
        assert!(breaker.failed(again));
        assert!(!breaker.is_closed(again + FIRST_PAUSE));
        assert!(breaker.is_closed(again + FIRST_PAUSE * 2));
        breaker.succeeded();
        assert!(breaker.is_closed(start));
    }

    #[test]
    fn the_pause_is_bounded() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.failed(now);
        }
        assert!(breaker.is_closed(now + LONGEST_PAUSE));
    }
}

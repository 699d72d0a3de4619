//! How fast one member may speak.

use std::time::{Duration, Instant};

/// Messages that a member may send at once; its lane holds as many.
pub(crate) const AT_ONCE: u32 = 1024;
/// Between two messages that it may go on with: two hundred a second.
const EACH: Duration = Duration::from_millis(5);

/// How many more messages are let through, and since when that was counted.
#[derive(Debug)]
pub(crate) struct Pace {
    left: u32,
    at: Instant,
}

impl Pace {
    pub(crate) fn from(now: Instant) -> Self {
        Self { left: AT_ONCE, at: now }
    }

    /// Whether one more is let through.
    pub(crate) fn lets_through(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at);
        let more = u32::try_from(since.as_nanos() / EACH.as_nanos()).unwrap_or(u32::MAX);
        if self.left.saturating_add(more) >= AT_ONCE {
            (self.left, self.at) = (AT_ONCE, now);
        } else {
            (self.left, self.at) = (self.left + more, self.at + EACH * more);
        }
        let lets_through = self.left > 0;
        self.left = self.left.saturating_sub(1);
        lets_through
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_so_many_a_second() {
        let start = Instant::now();
        let mut pace = Pace::from(start);
        let mut let_through = |micros, most: u32| {
            let now = start + Duration::from_micros(micros);
            (0..most).filter(|_| pace.lets_through(now)).count()
        };
        assert_eq!(let_through(0, 10_000), 1024);
        for round in 1..=3 {
            assert_eq!(let_through(round * 100_000, 10_000), 20);
        }
        assert_eq!(let_through(302_500, 10), 0);
        assert_eq!(let_through(305_000, 10), 1, "halves add up");
        assert_eq!(let_through(3_600_000_000, 10_000), 1024);
    }
}

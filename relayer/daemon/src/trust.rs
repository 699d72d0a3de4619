//! For how long a start may still begin where the operator put his trust in an Ethereum chain.
//!
//! A light client keeps what it learns in memory: every start begins at the configured `trusted_root` again. Once that block is
//! older than the network's weak-subjectivity period, validators that have left since can sign another history for it.

use spandrel_verifiers::UnixSeconds;

/// Where trust begins, and for how long it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustPeriod {
    /// When the block of the trusted root was proposed.
    pub since: UnixSeconds,
    /// The weak-subjectivity period, seconds.
    pub seconds: u64,
}

impl TrustPeriod {
    /// Seconds that are left; below zero for so long it is over.
    pub fn left(&self, now: UnixSeconds) -> i64 {
        let end = self.since.saturating_add(self.seconds).cast_signed();
        end.saturating_sub(now.cast_signed())
    }

    /// Whether less than a third is left, as in the alert `TrustEnds`.
    pub fn is_short(&self, now: UnixSeconds) -> bool {
        self.left(now) < (self.seconds / 3).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_counts_from_the_trusted_block_and_is_short_below_a_third() {
        let period = TrustPeriod { since: 1_000, seconds: 900 };
        assert_eq!((period.left(1_000), period.is_short(1_000)), (900, false));
        assert_eq!((period.left(1_600), period.is_short(1_600)), (300, false));
        assert_eq!((period.left(1_601), period.is_short(1_601)), (299, true));
        assert_eq!((period.left(2_000), period.is_short(2_000)), (-100, true));
        assert_eq!(period.left(0), 1_900, "a clock that is late");
    }
}

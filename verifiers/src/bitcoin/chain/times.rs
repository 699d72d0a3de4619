//! The times of the last blocks, for the median that a new block must exceed.

use crate::bitcoin::anchor::MEDIAN_TIME_SPAN;

/// Times of a block and of up to ten before it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RecentTimes {
    /// The last `count` of them are used; the block's own is the last one.
    times: [u32; MEDIAN_TIME_SPAN],
    count: usize,
}

impl RecentTimes {
    /// Of `times`, latest block first; those beyond the eleventh are not read.
    pub(super) fn ending_with(latest_first: impl Iterator<Item = u32>) -> Self {
        let mut recent = Self::default();
        for (place, time) in recent.times.iter_mut().rev().zip(latest_first) {
            *place = time;
            recent.count = recent.count.saturating_add(1);
        }
        recent
    }

    /// Of the next block, whose own time is `time`.
    pub(super) fn push(&mut self, time: u32) {
        self.times.rotate_left(1);
        if let Some(last) = self.times.last_mut() {
            *last = time;
        }
        self.count = self.count.saturating_add(1).min(MEDIAN_TIME_SPAN);
    }

    /// Their median, the later of the middle two where they are even in number.
    pub(super) fn median(&self) -> u32 {
        let mut sorted = self.times;
        let unused = MEDIAN_TIME_SPAN.saturating_sub(self.count);
        let used = sorted.get_mut(unused..).unwrap_or_default();
        used.sort_unstable();
        used.get(used.len() / 2).copied().unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_time_exceeds_the_median_of_none() {
        assert_eq!(RecentTimes::default().median(), u32::MAX);
    }

    proptest! {
        #[test]
        fn the_median_is_that_of_the_last_eleven(times in prop::collection::vec(0u32..50, 1..40), split in any::<prop::sample::Index>()) {
            let (first, rest) = times.split_at(split.index(times.len()));
            let mut recent = RecentTimes::ending_with(first.iter().rev().copied());
            rest.iter().for_each(|time| recent.push(*time));
            let mut last: Vec<u32> = times.iter().rev().take(11).copied().collect();
            last.sort();
            prop_assert_eq!(recent.median(), last[last.len() / 2]);
        }
    }
}

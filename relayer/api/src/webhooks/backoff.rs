//! When a delivery that failed is tried again.

use rand::Rng;
use spandrel_verifiers::UnixSeconds;

/// Attempts after which a delivery is given up: the last is made about a day after the first.
pub const MOST_ATTEMPTS: u32 = 14;
const FIRST_DELAY: u64 = 10;
const LONGEST_DELAY: u64 = 6 * 3600;

/// When to try again after attempt `attempt` (from 1), if ever. Half of the delay is random, so that the deliveries of a
/// receiver that comes back do not come all at once.
pub fn retry_at(attempt: u32, now: UnixSeconds, random: &mut impl Rng) -> Option<UnixSeconds> {
    if attempt >= MOST_ATTEMPTS {
        return None;
    }
    let delay = FIRST_DELAY.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)).min(LONGEST_DELAY);
    let half = delay.div_euclid(2);
    Some(now.saturating_add(half).saturating_add(random.random_range(0..=half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_bound_with_half_of_them_random_and_then_end() {
        let mut random = rand::rng();
        for attempt in 1..MOST_ATTEMPTS {
            let whole = (10 << attempt).min(LONGEST_DELAY);
            for _ in 0..50 {
                let delay = retry_at(attempt, 1_000, &mut random).unwrap() - 1_000;
                assert!((whole / 2..=whole).contains(&delay), "attempt {attempt}: {delay}");
            }
        }
        assert_eq!(retry_at(MOST_ATTEMPTS, 1_000, &mut random), None);
        let spread: std::collections::BTreeSet<_> = (0..50).map(|_| retry_at(5, 0, &mut random)).collect();
        assert!(spread.len() > 10, "jitter");
    }
}

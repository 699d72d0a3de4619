//! An exact sliding window of 24 hours: what was cleared in the last [`WINDOW_SECONDS`], to the second.
//!
//! A charge made at `t` counts while `now < t + 24 h`, so the charges within any 24 hours are bounded, not only those
//! of fixed buckets. Charging is O(1) amortised; reading is a binary search over running totals and changes nothing.

use std::collections::VecDeque;

use alloy_primitives::{U256, U512};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{DepositId, UnixSeconds};

/// Length of the window.
pub const WINDOW_SECONDS: u64 = 86_400;

/// Charges of one corridor, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    charges: VecDeque<Charge>,
    /// Running total up to the charge that was pruned last. 512 bits hold every sum of 256-bit amounts.
    before: U512,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Charge {
    at: UnixSeconds,
    id: DepositId,
    amount: U256,
    /// Running total including this charge.
    through: U512,
}

impl Charge {
    fn has_left(&self, now: UnixSeconds) -> bool {
        now.saturating_sub(self.at) >= WINDOW_SECONDS
    }
}

impl Window {
    /// Adds a charge at `at`, which must not be earlier than the last one, and forgets what has left the window.
    pub(crate) fn charge(&mut self, id: DepositId, amount: U256, at: UnixSeconds) {
        while let Some(first) = self.charges.front().filter(|charge| charge.has_left(at)) {
            self.before = first.through;
            self.charges.pop_front();
        }
        let through = self.total().saturating_add(U512::from(amount));
        self.charges.push_back(Charge { at, id, amount, through });
    }

    /// Takes the charge of `id` out, if it has one. Linear; only a deposit that is cleared again needs it.
    pub(crate) fn withdraw(&mut self, id: DepositId) {
        let Some(index) = self.charges.iter().position(|charge| charge.id == id) else { return };
        if let Some(charge) = self.charges.remove(index) {
            for later in self.charges.iter_mut().skip(index) {
                later.through = later.through.saturating_sub(U512::from(charge.amount));
            }
        }
    }

    /// The sum of all charges still in the window at `now`.
    pub(crate) fn used(&self, now: UnixSeconds) -> U512 {
        let left = self.charges.partition_point(|charge| charge.has_left(now));
        let gone = left.checked_sub(1).and_then(|last| self.charges.get(last)).map_or(self.before, |c| c.through);
        self.total().saturating_sub(gone)
    }

    fn total(&self) -> U512 {
        self.charges.back().map_or(self.before, |charge| charge.through)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;

    fn id(n: u8) -> DepositId {
        DepositId(B256::repeat_byte(n))
    }

    #[test]
    fn a_charge_counts_for_exactly_a_day() {
        let mut window = Window::default();
        window.charge(id(1), U256::from(7), 100);
        assert_eq!(window.used(100), U512::from(7));
        assert_eq!(window.used(100 + WINDOW_SECONDS - 1), U512::from(7));
        assert_eq!(window.used(100 + WINDOW_SECONDS), U512::ZERO);
    }

    #[test]
    fn sums_of_the_largest_amounts_stay_exact() {
        let mut window = Window::default();
        for n in 0..4 {
            window.charge(id(n), U256::MAX, u64::from(n) * 30_000);
        }
        assert_eq!(window.used(90_000), U512::from(U256::MAX) * U512::from(3));
        assert_eq!(window.used(u64::MAX), U512::ZERO);
        window.withdraw(id(2));
        assert_eq!(window.used(90_000), U512::from(U256::MAX) * U512::from(2));
    }

    #[test]
    fn the_end_of_time_does_not_end_a_charge_early() {
        let mut window = Window::default();
        window.charge(id(1), U256::from(5), u64::MAX - 1);
        assert_eq!(window.used(u64::MAX), U512::from(5));
    }
}

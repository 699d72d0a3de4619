//! An exact sliding window of 24 hours: what was cleared in the last [`WINDOW_SECONDS`], to the second.
//!
//! A charge made at `t` counts while `now < t + 24 h`, so the charges within any 24 hours are bounded, not only those
//! of fixed buckets. Charging and reading are searches over running totals; a copy shares them.

use alloy_primitives::{U256, U512};
use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{DepositId, UnixSeconds};

use crate::as_list;

/// Length of the window.
pub const WINDOW_SECONDS: u64 = 86_400;

/// Charges of one corridor, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    #[serde(with = "as_list")]
    charges: RedBlackTreeMapSync<Place, Charge>,
    /// Running total up to the charge that was pruned last. 512 bits hold every sum of 256-bit amounts.
    before: U512,
    /// Number of the next charge.
    next: u64,
}

/// Time of a charge, and its number: charges of one second keep their order.
type Place = (UnixSeconds, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Charge {
    id: DepositId,
    amount: U256,
    /// Running total including this charge.
    through: U512,
}

impl Window {
    /// Adds a charge at `at`, which must not be earlier than the last one, and forgets what has left the window.
    pub(crate) fn charge(&mut self, id: DepositId, amount: U256, at: UnixSeconds) {
        while let Some((place, through)) = self.first().filter(|((first, _), _)| has_left(*first, at)) {
            self.before = through;
            self.charges.remove_mut(&place);
        }
        let through = self.total().saturating_add(U512::from(amount));
        self.charges.insert_mut((at, self.next), Charge { id, amount, through });
        self.next = self.next.saturating_add(1);
    }

    /// Takes the charge of `id` out, if it has one. Linear; only a deposit that is cleared again needs it.
    pub(crate) fn withdraw(&mut self, id: DepositId) {
        let found = self.charges.iter().find(|(_, charge)| charge.id == id).map(|(place, charge)| (*place, *charge));
        let Some((place, withdrawn)) = found else { return };
        self.charges.remove_mut(&place);
        let later: Vec<(Place, Charge)> =
            self.charges.range(place..).map(|(place, charge)| (*place, *charge)).collect();
        for (place, charge) in later {
            let through = charge.through.saturating_sub(U512::from(withdrawn.amount));
            self.charges.insert_mut(place, Charge { through, ..charge });
        }
    }

    /// The sum of all charges still in the window at `now`.
    pub(crate) fn used(&self, now: UnixSeconds) -> U512 {
        let all = || self.total().saturating_sub(self.before);
        let Some(last_left) = now.checked_sub(WINDOW_SECONDS) else { return all() };
        // Whatever is charged prunes the window, so that mostly nothing has left it since.
        if self.charges.first().is_none_or(|((first, _), _)| *first > last_left) {
            return all();
        }
        let left = self.charges.range(..=(last_left, u64::MAX)).next_back();
        let gone = left.map_or(self.before, |(_, charge)| charge.through);
        self.total().saturating_sub(gone)
    }

    fn first(&self) -> Option<(Place, U512)> {
        self.charges.first().map(|(place, charge)| (*place, charge.through))
    }

    fn total(&self) -> U512 {
        self.charges.last().map_or(self.before, |(_, charge)| charge.through)
    }
}

fn has_left(at: UnixSeconds, now: UnixSeconds) -> bool {
    now.saturating_sub(at) >= WINDOW_SECONDS
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

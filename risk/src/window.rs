//! An exact sliding window of 24 hours: what is cleared and not paid, and what was paid or given back in the last
//! [`WINDOW_SECONDS`], to the second.
//!
//! What is held counts until it is let go, which charges it. A charge made at `t` counts while `now < t + 24 h`, so the
//! charges within any 24 hours are bounded, not only those of fixed buckets; and with them the payments, each of which came
//! between a clearance and the charge that let it go. Charging and reading are searches over running totals, holding is a sum;
//! a copy shares them.
//!
//! Every charge forgets what has left by then, so that little has left when the window is read: the search for it starts
//! at the oldest charge and goes as far again each time, at most `2⌈log2(l + 1)⌉ + 1` looks when `l` have left.

use std::collections::BTreeMap;

use alloy_primitives::{U256, U512};
use rpds::VectorSync;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{DepositId, UnixSeconds};

/// Length of the window.
pub const WINDOW_SECONDS: u64 = 86_400;

/// Charges of one corridor, in their order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Rows", into = "Rows")]
pub(crate) struct Window {
    charges: VectorSync<(Place, Charge)>,
    /// How many of them, from the oldest on, are forgotten. They are dropped when they are more than half.
    forgotten: usize,
    /// Running total up to the charge that was forgotten last. 512 bits hold every sum of 256-bit amounts.
    before: U512,
    /// Running total up to the last charge.
    total: U512,
    /// Number of the next charge.
    next: u64,
    /// Sum of what is held.
    held: U512,
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

/// The same as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    charges: Vec<(Place, Charge)>,
    before: U512,
    next: u64,
    #[serde(default, skip_serializing_if = "U512::is_zero")]
    held: U512,
}

impl From<Window> for Rows {
    fn from(window: Window) -> Self {
        let charges = window.kept().copied().collect();
        Self { charges, before: window.before, next: window.next, held: window.held }
    }
}

impl From<Rows> for Window {
    fn from(rows: Rows) -> Self {
        let Rows { charges, before, next, held } = rows;
        let in_order: BTreeMap<Place, Charge> = charges.into_iter().collect();
        let total = in_order.last_key_value().map_or(before, |(_, charge)| charge.through);
        Self { charges: in_order.into_iter().collect(), forgotten: 0, before, total, next, held }
    }
}

/// By what is not forgotten.
impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        (self.before, self.next, self.held) == (other.before, other.next, other.held) && self.kept().eq(other.kept())
    }
}

impl Eq for Window {}

impl Window {
    /// Adds a charge at `at`, which must not be earlier than the last one, and forgets what has left the window.
    pub(crate) fn charge(&mut self, id: DepositId, amount: U256, at: UnixSeconds) {
        (self.forgotten, self.before) = self.left(at);
        self.total = self.total.saturating_add(U512::from(amount));
        self.charges.push_back_mut(((at, self.next), Charge { id, amount, through: self.total }));
        self.next = self.next.saturating_add(1);
        // What is copied was charged since the last time: each charge is copied once at most, in the mean.
        if self.forgotten > self.charges.len().div_euclid(2) {
            self.charges = self.kept().copied().collect();
            self.forgotten = 0;
        }
    }

    /// Counts `amount` from now on.
    pub(crate) fn hold(&mut self, amount: U256) {
        self.held = self.held.saturating_add(U512::from(amount));
    }

    /// What is held of `id` counts for one more window from `at` on, which must not be earlier than the last charge.
    pub(crate) fn let_go(&mut self, id: DepositId, amount: U256, at: UnixSeconds) {
        self.held = self.held.saturating_sub(U512::from(amount));
        self.charge(id, amount, at);
    }

    /// Takes the charge of `id` out, if it has one. Linear; only a deposit that is cleared again needs it.
    pub(crate) fn withdraw(&mut self, id: DepositId) {
        let Some(withdrawn) = self.kept().find(|(_, charge)| charge.id == id).copied() else { return };
        let (place, Charge { amount, .. }) = withdrawn;
        let less = |sum: U512| sum.saturating_sub(U512::from(amount));
        let others = self.kept().filter(|(other, _)| *other != place).copied();
        let others = others.map(|(other, charge)| {
            let through = if other < place { charge.through } else { less(charge.through) };
            (other, Charge { through, ..charge })
        });
        self.charges = others.collect();
        self.forgotten = 0;
        self.total = less(self.total);
    }

    /// The sum of what is held, and of all charges still in the window at `now`.
    pub(crate) fn used(&self, now: UnixSeconds) -> U512 {
        self.total.saturating_sub(self.left(now).1).saturating_add(self.held)
    }

    fn kept(&self) -> impl Iterator<Item = &(Place, Charge)> {
        self.charges.iter().skip(self.forgotten)
    }

    /// How many charges have left the window at `now`, the forgotten ones among them, and the running total through them.
    fn left(&self, now: UnixSeconds) -> (usize, U512) {
        let through_left = |place| {
            let (_, charge) = self.charges.get(place).filter(|((at, _), _)| has_left(*at, now))?;
            Some(&charge.through)
        };
        let (mut left, mut through, mut step) = (self.forgotten, &self.before, 1usize);
        let last_of = |left: usize, step: usize| left.saturating_add(step).saturating_sub(1);
        // All before `left` have left. Further, as far again each time, until the last of a step has not …
        while let Some(found) = through_left(last_of(left, step)) {
            (left, through) = (left.saturating_add(step), found);
            step = left.saturating_sub(self.forgotten);
        }
        // … and then by halves of that step.
        while step > 1 {
            step = step.div_euclid(2);
            if let Some(found) = through_left(last_of(left, step)) {
                (left, through) = (left.saturating_add(step), found);
            }
        }
        (left, *through)
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
    fn what_is_held_counts_until_it_is_let_go_and_for_exactly_a_day_from_then() {
        let mut window = Window::default();
        window.hold(U256::from(7));
        window.charge(id(2), U256::from(5), 100);
        assert_eq!(window.used(100), U512::from(12));
        assert_eq!(window.used(u64::MAX), U512::from(7));
        let at = 100 + 3 * WINDOW_SECONDS;
        window.let_go(id(1), U256::from(7), at);
        assert_eq!(window.used(at + WINDOW_SECONDS - 1), U512::from(7));
        assert_eq!(window.used(at + WINDOW_SECONDS), U512::ZERO);
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

    #[test]
    fn whatever_has_left_is_found_and_forgotten_at_any_distance() {
        for count in [1u64, 2, 3, 7, 8, 9, 100] {
            let mut window = Window::default();
            (0..count).for_each(|n| window.charge(DepositId(B256::from(U256::from(n))), U256::ONE, 10 * n));
            for left in 0..=count {
                let now = (10 * left + WINDOW_SECONDS).saturating_sub(1);
                let in_it = if left == 0 { count } else { count - left };
                assert_eq!(window.used(now), U512::from(in_it), "{left} of {count} have left");
                let mut later = window.clone();
                later.charge(id(255), U256::ONE, now.max(10 * count));
                let kept = later.kept().count() as u64;
                assert_eq!(U512::from(kept), later.used(now.max(10 * count)));
                assert!(later.forgotten * 2 <= later.charges.len());
            }
        }
    }

    #[test]
    fn what_is_forgotten_but_held_counts_for_nothing_and_is_not_stored() {
        let mut window = Window::default();
        (0..10).for_each(|n| window.charge(id(n), U256::from(3), 100 * u64::from(n)));
        window.charge(id(10), U256::from(3), WINDOW_SECONDS + 200);
        let without_held = serde_json::to_string(&window).unwrap();
        assert!(!without_held.contains("held"), "what was stored before reads as it was: {without_held}");
        window.hold(U256::from(4));
        assert_eq!((window.forgotten, window.charges.len()), (3, 11));
        let text = serde_json::to_string(&window).unwrap();
        let read: Window = serde_json::from_str(&text).unwrap();
        assert_eq!((read.forgotten, read.charges.len(), read.total), (0, 8, window.total));
        assert_eq!(read, window);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let mut without = window.clone();
        without.withdraw(id(1));
        assert_eq!(without, window, "it has left");
        without.withdraw(id(5));
        assert_eq!(without.used(WINDOW_SECONDS + 200), U512::from(25));
        assert_eq!(without.used(WINDOW_SECONDS + 500), U512::from(19));
    }
}

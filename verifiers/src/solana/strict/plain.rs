//! `s·B - k·A` from tables of multiples, by the curve crate's own points: the way of processors without wide lanes.

use std::sync::LazyLock;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;

/// `j·256^i·A` for `j` of 1 to 8 and `i` below 32: 40 KiB.
pub(super) struct Table(Box<[[EdwardsPoint; 8]; 32]>);

impl Table {
    /// The table of a point.
    pub(super) fn new(point: EdwardsPoint) -> Self {
        Self(multiples(point))
    }

    /// `s·B - k·A`.
    pub(super) fn combine(&self, s: &Scalar, k: &Scalar) -> EdwardsPoint {
        subtract_multiple(base_multiple(s), &self.0, k)
    }
}

/// Bytes of a table.
pub(super) const TABLE_BYTES: usize = size_of::<[[EdwardsPoint; 8]; 32]>();

/// `j·256^i·B` for `j` of 1 to 128 and `i` below 32: 640 KiB.
static BASE: LazyLock<Vec<Vec<EdwardsPoint>>> =
    LazyLock::new(|| powers(ED25519_BASEPOINT_POINT).map(|power| sums(power).take(128).collect()).collect());

fn multiples(point: EdwardsPoint) -> Box<[[EdwardsPoint; 8]; 32]> {
    let mut table = Box::new([[EdwardsPoint::identity(); 8]; 32]);
    for (row, power) in table.iter_mut().zip(powers(point)) {
        row.iter_mut().zip(sums(power)).for_each(|(entry, sum)| *entry = sum);
    }
    table
}

/// `256^i·P`.
fn powers(point: EdwardsPoint) -> impl Iterator<Item = EdwardsPoint> {
    std::iter::successors(Some(point), |power| Some((0..8).fold(*power, |sum, _| add(&sum, &sum)))).take(32)
}

/// `P`, `2·P`, `3·P`, …
fn sums(point: EdwardsPoint) -> impl Iterator<Item = EdwardsPoint> {
    std::iter::successors(Some(point), move |sum| Some(add(sum, &point)))
}

/// `s·B`, by signed digits of eight bits.
fn base_multiple(s: &Scalar) -> EdwardsPoint {
    let (mut sum, mut carry) = (EdwardsPoint::identity(), 0_i16);
    for (row, byte) in BASE.iter().zip(s.as_bytes()) {
        let digit;
        (digit, carry) = recentre(i16::from(*byte).wrapping_add(carry), 256);
        sum = add_digit(sum, row, digit);
    }
    sum
}

/// `sum - k·A`, by signed digits of four bits; the odd ones first, times sixteen.
fn subtract_multiple(sum: EdwardsPoint, multiples: &[[EdwardsPoint; 8]; 32], k: &Scalar) -> EdwardsPoint {
    let digits = radix_16(k);
    let (mut odd, mut even) = (EdwardsPoint::identity(), sum);
    for (row, [_, digit]) in multiples.iter().zip(&digits) {
        odd = add_digit(odd, row, digit.wrapping_neg());
    }
    let odd = (0..4).fold(odd, |sum, _| add(&sum, &sum));
    for (row, [digit, _]) in multiples.iter().zip(&digits) {
        even = add_digit(even, row, digit.wrapping_neg());
    }
    add(&even, &odd)
}

/// Digits of -8 to 7, two for each byte, lowest first. A scalar is below 2^253: the last carry is none.
fn radix_16(k: &Scalar) -> [[i16; 2]; 32] {
    let mut carry = 0;
    k.to_bytes().map(|byte| {
        let (low, high);
        (low, carry) = recentre(i16::from(byte & 15).wrapping_add(carry), 16);
        (high, carry) = recentre(i16::from(byte >> 4).wrapping_add(carry), 16);
        [low, high]
    })
}

/// A digit of `radix` with the carry that makes it lie around zero.
fn recentre(digit: i16, radix: i16) -> (i16, i16) {
    if digit >= radix.wrapping_shr(1) { (digit.wrapping_sub(radix), 1) } else { (digit, 0) }
}

fn add_digit(sum: EdwardsPoint, multiples: &[EdwardsPoint], digit: i16) -> EdwardsPoint {
    let entry = usize::from(digit.unsigned_abs()).checked_sub(1).and_then(|place| multiples.get(place));
    match entry {
        Some(entry) if digit > 0 => add(&sum, entry),
        Some(entry) => subtract(&sum, entry),
        None => sum,
    }
}

#[expect(clippy::arithmetic_side_effects, reason = "the group law has no overflow")]
fn add(a: &EdwardsPoint, b: &EdwardsPoint) -> EdwardsPoint {
    a + b
}

#[expect(clippy::arithmetic_side_effects, reason = "the group law has no overflow")]
fn subtract(a: &EdwardsPoint, b: &EdwardsPoint) -> EdwardsPoint {
    a - b
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use proptest::prelude::*;

    use super::*;

    fn scalar(bytes: [u8; 32]) -> Scalar {
        Scalar::from_bytes_mod_order(bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn multiples_are_the_curve_crates(s: [u8; 32], k: [u8; 32], a: [u8; 32]) {
            let (s, k) = (scalar(s), scalar(k));
            let point = EdwardsPoint::mul_base(&scalar(a)) + EIGHT_TORSION[usize::from(a[0]) % 8];
            prop_assert_eq!(base_multiple(&s), EdwardsPoint::mul_base(&s));
            let found = subtract_multiple(base_multiple(&s), &multiples(point), &k);
            prop_assert_eq!(found, EdwardsPoint::mul_base(&s) - point * k);
        }
    }

    #[test]
    fn the_largest_and_smallest_scalars_are_right_too() {
        let table = multiples(ED25519_BASEPOINT_POINT);
        for s in [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, scalar([0x88; 32]), scalar([0x80; 32])] {
            assert_eq!(base_multiple(&s), EdwardsPoint::mul_base(&s));
            assert_eq!(subtract_multiple(EdwardsPoint::identity(), &table, &s), EdwardsPoint::mul_base(&-s));
        }
    }
}

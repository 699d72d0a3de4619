//! The field beside whole numbers, at limbs as large as they may be.

use alloy_primitives::U512;
use proptest::prelude::*;

use super::field::{Elements, Field, Number};
use crate::words::Limbs;
use crate::words::model::Model;

const BITS: [u32; 10] = [0, 26, 51, 77, 102, 128, 153, 179, 204, 230];

fn p() -> U512 {
    (U512::ONE << 255) - U512::from(19)
}

/// The largest limbs that a reduced number may have, and a loose one.
fn largest(is_loose: bool) -> [u64; 10] {
    let reduced = |limb: usize| (1 << if limb.is_multiple_of(2) { 26 } else { 25 }) + (1 << 18) - 1;
    let twice_p = |limb: usize| (1 << if limb.is_multiple_of(2) { 27 } else { 26 }) - 2;
    std::array::from_fn(|limb| reduced(limb) + if is_loose { twice_p(limb) } else { 0 })
}

fn value(limbs: [u64; 10]) -> U512 {
    limbs.iter().zip(BITS).map(|(limb, bit)| U512::from(*limb) << bit).sum::<U512>() % p()
}

fn whole(number: Number) -> U512 {
    number.iter().rev().fold(U512::ZERO, |sum, word| (sum << 64) | U512::from(*word))
}

/// Two loose numbers and two reduced ones.
type Case = [[u64; 10]; 4];

fn check<W: Limbs<N>, const N: usize>(w: W, cases: [Case; N]) {
    let f = Field(w);
    let elements = |which: usize| -> Elements<W, N> {
        std::array::from_fn(|limb| w.of_lanes(cases.map(|case| case[which][limb])))
    };
    let [a, b, c, d] = [0, 1, 2, 3].map(elements);
    let is_reduced = |elements: &Elements<W, N>| {
        let lanes = elements.map(|word| w.lanes(word));
        lanes.iter().zip(largest(false)).all(|(lanes, most)| lanes.iter().all(|limb| *limb <= most))
    };
    let product = f.multiply(&a, &b);
    let (sum, difference) = (f.reduce(&f.add(&c, &d)), f.reduce(&f.subtract(&c, &d)));
    let inverse = f.invert(&a);
    for elements in [&product, &sum, &difference, &inverse, &f.reduce(&a), &f.square(&b)] {
        assert!(is_reduced(elements));
    }
    let (back, root) = (f.pack(&f.multiply(&inverse, &a)), f.power_for_root(&b));
    let same = f.unpack(w.read(&f.pack(&c).each_ref()));
    let root = f.pack(&root);
    let [product, sum, difference, same] = [product, sum, difference, same].map(|elements| f.pack(&elements));
    for (lane, case) in cases.iter().enumerate() {
        let [a, b, c, d] = case.map(value);
        assert_eq!(whole(product[lane]), a * b % p());
        assert_eq!(whole(sum[lane]), (c + d) % p());
        assert_eq!(whole(difference[lane]), (c + p() - d) % p());
        assert_eq!(whole(same[lane]), c);
        assert_eq!(whole(back[lane]), if a.is_zero() { U512::ZERO } else { U512::ONE });
        assert_eq!(whole(root[lane]), b.pow_mod((p() - U512::from(5)) / U512::from(8), p()));
    }
}

fn check_all(case: Case) {
    // The others are the extremes, so that lanes differ.
    let (loose, reduced) = (largest(true), largest(false));
    let zero = [0; 10];
    let others = [[loose, loose, reduced, reduced], [zero, loose, zero, reduced], [loose, zero, reduced, zero]];
    for place in 0..4 {
        let mut cases = [others[0], others[0], others[1], others[2]];
        cases.swap(0, place);
        cases[place] = case;
        check::<Model, 4>(Model, cases);
        #[cfg(target_arch = "x86_64")]
        if let Some(words) = crate::words::Avx2::detect() {
            check(words, cases);
        }
    }
}

/// Zero, `p` less or more a few, and what has all bits of a number.
#[test]
fn numbers_around_the_modulus_are_right() {
    let split = |value: U512| -> [u64; 10] {
        std::array::from_fn(|limb| {
            let bits = if limb.is_multiple_of(2) { 26 } else { 25 };
            let shifted: U512 = value >> BITS[limb] as usize;
            shifted.as_limbs()[0] & ((1 << bits) - 1)
        })
    };
    let top = (U512::ONE << 255) - U512::ONE;
    for value in [U512::ZERO, U512::ONE, p() - U512::ONE, p(), p() + U512::ONE, top] {
        for other in [U512::ZERO, U512::ONE, p() - U512::ONE, p(), top] {
            let (value, other) = (split(value), split(other));
            check_all([value, other, value, other]);
        }
    }
}

fn limbs(is_loose: bool) -> impl Strategy<Value = [u64; 10]> {
    let most = largest(is_loose);
    let limb = move |limb: usize| prop_oneof![Just(0), Just(most[limb]), 0..=most[limb]];
    let all: Vec<_> = (0..10).map(limb).collect();
    all.prop_map(|limbs| limbs.try_into().expect("ten limbs"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 200 }))]
    #[test]
    fn limbs_of_any_size_that_may_be_are_right(a in limbs(true), b in limbs(true), c in limbs(false), d in limbs(false)) {
        check_all([a, b, c, d]);
    }
}

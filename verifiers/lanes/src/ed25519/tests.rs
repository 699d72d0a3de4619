//! Everything beside `curve25519-dalek`, and the field beside whole numbers, by the same code on plain arrays, which refuse
//! sums that wrap and factors that are too wide, and by the processor's instructions where it has them.

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;

use super::*;
use crate::words::model::Model;

fn check<W: Limbs<N>, const N: usize>(w: W, base: &Rows<BASE_WIDTH>, cases: &[(EdwardsPoint, Scalar, Scalar)]) {
    let encodings: Vec<[u8; 32]> = cases.iter().map(|(point, ..)| point.compress().0).collect();
    let keys: Vec<Multiples> = prepare_each(w, &encodings).into_iter().map(Option::unwrap).collect();
    let scalars: Vec<[[u8; 32]; 2]> = cases.iter().map(|(_, s, k)| [s.to_bytes(), k.to_bytes()]).collect();
    let items: Vec<Combination<'_>> =
        keys.iter().zip(&scalars).map(|(key, [s, k])| Combination { s, k, key }).collect();
    let found = w.call(Encode { w, base, items: &items });
    let expected: Vec<[u8; 32]> =
        cases.iter().map(|(point, s, k)| (EdwardsPoint::mul_base(s) - point * k).compress().0).collect();
    assert_eq!(found, expected);
}

/// Calls both kinds of words.
fn check_all(cases: &[(EdwardsPoint, Scalar, Scalar)]) {
    static ON_ARRAYS: std::sync::LazyLock<Rows<BASE_WIDTH>> = std::sync::LazyLock::new(|| base_rows::<Model, 1>(Model));
    check::<Model, 3>(Model, &ON_ARRAYS, cases);
    #[cfg(target_arch = "x86_64")]
    if let Some(words) = crate::words::Avx2::detect() {
        check(words, &ON_ARRAYS, cases);
    }
}

fn point(seed: [u8; 32]) -> EdwardsPoint {
    EdwardsPoint::mul_base(&Scalar::from_bytes_mod_order(seed)) + EIGHT_TORSION[usize::from(seed[0]) % 8]
}

fn scalar(bytes: [u8; 32]) -> Scalar {
    Scalar::from_bytes_mod_order(bytes)
}

#[test]
fn groups_of_every_size_are_right() {
    for count in 0..=9_u8 {
        let case = |n| (point([n; 32]), scalar([n ^ 0x5a; 32]), scalar([n.wrapping_mul(37); 32]));
        check_all(&(0..count).map(case).collect::<Vec<_>>());
    }
}

#[test]
fn the_largest_and_smallest_scalars_and_points_are_right() {
    let scalars = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, scalar([0x88; 32]), scalar([0x80; 32]), scalar([0x10; 32])];
    let points = EIGHT_TORSION.into_iter().chain([point([8; 32]), -point([8; 32])]);
    let mut cases = Vec::new();
    for point in points {
        for s in scalars {
            cases.extend(scalars.map(|k| (point, s, k)));
        }
    }
    check_all(&cases);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 64 }))]

    #[test]
    fn combinations_are_those_of_the_curve_crate(cases in prop::collection::vec(any::<[[u8; 32]; 3]>(), 1..6)) {
        let case = |[a, s, k]: [[u8; 32]; 3]| (point(a), scalar(s), scalar(k));
        check_all(&cases.into_iter().map(case).collect::<Vec<_>>());
    }
}

#[test]
fn what_encodes_no_point_has_no_multiples_and_its_neighbours_have() {
    // y = 2 is on no point.
    let mut none = [0; 32];
    none[0] = 2;
    let some = point([8; 32]).compress().0;
    for place in 0..9 {
        let mut encodings = [some; 9];
        encodings[place] = none;
        let is_point = |keys: Vec<Option<Multiples>>| keys.iter().map(Option::is_some).collect::<Vec<_>>();
        let expected: Vec<bool> = (0..9).map(|at| at != place).collect();
        assert_eq!(is_point(prepare_each::<_, 3>(Model, &encodings)), expected);
        if let Some(keys) = multiples_each(&encodings) {
            assert_eq!(is_point(keys), expected);
        }
    }
}

#[test]
fn a_way_that_is_closed_has_nothing_to_offer() {
    let is_wide = multiples_each(&[BASE_POINT]).is_some();
    assert_eq!(is_wide, crate::path::Path::Avx2.is_open());
    assert_eq!(combine_each(&[]).is_some(), is_wide);
    if !is_wide {
        println!("skipped: ed25519 in lanes: this processor has no AVX2, or this build is plain");
    }
}

//! Ed25519 as Solana checks it, `verify_strict` of ed25519-dalek, with precomputed tables for known keys.
//!
//! The rule: `s` is below the group order, neither `A` nor `R` has small order, and the bytes of `R` are the encoding of
//! `s·B - k·A`, `k` the hash of the bytes of `R`, `A` and the message. The equation is checked without a factor of
//! eight, per signature: a sum over several signatures could not tell a torsion component from none, so none is used.
//!
//! [`VoterKey`] holds multiples of its point, so that `k·A` and `s·B` are a hundred additions without doublings, and
//! the encodings of many results share one inversion. Its verdict is that of `verify_strict` for every input: where
//! the encoding of `s·B - k·A` equals `R`, `R` is canonical and decodes to that very point; and where it does not,
//! `verify_strict` refuses too.

use std::fmt;
use std::sync::LazyLock;

use alloy_primitives::B256;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use ed25519_dalek::{Signature, VerifyingKey};
use rayon::prelude::*;
use sha2::{Digest, Sha512};

/// Signatures that share an inversion and a task.
const CHUNK: usize = 32;

/// Bytes of the table of one key.
pub const KEY_TABLE_BYTES: usize = size_of::<[[EdwardsPoint; 8]; 32]>();

/// Checks one signature under a key that is seen for the first time. The verdict is ed25519-dalek's.
pub fn verify_strict(key: &B256, message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// A public key with multiples of its point: 40 KiB, for keys that sign again and again.
pub struct VoterKey {
    bytes: B256,
    /// None when no signature under this key is valid: no point, or one of small order.
    multiples: Option<Box<[[EdwardsPoint; 8]; 32]>>,
}

/// A signature to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// Whose.
    pub key: &'a VoterKey,
    /// Over what.
    pub message: &'a [u8],
    /// 32 bytes of `R`, 32 of `s`.
    pub signature: &'a [u8; 64],
}

impl VoterKey {
    /// Prepares a key.
    pub fn new(bytes: B256) -> Self {
        let point = CompressedEdwardsY(bytes.0).decompress().filter(|point| !point.is_small_order());
        Self { bytes, multiples: point.map(multiples) }
    }

    /// The key as it is written.
    pub fn bytes(&self) -> B256 {
        self.bytes
    }

    /// Checks one signature; the verdict is that of [`verify_strict`].
    pub fn verify_strict(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        verify_strict_each(&[Signed { key: self, message, signature }]) == [true]
    }
}

impl fmt::Debug for VoterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VoterKey({})", self.bytes)
    }
}

/// Checks many signatures on all threads: a verdict each, in order, that of [`verify_strict`].
pub fn verify_strict_each(signatures: &[Signed<'_>]) -> Vec<bool> {
    signatures.par_chunks(CHUNK).flat_map_iter(verify_chunk).collect()
}

fn verify_chunk(signatures: &[Signed<'_>]) -> Vec<bool> {
    let expected: Vec<_> = signatures.iter().map(expected_r).collect();
    let points: Vec<EdwardsPoint> = expected.iter().copied().flatten().collect();
    let mut encodings = EdwardsPoint::compress_batch_alloc(&points).into_iter();
    signatures
        .iter()
        .zip(expected)
        .map(|(signed, expected)| {
            let encoding = expected.and_then(|_| encodings.next());
            encoding.is_some_and(|encoding| {
                signed.signature.starts_with(encoding.as_bytes()) && !SMALL_ORDER.contains(&encoding)
            })
        })
        .collect()
}

/// `s·B - k·A`, unless `s` is out of range or the key is good for nothing.
fn expected_r(signed: &Signed<'_>) -> Option<EdwardsPoint> {
    let multiples = signed.key.multiples.as_deref()?;
    let (r, s) = signed.signature.split_first_chunk::<32>()?;
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
    let hash = Sha512::new().chain_update(r).chain_update(signed.key.bytes).chain_update(signed.message).finalize();
    let k = Scalar::from_bytes_mod_order_wide(&hash.into());
    Some(subtract_multiple(base_multiple(&s), multiples, &k))
}

static SMALL_ORDER: LazyLock<[CompressedEdwardsY; 8]> = LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress()));

/// `j·256^i·B` for `j` of 1 to 128 and `i` below 32: 640 KiB.
static BASE: LazyLock<Vec<Vec<EdwardsPoint>>> =
    LazyLock::new(|| powers(ED25519_BASEPOINT_POINT).map(|power| sums(power).take(128).collect()).collect());

/// `j·256^i·A` for `j` of 1 to 8 and `i` below 32.
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
    use super::*;
    use proptest::prelude::*;

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

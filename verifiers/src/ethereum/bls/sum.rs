//! Sums of points times scalars, whose doublings are shared: those of one point serve all.

use blst::min_pk::{AggregateSignature, Signature};

/// A signature with its odd multiples (1, 3, 5, 7) and the digits of its scalar.
struct Part {
    multiples: [AggregateSignature; 4],
    digits: [u8; 64],
}

impl Part {
    fn new(signature: &Signature, scalar: u64) -> Self {
        let once = AggregateSignature::from_signature(signature);
        let twice = plus(once, &once);
        let three = plus(twice, &once);
        let five = plus(three, &twice);
        Self { multiples: [once, three, five, plus(five, &twice)], digits: digits(scalar) }
    }

    /// The multiple that counts at a bit, if any.
    fn at(&self, bit: usize) -> Option<&AggregateSignature> {
        let digit = self.digits.get(bit).copied().filter(|digit| *digit > 0)?;
        self.multiples.get(usize::from(digit / 2))
    }
}

/// `Σ scalar · signature`; `None` of nothing.
pub(super) fn weighted_sum<'a>(
    signatures: impl IntoIterator<Item = (&'a Signature, u64)>,
) -> Option<AggregateSignature> {
    let parts: Vec<Part> = signatures.into_iter().map(|(signature, scalar)| Part::new(signature, scalar)).collect();
    let mut sum: Option<AggregateSignature> = None;
    for bit in (0..64).rev() {
        sum = sum.map(|sum| plus(sum, &sum));
        for multiple in parts.iter().filter_map(|part| part.at(bit)) {
            sum = Some(sum.map_or(*multiple, |sum| plus(sum, multiple)));
        }
    }
    sum
}

/// The sum of two points, of any two.
pub(super) fn plus(mut a: AggregateSignature, b: &AggregateSignature) -> AggregateSignature {
    a.add_aggregate(b);
    a
}

/// An odd digit of three bits at its lowest, or none, for each bit: `scalar = Σ digit · 2^bit`. A scalar has 16, in the
/// mean.
fn digits(scalar: u64) -> [u8; 64] {
    let (mut digits, mut left) = ([0; 64], scalar);
    for (bit, digit) in (0_u32..).zip(&mut digits) {
        let window = left.wrapping_shr(bit) & 0b111;
        if let Some(odd) = u8::try_from(window).ok().filter(|window| window % 2 == 1) {
            *digit = odd;
            left &= !window.wrapping_shl(bit);
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;
    use blst::blst_p2_affine;
    use blst::min_pk::SecretKey;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_odd_and_add_up_to_their_scalar() {
        for scalar in [0, 1, 2, 7, 8, 0x5555, u64::MAX, 1 << 63, (1 << 63) | 1, 0xdead_beef_0bad_cafe] {
            let digits = digits(scalar);
            assert!(digits.iter().all(|digit| *digit == 0 || (digit % 2 == 1 && *digit < 8)));
            let sum = digits.iter().zip(0..).fold(0_u128, |sum, (digit, bit)| sum + (u128::from(*digit) << bit));
            assert_eq!(sum, u128::from(scalar));
        }
    }

    fn signature(seed: u8) -> Signature {
        SecretKey::key_gen(keccak256([seed]).as_slice(), &[]).unwrap().sign(b"message", b"DST", &[])
    }

    /// The sum as blst makes it.
    fn by_library(signatures: &[Signature], scalars: &[u64]) -> blst_p2_affine {
        let bytes: Vec<u8> = scalars.iter().flat_map(|scalar| scalar.to_le_bytes()).collect();
        let sum = AggregateSignature::aggregate_with_randomness(signatures, &bytes, 64, false);
        sum.unwrap().to_signature().into()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn sums_are_those_of_the_library(scalars in prop::collection::vec(1_u64.., 1..9), same: bool) {
            let signatures: Vec<Signature> =
                (0..scalars.len()).map(|place| signature(if same { 0 } else { place as u8 })).collect();
            let sum = weighted_sum(signatures.iter().zip(scalars.iter().copied())).unwrap();
            prop_assert_eq!(blst_p2_affine::from(sum.to_signature()), by_library(&signatures, &scalars));
        }
    }

    #[test]
    fn opposite_signatures_add_up_to_infinity_which_adds_nothing() {
        let mut opposite = signature(1).compress();
        opposite[0] ^= 0x20;
        let opposite = Signature::from_bytes(&opposite).unwrap();
        let sum = weighted_sum([(&signature(1), 5), (&opposite, 5)]).unwrap();
        assert_eq!(blst_p2_affine::from(sum.to_signature()), blst_p2_affine::default());
        let infinity = sum.to_signature();
        let sum = weighted_sum([(&infinity, u64::MAX), (&signature(2), 1)]).unwrap().to_signature();
        assert_eq!(sum, signature(2));
        assert!(weighted_sum([]).is_none());
    }
}

//! Scalars as digits around zero, lowest first: half as many multiples are needed as there are digits.

/// Digits of -16 to 16 of a number below `2^255`, by 32; the last is none.
pub(super) fn radix_32(scalar: &[u8; 32]) -> [i16; 52] {
    let mut carry = 0;
    std::array::from_fn(|place| {
        let bit = 5 * place;
        let byte = |at: usize| scalar.get(at).copied().map_or(0, i16::from);
        let bits = (byte(bit / 8) >> (bit % 8) | byte(bit / 8 + 1) << (8 - bit % 8)) & 31;
        recentred(bits, &mut carry, 32)
    })
}

/// Digits of -128 to 128 of a number below `2^255`, by 256.
pub(super) fn radix_256(scalar: &[u8; 32]) -> [i16; 32] {
    let mut carry = 0;
    scalar.map(|byte| recentred(i16::from(byte), &mut carry, 256))
}

/// The digit with what the lower ones carry, made to lie around zero.
fn recentred(digit: i16, carry: &mut i16, radix: i16) -> i16 {
    let digit = digit + *carry;
    *carry = i16::from(digit >= radix / 2);
    digit - *carry * radix
}

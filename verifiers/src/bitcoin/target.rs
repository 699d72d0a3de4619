//! Proof-of-work arithmetic on 256 bits: compact targets, work, the periodic adjustment.
//!
//! Source: Bitcoin Core `arith_uint256.cpp` (compact form), `chain.cpp` (work), `pow.cpp` (adjustment).

use alloy_primitives::U256;

use super::params::{ChainParams, TARGET_TIMESPAN};
use crate::VerifyError;

/// The target that compact `bits` stand for; negative, zero and overflowing ones are refused (`bits`).
pub fn target_of(bits: u32) -> Result<U256, VerifyError> {
    let refuse = |expected: &str| Err(VerifyError::invalid("bits", expected, format!("{bits:#010x}")));
    let [size, ..] = bits.to_be_bytes();
    let mantissa = bits & 0x007f_ffff;
    let (word, shift) = match size {
        0..=3 => (mantissa.checked_shr(8u32.saturating_mul(3u32.saturating_sub(size.into()))).unwrap_or(0), 0),
        _ => (mantissa, 8usize.saturating_mul(usize::from(size).saturating_sub(3))),
    };
    if word == 0 {
        return refuse("a target above zero");
    }
    if bits & 0x0080_0000 != 0 {
        return refuse("a target that is not negative");
    }
    match U256::from(word).checked_shl(shift) {
        Some(target) => Ok(target),
        None => refuse("a target within 256 bits"),
    }
}

/// The compact form of `target`, rounded down to its 23 significant bits.
pub fn bits_of(target: U256) -> u32 {
    let size = target.bit_len().div_ceil(8);
    let word = if size <= 3 {
        target.wrapping_to::<u32>().wrapping_shl(bit_count(3usize.saturating_sub(size)))
    } else {
        target.wrapping_shr(8usize.saturating_mul(size.saturating_sub(3))).wrapping_to::<u32>()
    };
    // The mantissa is signed: a set top bit moves to the next size.
    let (word, size) = if word & 0x0080_0000 != 0 { (word >> 8, size.saturating_add(1)) } else { (word, size) };
    word | u32::try_from(size).unwrap_or(u32::MAX).wrapping_shl(24)
}

fn bit_count(bytes: usize) -> u32 {
    u32::try_from(bytes.saturating_mul(8)).unwrap_or(u32::MAX)
}

/// Expected number of hashes to meet `target`: `floor(2^256 / (target + 1))`.
pub fn work_of(target: U256) -> U256 {
    (!target).checked_div(target.wrapping_add(U256::ONE)).unwrap_or_default().saturating_add(U256::ONE)
}

/// The compact target of the period after one that ran from `first_time` to `last_time` (2,015 intervals, not 2,016)
/// with target `bits`: scaled by the time taken, at most fourfold either way, never easier than the network's limit.
pub fn retarget(params: &ChainParams, bits: u32, first_time: u32, last_time: u32) -> Result<u32, VerifyError> {
    let taken = u64::from(last_time).saturating_sub(u64::from(first_time));
    let taken = taken.clamp(TARGET_TIMESPAN / 4, TARGET_TIMESPAN.saturating_mul(4));
    let limit = target_of(params.pow_limit_bits)?;
    let next = scaled(target_of(bits)?, U256::from(taken), U256::from(TARGET_TIMESPAN)).unwrap_or(limit);
    Ok(bits_of(next.min(limit)))
}

/// `value * times / by`, whose product may be beyond 256 bits; None when the result is.
fn scaled(value: U256, times: U256, by: U256) -> Option<U256> {
    let whole = value.checked_div(by)?.checked_mul(times)?;
    let rest = value.checked_rem(by)?.checked_mul(times)?.checked_div(by)?;
    whole.checked_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::pow::CompactTarget;
    use bitcoin::{Target, consensus::Params};
    use proptest::prelude::*;

    #[test]
    fn negative_zero_and_overflowing_targets_are_refused() {
        for (bits, what) in [
            (0x0000_0000, "zero"),
            (0x0100_3456, "zero"),
            (0x0400_0000, "zero"),
            (0x0080_0000, "zero"),
            (0x0180_0000, "zero"),
            (0x01fe_dcba, "negative"),
            (0x0492_3456, "negative"),
            (0x1d80_ffff, "negative"),
            (0xff12_3456, "256 bits"),
            (0x2300_0001, "256 bits"),
            (0x2200_0100, "256 bits"),
            (0x2101_0000, "256 bits"),
        ] {
            let error = target_of(bits).unwrap_err();
            assert!(error.field == "bits" && error.expected.contains(what), "{bits:#x}: {error}");
        }
        assert_eq!(target_of(0x0112_3456).unwrap(), U256::from(0x12));
        assert_eq!(target_of(0x0500_9234).unwrap(), U256::from(0x9234_0000u64));
        assert_eq!(target_of(0x2200_00ff).unwrap(), U256::from(0xff) << 248);
    }

    #[test]
    fn work_of_difficulty_one_is_the_known_one() {
        assert_eq!(work_of(target_of(0x1d00_ffff).unwrap()), U256::from(0x1_0001_0001u64));
        assert_eq!(work_of(target_of(0x207f_ffff).unwrap()), U256::from(2));
        assert_eq!(work_of(U256::MAX), U256::ONE);
    }

    proptest! {
        #[test]
        fn targets_and_work_agree_with_the_bitcoin_crate(bits in any::<u32>()) {
            if let Ok(target) = target_of(bits) {
                let reference = Target::from_compact(CompactTarget::from_consensus(bits));
                prop_assert_eq!(target.to_be_bytes(), reference.to_be_bytes());
                prop_assert_eq!(work_of(target).to_be_bytes(), reference.to_work().to_be_bytes());
                prop_assert_eq!(bits_of(target), reference.to_compact_lossy().to_consensus());
            }
        }

        #[test]
        fn adjustments_agree_with_the_bitcoin_crate(size in 0x10u32..0x1d, word in 0x8000u32..0x7f_ffff, first in any::<u32>(), taken in 0u32..10_000_000) {
            let bits = size << 24 | word;
            let first = first.saturating_sub(taken);
            let reference = CompactTarget::from_next_work_required(
                CompactTarget::from_consensus(bits), taken.into(), &Params::MAINNET);
            prop_assert_eq!(retarget(&ChainParams::mainnet(), bits, first, first + taken).unwrap(), reference.to_consensus());
        }
    }
}

//! Scalars of batch equations: 64 bits, never zero, unknown to whoever made the signatures.
//!
//! [`SystemScalars`] is the one place where Ethereum's verification, and Solana's, asks the operating system for anything.
//! Verdicts do not depend on what it answers: by a wrong guess of 64 bits a forgery would pass once in 2^64 tries, and a
//! batch that gets no scalars is checked one by one.

use std::num::NonZeroU64;

use rand::TryRngCore;
use rand::rngs::OsRng;

/// Where scalars come from.
pub trait Scalars {
    /// As many scalars as asked for, none predictable from the others; `None` when there is no randomness.
    fn scalars(&mut self, count: usize) -> Option<Vec<NonZeroU64>>;
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemScalars;

impl Scalars for SystemScalars {
    fn scalars(&mut self, count: usize) -> Option<Vec<NonZeroU64>> {
        let mut bytes = vec![0_u8; count.checked_mul(8)?];
        OsRng.try_fill_bytes(&mut bytes).ok()?;
        let words = bytes.as_chunks::<8>().0.iter();
        // Zero, once in 2^64, would leave a signature out of the equation.
        words.map(|word| NonZeroU64::new(u64::from_le_bytes(*word))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_gives_as_many_different_scalars_as_asked_for() {
        let mut scalars = SystemScalars.scalars(1000).unwrap();
        scalars.sort_unstable();
        scalars.dedup();
        assert_eq!(scalars.len(), 1000);
        assert_eq!(SystemScalars.scalars(0), Some(vec![]));
    }
}

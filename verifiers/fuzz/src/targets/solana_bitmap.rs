//! Bitmaps: bounded, one for each set of signers.

use spandrel_verifiers::solana::{MAX_RANKS, Signers};
use crate::solana::{base2, base3};

fuzz_target!(|bytes: &[u8]| {
    let Ok(signers) = Signers::decode(bytes, MAX_RANKS) else { return };
    let Signers { primary, fallback, is_base3 } = &signers;
    let again = if *is_base3 { base3(primary, fallback) } else { base2(primary) };
    assert_eq!(again, bytes);
    assert!(primary.iter().chain(fallback).all(|rank| *rank < MAX_RANKS));
    assert!(primary.is_sorted() && fallback.is_sorted());
    assert!(primary.iter().all(|rank| !fallback.contains(rank)));
});

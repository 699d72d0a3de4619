//! Memos: what is read is written as the same text.

use spandrel_verifiers::solana::MemoTerms;
use crate::patch::{Patch, patched};
use crate::solana::terms;

fuzz_target!(|patches: Vec<Patch>| {
    let bytes = patched(terms().memo().into_bytes(), &patches);
    if let Ok(terms) = MemoTerms::parse(&bytes) {
        assert_eq!(terms.memo().as_bytes(), bytes);
    }
});

//! Memos: what is read is written as the same text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spandrel_verifiers::solana::MemoTerms;
use spandrel_verifiers_fuzz::patch::{Patch, patched};
use spandrel_verifiers_fuzz::solana::terms;

fuzz_target!(|patches: Vec<Patch>| {
    let bytes = patched(terms().memo().into_bytes(), &patches);
    if let Ok(terms) = MemoTerms::parse(&bytes) {
        assert_eq!(terms.memo().as_bytes(), bytes);
    }
});

//! The fuzzer: `FUZZ_TARGET=name fuzz-relayer [options of libFuzzer] [corpus]`.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use spandrel_relayer_fuzz::targets::{ALL, Target, find};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
    find(&name).unwrap_or_else(|| panic!("FUZZ_TARGET: expected one of {names:?}, found {name:?}"))
});

fuzz_target!(|bytes: &[u8]| TARGET(bytes));

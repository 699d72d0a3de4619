//! The fuzzer: `FUZZ_TARGET=name fuzz-relayer [options of libFuzzer] [corpus]`.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use spandrel_relayer_fuzz::targets::ALL;
use spandrel_verifiers_fuzz::frame::{Target, asked_for};

static TARGET: LazyLock<Target> = LazyLock::new(|| asked_for(ALL));

fuzz_target!(|bytes: &[u8]| TARGET(bytes));

//! Fuzz targets for the parsers of outside bytes, honest inputs for them, and the ways in which these are spoiled.
//!
//! Most formats here are too deep to be hit by random bytes, so a target starts from a valid input and lets the fuzzer
//! patch it, cut it and add to it.

/// Makes a file of `targets` a target: `fuzz_target!(|input: T| { … });` for bytes or anything `Arbitrary`. A panic in
/// the body is a finding.
macro_rules! fuzz_target {
    (|$input:ident: &[u8]| $body:block) => {
        pub fn run($input: &[u8]) $body
    };
    (|$input:ident: $type:ty| $body:block) => {
        pub fn run(bytes: &[u8]) {
            let unstructured = libfuzzer_sys::arbitrary::Unstructured::new(bytes);
            if let Ok($input) = <$type as libfuzzer_sys::arbitrary::Arbitrary>::arbitrary_take_rest(unstructured) {
                $body
            }
        }
    };
}

pub mod containers;
pub mod cosmos;
#[expect(clippy::new_without_default, reason = "of the tests' own kind")]
pub mod ethereum;
pub mod evidence;
pub mod headers;
pub mod patch;
pub mod rlp;
pub mod scene;
#[expect(clippy::new_without_default, reason = "of the tests' own kind")]
pub mod solana;
pub mod targets;
#[path = "../../tests/wire/trusts.rs"]
pub mod trusts;

//! Fuzz targets for the request decoders of the transfer API and the control API, and for the bus.
//!
//! A request goes through the whole service, as it is served, over a real ledger: what is decoded is acted on too. Targets
//! start from requests that are right and let the fuzzer patch them.

/// Makes a file of `targets` a target: `fuzz_target!(|input: T| { … });` for anything `Arbitrary`. A panic in the body is a
/// finding.
macro_rules! fuzz_target {
    (|$input:ident: $type:ty| $body:block) => {
        pub fn run(bytes: &[u8]) {
            let unstructured = libfuzzer_sys::arbitrary::Unstructured::new(bytes);
            if let Ok($input) = <$type as libfuzzer_sys::arbitrary::Arbitrary>::arbitrary_take_rest(unstructured) {
                $body
            }
        }
    };
}

#[path = "../../api/tests/answers/mod.rs"]
mod answers;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../../api/tests/control/world/mod.rs"]
mod guardians;
pub mod scene;
pub mod targets;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../../api/tests/rest/world/mod.rs"]
mod users;

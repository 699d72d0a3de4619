//! Fuzz targets for the request decoders of the transfer API and the control API, and for the bus.
//!
//! A request goes through the whole service, as it is served, over a real ledger: what is decoded is acted on too. Targets
//! start from requests that are right and let the fuzzer patch them.

#[macro_use(fuzz_target, targets)]
extern crate spandrel_verifiers_fuzz;

#[path = "../../api/tests/answers/mod.rs"]
mod answers;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../../api/tests/control/world/mod.rs"]
mod guardians;
#[path = "../../../watchers/tests/zmtp_common/mod.rs"]
mod publishers;
pub mod scene;
pub mod targets;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../../api/tests/rest/world/mod.rs"]
mod users;

//! Fuzz targets for the parsers of outside bytes, honest inputs for them, and the ways in which these are spoiled.
//!
//! Most formats here are too deep to be hit by random bytes, so a target starts from a valid input and lets the fuzzer
//! patch it, cut it and add to it.

#[macro_use]
pub mod frame;

pub mod containers;
pub mod contradictions;
pub mod cosmos;
#[expect(clippy::new_without_default, reason = "of the tests' own kind")]
pub mod ethereum;
pub mod evidence;
pub mod files;
pub mod headers;
pub mod patch;
pub mod rlp;
pub mod scene;
#[expect(clippy::new_without_default, reason = "of the tests' own kind")]
pub mod solana;
pub mod targets;
#[path = "../../tests/wire/trusts.rs"]
pub mod trusts;
#[path = "../../tests/wire/updates.rs"]
pub mod updates;

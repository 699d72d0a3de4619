//! Honest inputs for the fuzz targets, and the ways in which they are spoiled.
//!
//! Most formats here are too deep to be hit by random bytes, so a target starts from a valid input and lets the fuzzer
//! patch it, cut it and add to it.

pub mod containers;
pub mod headers;
pub mod patch;
pub mod rlp;
pub mod scene;
#[path = "../../tests/solana/maker.rs"]
pub mod solana;
pub mod store;

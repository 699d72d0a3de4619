//! Solana verification against recorded and official vectors, a small cluster that really signs, and attacks on both.

mod alpenglow;
mod batches;
#[path = "../both_forms/mod.rs"]
mod both_forms;
mod certificates;
mod corpus;
mod coverage;
mod deposits;
mod files;
mod flips;
mod hidden;
mod kinds;
mod maker;
mod parents;
mod peers;
mod recorded;
mod scene;
mod signatures;
mod support;
mod tampering;
mod tower;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../vector_coverage/mod.rs"]
mod vector_coverage;

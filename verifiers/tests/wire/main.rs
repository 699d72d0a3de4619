//! The wire format: one evidence, one encoding, as the committed `.proto` says.

mod arbitrary;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../bitcoin_deposits/mod.rs"]
mod bitcoin_deposits;
#[path = "../bitcoin_miner/mod.rs"]
mod bitcoin_miner;
mod canonical;
mod definitions;
mod files;

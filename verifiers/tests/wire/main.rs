//! The wire format: one evidence, one encoding, as the committed `.proto` says; and evidence of all chains together.

mod arbitrary;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../bitcoin_deposits/mod.rs"]
mod bitcoin_deposits;
#[path = "../bitcoin_miner/mod.rs"]
mod bitcoin_miner;
#[path = "../both_forms/mod.rs"]
mod both_forms;
mod canonical;
mod compressed;
mod contradictions;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod cosmos;
#[path = "../decoder_finder/mod.rs"]
mod decoder_finder;
mod decoders;
mod definitions;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod ethereum;
mod files;
mod flips;
mod honest;
mod listed;
mod mixed;
mod proofs;
mod said;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod solana;
mod trust_bytes;
mod trust_limits;
mod trusts;
mod updates;

//! Ethereum verification against recorded and official vectors, synthetic chains and attacks on both.

mod accounts;
mod answers;
mod axelar;
mod batches;
mod beacon;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../bitcoin_deposits/mod.rs"]
mod bitcoin_deposits;
#[path = "../bitcoin_miner/mod.rs"]
mod bitcoin_miner;
mod blocks;
mod bls;
mod bls_layout;
mod borders;
#[path = "../both_forms/mod.rs"]
mod both_forms;
mod chain;
mod collection;
mod containers;
mod contradictions;
mod coverage;
mod devnets;
mod differential;
mod eras;
mod evidence;
mod files;
mod filled;
mod forms;
mod gloas;
mod headers;
mod history;
mod kinds;
mod light_client;
mod logs;
mod mainnet;
mod merkle_proofs;
mod networks;
mod oracle;
mod pairs;
mod peer;
mod planted;
mod pyspec;
mod ranking;
mod receipts;
mod recorded;
mod schema;
mod statics;
mod support;
mod tries;
#[path = "../vector_coverage/mod.rs"]
mod vector_coverage;
mod wire;

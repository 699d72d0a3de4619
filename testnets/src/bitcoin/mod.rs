//! Local Bitcoin chains: an embedded regtest node that speaks Core's JSON-RPC and ZMQ, a launcher for the real
//! `bitcoind`, and one trait over both.
//!
//! The embedded node mines real regtest blocks (proof of work, BIP 34 heights, witness commitments), keeps every
//! branch, checks what it is given (Merkle roots, amounts, maturity, time locks, P2WPKH and Taproot signatures)
//! and publishes reorgs in Core's order. It is no consensus implementation: scripts of other kinds are refused.

mod bitcoind;
mod chain;
mod coins;
mod endpoint;
mod error;
mod mempool;
mod mining;
mod node;
mod notify;
mod purse;
mod regtest;
mod rpc;
mod rules;
mod spend;
mod tree;
mod wallet;

pub use bitcoind::{BITCOIND_ENV, Bitcoind};
pub use endpoint::RpcEndpoint;
pub use error::{Fault, NodeError};
pub use node::{BitcoinNode, NodeOptions};
pub use regtest::{AnyNode, Dropped, RegtestNode};

//! An Ethereum deposit, as the tests of that chain make it.

#[path = "../ethereum/chain.rs"]
pub mod chain;
#[path = "../ethereum/networks.rs"]
mod networks;
#[path = "../ethereum/planted.rs"]
mod planted;

//! An Ethereum deposit, as the tests of that chain make it.

#[path = "../ethereum/chain.rs"]
pub mod chain;
#[path = "../ethereum/filled.rs"]
pub mod filled;
#[path = "../ethereum/networks.rs"]
pub mod networks;
#[path = "../ethereum/pairs.rs"]
pub mod pairs;
#[path = "../ethereum/planted.rs"]
pub mod planted;

//! Ethereum: the real anvil as execution chain.

mod anvil;
mod binary;
mod error;

pub use anvil::{Anvil, AnvilOptions, Hardfork, Mining};
pub use error::EthereumTestnetError;

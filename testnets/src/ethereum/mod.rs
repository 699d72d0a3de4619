//! Ethereum: the real anvil as execution chain, and a beacon companion that lets light clients follow it.

mod anvil;
mod beacon;
mod binary;
mod error;

pub use anvil::{Anvil, AnvilOptions, Hardfork, Mining};
pub use beacon::{Beacon, BeaconOptions};
pub use error::EthereumTestnetError;

//! Ethereum: the real anvil as execution chain, a beacon companion that lets light clients follow it, and a real
//! Lodestar where one is configured.

mod anvil;
mod beacon;
mod binary;
mod error;
mod lodestar;

pub use anvil::{Anvil, AnvilOptions, Hardfork, Mining};
pub use beacon::{Beacon, BeaconOptions};
pub use error::EthereumTestnetError;
pub use lodestar::{Lodestar, LodestarOptions};

//! Ethereum: the real anvil as execution chain with a beacon companion that lets light clients follow it, or a real
//! Lodestar that drives a real geth where both are given.

mod accounts;
mod anvil;
mod beacon;
mod binary;
mod error;
mod geth;
mod lodestar;
mod network;
mod source;

pub use anvil::{Anvil, AnvilOptions, Hardfork, Mining};
pub use beacon::{Beacon, BeaconOptions};
pub use error::EthereumTestnetError;
pub use geth::{Geth, GethOptions};
pub use lodestar::{Lodestar, LodestarOptions};
pub use network::network_of;
pub use source::{EthereumNodes, SourceChain};

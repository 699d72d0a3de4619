//! The Bitcoin watcher, its evidence and its headers against regtest nodes: the embedded one, and a real `bitcoind`
//! where there is one.

#[path = "../bitcoin_common/mod.rs"]
mod bitcoin_common;

mod following;
mod refused;
mod reorgs;

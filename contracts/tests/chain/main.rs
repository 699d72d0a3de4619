//! The contracts on a real anvil, driven through the bindings.

mod anvil;
mod bitcoin_block;
mod bridge;
mod crossing;
mod differential;
mod gas;
mod handover;
mod recorded;
mod statements;
mod vectors;

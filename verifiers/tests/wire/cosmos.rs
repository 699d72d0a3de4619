//! A Cosmos deposit, as the tests of that chain make it.

#[path = "../cosmos/chain.rs"]
mod chain;
#[path = "../cosmos/scene.rs"]
pub mod scene;
#[path = "../cosmos/store.rs"]
mod store;

//! A Cosmos deposit, as the tests of that chain make it.

#[path = "../cosmos/chain.rs"]
pub mod chain;
#[path = "../cosmos/scene.rs"]
pub mod scene;
#[path = "../cosmos/store.rs"]
pub mod store;
#[path = "../cosmos/transfers.rs"]
pub mod transfers;

//! A Cosmos chain that really signs, its store, and evidence of a deposit on it, as the verifiers' tests make them.

#[path = "../../tests/cosmos/chain.rs"]
pub mod chain;
#[path = "../../tests/cosmos/scene.rs"]
pub mod scene;
#[path = "../../tests/cosmos/store.rs"]
pub mod store;
#[path = "../../tests/cosmos/transfers.rs"]
pub mod transfers;

//! A beacon chain that really signs, and deposits in its execution state, as the verifiers' tests make them.

#[path = "../../tests/ethereum/chain.rs"]
pub mod chain;
#[path = "../../tests/ethereum/networks.rs"]
pub mod networks;
#[path = "../../tests/ethereum/planted.rs"]
pub mod planted;

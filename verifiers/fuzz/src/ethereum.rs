//! A beacon chain that really signs, deposits in its execution state, and pairs of its updates that contradict each
//! other, as the verifiers' tests make them.

#[path = "../../tests/ethereum/chain.rs"]
pub mod chain;
#[path = "../../tests/ethereum/filled.rs"]
pub mod filled;
#[path = "../../tests/ethereum/networks.rs"]
pub mod networks;
#[path = "../../tests/ethereum/pairs.rs"]
pub mod pairs;
#[path = "../../tests/ethereum/planted.rs"]
pub mod planted;

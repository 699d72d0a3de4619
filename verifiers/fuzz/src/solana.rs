//! A Solana cluster that really signs, and evidence of a deposit on it, as the verifiers' tests make them.

#[path = "../../tests/solana/maker.rs"]
pub mod maker;
#[path = "../../tests/solana/scene.rs"]
pub mod scene;

pub use maker::*;

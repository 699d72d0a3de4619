//! A Solana deposit, as the tests of that chain make it.

#[path = "../solana/maker.rs"]
pub mod maker;
#[path = "../solana/scene.rs"]
pub mod scene;

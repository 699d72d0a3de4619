//! The bridge's Solidity artifacts and their Rust bindings.
//!
//! The bindings are generated from `artifacts/*.json`, which `contracts/build.mjs` writes and which are committed:
//! building this crate needs no Solidity compiler. Besides them: [`deploy`] puts a whole chain's contracts in place and
//! wires their roles, [`proof`] encodes evidence as the lanes read it, [`attest`] gives the digests that fast-lane
//! signers sign, and [`revert`] turns revert data into a sentence.

pub mod attest;
mod bindings;
mod convert;
pub mod deploy;
pub mod lane;
pub mod proof;
pub mod revert;
pub mod roles;

pub use bindings::{
    AccessManager, BitcoinInclusionVerifier, CheckpointRegistry, EthereumStorageVerifier, FastLane, Inbox, Outbox,
    PauseController, ProofReader, RiskGuard, TestToken, TimelockController, Vault, WrappedToken,
};
pub use convert::{deposit_slot, erc20_asset, native_asset, nullifier_slot, solidity_deposit};

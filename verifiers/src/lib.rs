//! The facts that cross a bridge and the pure verification of their evidence.
//!
//! Everything here is synchronous and deterministic: no clock, no network, no storage. Time is an argument
//! ([`UnixSeconds`]). Verification has two steps that are never mixed: consensus evidence *advances* a trusted
//! state, inclusion evidence under that state *verifies* a [`Deposit`].
//!
//! [`Finalized`] and [`Verified`] can be constructed only by the code of this crate that checks them.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

pub mod attestation;
pub mod bitcoin;
mod caip;
mod checkpoint;
pub mod cosmos;
mod deposit;
pub mod eip712;
mod error;
pub mod ethereum;
mod evidence;
mod finality;
pub mod follow;
pub mod merkle;
pub mod solana;
mod verdict;
mod verifier;

pub use caip::{AssetId, ChainId};
pub use checkpoint::Checkpoint;
pub use deposit::{Deposit, DepositId, LanePreference};
pub use error::{ErrorKind, VerifyError};
pub use evidence::Evidence;
pub use finality::{Finalized, Verified};
pub use verdict::{SignedCheckpoint, SignedVerdict, Verdict, VerdictDomain, VerdictQuorum};
pub use verifier::Verifier;

/// Seconds since the Unix epoch. Always an argument, never read from a clock in this crate.
pub type UnixSeconds = u64;

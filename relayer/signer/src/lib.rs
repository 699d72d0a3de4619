//! Keys and what is signed with them: encrypted keystore, verdicts, attestations.
//!
//! Guarantees: a key is on disk only encrypted (Web3 Secret Storage v3, scrypt, mode 0600); passwords come by
//! reference (`file:`, `env:`), never by value; no `Debug` or error of this crate shows key material or a password;
//! every signature is low-s. Collecting signatures of distinct members is
//! [`spandrel_verifiers::attestation::Collector`].
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod digest_signer;
mod error;
pub mod keystore;
mod secret;
mod statements;

pub use digest_signer::{DigestSigner, LocalKey};
pub use error::SignerError;
pub use keystore::{Hardness, KeyInfo, Keystore};
pub use secret::{Secret, SecretRef};
pub use statements::{sign_batch, sign_checkpoint, sign_verdict, signatures_blob};

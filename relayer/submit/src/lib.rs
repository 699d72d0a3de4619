//! The transaction engine: build, simulate, journal, sign, broadcast, follow.
//!
//! One folder a destination chain. Every adapter is a [`spandrel_core::submission::Submitter`] and keeps its
//! guarantees: intent, nonce and signed bytes are in the journal before anything is broadcast; an effect submitted
//! twice is sent once; one bad item never fails its neighbours; after a crash at any point, following takes up what
//! is open.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod evm;

pub use evm::{EvmConfig, EvmDestination};

//! Following chains: heads, finality, reorgs, gaps, deposits and their evidence. Reads only.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod bitcoin;
mod clock;
mod error_chain;
pub mod ethereum;
pub mod pool;
pub mod refund;
pub mod sentinel;

//! Ethereum.

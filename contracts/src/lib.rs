//! The bridge's Solidity artifacts and their Rust bindings

//! Ethereum verification against recorded and official vectors, synthetic chains and attacks on both.

mod accounts;
mod bls;
mod chain;
mod containers;
mod devnets;
mod differential;
mod evidence;
mod headers;
mod light_client;
mod mainnet;
mod pyspec;
mod support;
mod tries;

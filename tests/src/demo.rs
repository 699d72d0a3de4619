//! The demo's bridge in play: Bitcoin goes on, and what was paid on the destination is looked up.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::Result;
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::Chains;
use spandrel_contracts::WrappedToken;
use spandrel_testnets::bitcoin::RegtestNode;

/// Mines Bitcoin until it is dropped.
pub async fn mine(chains: &Chains) -> anyhow::Error {
    loop {
        if let Err(error) = chains.bitcoin.mine(1).await {
            return error.into();
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

/// What `holder` has of a wrapped asset: the first is Bitcoin's coin, the second Ethereum's.
pub async fn held(chains: &Chains, bridge: &Bridge, wrapped: usize, holder: Address) -> Result<U256> {
    let (provider, _) = wallet(&chains.destination, 0)?;
    Ok(WrappedToken::new(bridge.target.wrapped[wrapped], provider).balanceOf(holder).call().await?)
}

//! Making deposits as a user would: a payment to a Taproot address, or a call of the vault.

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result, ensure};
use bitcoin::{OutPoint, ScriptBuf};
use spandrel_contracts::Vault;
use spandrel_store::Sqlite;
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_verifiers::LanePreference;
use spandrel_verifiers::bitcoin::{DepositTerms, MIN_REFUND_DELAY, deposit_script};

use super::bridge::Bridge;
use super::chains::Chains;
use crate::clock::unix_now;

const LIFETIME_SECONDS: u64 = 24 * 3600;
/// x-only key of the demo user's refund: twice the generator point.
const REFUND_KEY: &str = "0xc6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";

/// Registers the terms, then pays `satoshis` to the address that commits to them. The payment waits in the mempool.
pub async fn bitcoin(
    chains: &Chains,
    bridge: &Bridge,
    store: &Sqlite,
    recipient: Address,
    satoshis: u64,
    lane: LanePreference,
) -> Result<OutPoint> {
    let terms = DepositTerms {
        destination_chain: chains.destination_id(),
        destination_bridge: bridge.target.inbox.into_word(),
        recipient: recipient.into_word(),
        lane,
        expiry: unix_now() + LIFETIME_SECONDS,
        refund_key: REFUND_KEY.parse::<B256>()?,
        refund_delay: MIN_REFUND_DELAY,
    };
    let vault = bridge.config.bitcoin.first().context("no Bitcoin source")?.vault;
    let script = deposit_script(vault, &terms)?;
    store.add_intent(script.to_vec().into(), terms, unix_now()).await?;
    Ok(chains.bitcoin.pay(&ScriptBuf::from_bytes(script.to_vec()), satoshis).await?)
}

/// Locks `wei` in the source chain's vault.
pub async fn ethereum(
    chains: &Chains,
    bridge: &Bridge,
    recipient: Address,
    wei: U256,
    lane: LanePreference,
) -> Result<()> {
    let vault = Vault::new(bridge.source.vault, &bridge.user);
    let call = vault.lock(
        Address::ZERO,
        wei,
        chains.destination_id().hash(),
        bridge.target.inbox.into_word(),
        recipient.into_word(),
        lane as u8,
        unix_now() + LIFETIME_SECONDS,
    );
    let nonce = bridge.user.get_transaction_count(bridge.user_address).pending().await?;
    let receipt = call.value(wei).nonce(nonce).send().await?.get_receipt().await?;
    ensure!(receipt.status(), "the deposit transaction failed");
    Ok(())
}

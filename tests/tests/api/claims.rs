//! Whoever has a deposit's proof needs nothing else of the bridge.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use anyhow::{Result, ensure};
use reqwest::StatusCode;
use serde_json::Value;
use spandrel::demo::bridge::wallet;
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_tests::PATIENCE;
use spandrel_tests::demo::held;
use spandrel_tests::user::{User, deposit_script, id_of, send_calls};

use crate::ends::check;
use crate::stage::{AMOUNT, Stage, beside_a_bridge};

/// The relayer's account cannot pay for gas, and an account that the bridge does not know claims. When the relayer can send
/// again, it sees that the deposit is paid, and does not pay it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_claims_by_the_proof_alone_while_the_relayer_cannot() -> Result<()> {
    beside_a_bridge(async |stage| {
        let Stage { chains, bridge, user, .. } = stage;
        chains.destination.set_balance(bridge.relayer_address, U256::ZERO).await?;
        let recipient = Address::repeat_byte(0x5a);
        let order = user.order(("source", chains.bitcoin_id().as_str()), AMOUNT, "light_client", recipient).await?;
        let (id, script) = (id_of(&order)?, deposit_script(&order["instructions"])?);
        let (events, paid) = tokio::join!(user.follow(id), async {
            chains.bitcoin.pay(&script, AMOUNT).await?;
            let (stranger, _) = wallet(&chains.destination, 7)?;
            send_calls(&stranger, &claimable(user, id).await?).await?;
            let sent = stranger.get_transaction_count(bridge.relayer_address).await?;
            let balance = held(chains, bridge, 0, recipient).await?;
            ensure!((sent, balance) == (0, U256::from(AMOUNT)), "{sent} sent by the relayer, {balance} paid");
            chains.destination.set_balance(bridge.relayer_address, U256::from(10).pow(U256::from(20))).await?;
            anyhow::Ok(())
        });
        paid?;
        check(stage, id, &events?, recipient, 0).await
    })
    .await
}

/// The calls of a transfer's proof, once there are any.
async fn claimable(user: &User, id: &str) -> Result<Value> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answered = user.get(&format!("/v1/transfers/{id}/proof")).send().await?;
        match answered.status() {
            StatusCode::OK => {
                let proof: Value = answered.json().await?;
                if proof["claim"].as_array().is_some_and(|calls| !calls.is_empty()) {
                    return Ok(proof["claim"].clone());
                }
            }
            StatusCode::CONFLICT => ensure!(answered.headers().contains_key("retry-after"), "{answered:?}"),
            other => anyhow::bail!("expected 200 or 409, found {other}"),
        }
        ensure!(tokio::time::Instant::now() < deadline, "{id} was not proven");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

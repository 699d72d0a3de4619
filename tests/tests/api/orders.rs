//! Orders from either source, and by a client that was generated.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_tests::demo::held;
use spandrel_tests::user::{REFUND_KEY, deposit_script, id_of, send_calls};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::ends::check;
use crate::stage::{AMOUNT, Stage, beside_a_bridge};

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_made_by_the_api_alone_is_paid_told_and_proven() -> Result<()> {
    beside_a_bridge(async |stage| {
        tokio::try_join!(from_bitcoin(stage), from_ethereum(stage))?;
        Ok(())
    })
    .await
}

async fn from_bitcoin(stage: &Stage) -> Result<()> {
    let Stage { chains, user, .. } = stage;
    let recipient = Address::repeat_byte(0xb1);
    let order = user.order(("source", chains.bitcoin_id().as_str()), AMOUNT, "light_client", recipient).await?;
    let (id, script) = (id_of(&order)?, deposit_script(&order["instructions"])?);
    let (events, paid) = tokio::join!(user.follow(id), chains.bitcoin.pay(&script, AMOUNT));
    paid?;
    check(stage, id, &events?, recipient, 0).await
}

async fn from_ethereum(stage: &Stage) -> Result<()> {
    let Stage { chains, user, bridge, .. } = stage;
    let recipient = Address::repeat_byte(0xe1);
    let order = user.order(("source", chains.ethereum_id().as_str()), AMOUNT, "any", recipient).await?;
    let (id, calls) = (id_of(&order)?, &order["instructions"]["calls"]);
    let (events, paid) = tokio::join!(user.follow(id), send_calls(&bridge.user, calls));
    paid?;
    check(stage, id, &events?, recipient, 1).await
}

/// `.ci/client` generates the client and sets `SPANDREL_GENERATED_CLIENT`. Skipped without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_generated_from_the_document_makes_a_transfer() -> Result<()> {
    let Some(folder) = std::env::var_os("SPANDREL_GENERATED_CLIENT").map(PathBuf::from) else {
        println!("skipped: SPANDREL_GENERATED_CLIENT is not set; .ci/client sets it");
        return Ok(());
    };
    beside_a_bridge(async |Stage { chains, bridge, user, .. }| {
        let recipient = Address::repeat_byte(0xc1);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("client/transfer.py");
        let mut client = Command::new(folder.join("bin/python"))
            .arg(script)
            .args([&user.base, &user.key, chains.bitcoin_id().as_str()])
            .args([&recipient.to_string(), REFUND_KEY, &AMOUNT.to_string()])
            .env("PYTHONPATH", folder.join("lib"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(client.stdout.take().context("its output")?).lines();
        let instructions: Value = serde_json::from_str(&lines.next_line().await?.context("instructions")?)?;
        chains.bitcoin.pay(&deposit_script(&instructions)?, AMOUNT).await?;
        let transfer: Value = serde_json::from_str(&lines.next_line().await?.context("the transfer's end")?)?;
        ensure!(client.wait().await?.success() && transfer["payout_tx"].is_string(), "{transfer}");
        let balance = held(chains, bridge, 0, recipient).await?;
        ensure!(balance == U256::from(AMOUNT), "{recipient} holds {balance}");
        Ok(())
    })
    .await
}

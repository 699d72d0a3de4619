//! One thing is wrong; the rest goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::Address;
use anyhow::{Result, ensure};
use spandrel::config::EthereumNode;
use spandrel::demo::bridge::Bridge;
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::demo::deposit;
use spandrel::up;
use spandrel_core::Status;
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_engine::Silent;
use spandrel_store::Sqlite;
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_tests::PATIENCE;
use spandrel_verifiers::LanePreference;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_ethereum_node_does_not_keep_bitcoin_deposits_from_being_paid() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::find()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    let mut config = bridge.config.clone();
    let dead = EthereumNode { execution: "http://127.0.0.1:9".to_owned(), beacon: "http://127.0.0.1:9".to_owned() };
    for source in &mut config.ethereum {
        source.nodes = vec![dead.clone()];
    }
    for role in config.verifier.iter_mut().chain(&mut config.signer) {
        role.ethereum.values_mut().for_each(|node| *node = dead.clone());
    }
    let stop = CancellationToken::new();
    let running = up::start(config, Some(Arc::new(Silent)), stop.clone()).await?;
    let recipient = Address::repeat_byte(0x11);
    deposit::bitcoin(&chains, &bridge, running.store(), recipient, 70_000, LanePreference::LightClient).await?;
    mine_until_final(&chains, running.store()).await?;
    stop.cancel();
    running.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_whose_terms_are_registered_after_its_block_was_read_is_still_paid() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let chains = Chains::start(&RealNodes::find()).await?;
    let bridge = Bridge::build(&chains, folder.path()).await?;
    // The deposit is made against another ledger, which knows its terms.
    let elsewhere = Sqlite::memory().await?;
    let recipient = Address::repeat_byte(0x22);
    deposit::bitcoin(&chains, &bridge, &elsewhere, recipient, 80_000, LanePreference::LightClient).await?;
    chains.bitcoin.mine(10).await?;
    let stop = CancellationToken::new();
    let running = up::start(bridge.config.clone(), Some(Arc::new(Silent)), stop.clone()).await?;
    let tip = u64::from(chains.bitcoin.tip_height().await?);
    let deadline = Instant::now() + PATIENCE;
    let chain = &bridge.config.bitcoin[0].chain;
    while running.store().cursor(chain).await?.and_then(|cursor| cursor.tip().map(|block| block.height)) < Some(tip) {
        ensure!(Instant::now() < deadline, "the chain is not read to its tip");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for intent in elsewhere.intents().await? {
        running.store().add_intent(intent.script, intent.terms, intent.created_at).await?;
    }
    mine_until_final(&chains, running.store()).await?;
    stop.cancel();
    running.finish().await
}

async fn mine_until_final(chains: &Chains, store: &Sqlite) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let transfers = store.transfers(&TransferFilter::default()).await?;
        if transfers.iter().any(|transfer| matches!(transfer.status, Status::Final { .. })) {
            return Ok(());
        }
        let seen: Vec<&str> = transfers.iter().map(|transfer| transfer.status.name()).collect();
        ensure!(Instant::now() < deadline, "not paid, but {seen:?}");
        chains.bitcoin.mine(1).await?;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

//! Transfers on both lanes through all processes.

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use spandrel::traces::trace_of;
use spandrel_verifiers::DepositId;

use crate::silence::require_silence;
use crate::spread::{AMOUNT, Spread, beside_a_spread_bridge};

/// The deposit of an order.
async fn deposit_of(spread: &Spread, id: &str) -> Result<DepositId> {
    let transfer = spread.user.read(&format!("/v1/transfers/{id}")).await?;
    Ok(DepositId(transfer["deposit"].as_str().context("deposit")?.parse()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_go_through_processes_that_share_nothing_but_ledger_and_bus() -> Result<()> {
    beside_a_spread_bridge(async |spread| {
        let (slow, fast) = (Address::repeat_byte(0xb1), Address::repeat_byte(0xb2));
        let slow_id = spread.deposit("light_client", slow).await?;
        let fast_id = spread.deposit("fast", fast).await?;
        let follow = async { tokio::try_join!(spread.user.follow(&slow_id), spread.user.follow(&fast_id)) };
        let (slow_events, fast_events) = spread.while_mined(follow).await?;
        ensure!(slow_events.iter().any(|event| event == "verified"), "{slow_events:?}");
        ensure!(fast_events.iter().any(|event| event == "attested"), "{fast_events:?}");
        ensure!(fast_events.last().is_some_and(|event| event == "settled"), "{fast_events:?}");
        ensure!((spread.paid(slow).await?, spread.paid(fast).await?) == (U256::from(AMOUNT), U256::from(AMOUNT)));
        ensure!(!spread.folder.path().join("there-is-no-ledger-here").exists());
        // One trace a transfer, whatever process is at it, though nobody tells anybody a trace's id.
        let (slow_deposit, fast_deposit) = (deposit_of(spread, &slow_id).await?, deposit_of(spread, &fast_id).await?);
        let by_all = [
            ("watcher", "observed", 1),
            ("watcher", "build_evidence", 1),
            ("verifier", "verify", 2),
            ("relayer", "verified", 1),
            ("relayer", "submit", 1),
            ("relayer", "transfer", 1),
        ];
        spread.collector.require(slow_deposit, &by_all).await?;
        spread.collector.require(fast_deposit, &[&by_all[..], &[("signer", "sight", 2)]].concat()).await?;
        ensure!(trace_of(slow_deposit) != trace_of(fast_deposit));
        require_silence(spread)
    })
    .await
}

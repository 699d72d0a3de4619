//! What is said on the bus proves nothing, and a bus that is away holds nothing up for good.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, ensure};
use spandrel::clock::unix_now;
use spandrel::wiring;
use spandrel_bus::{Hears, Nats, NatsOptions};
use spandrel_engine::{Bus, Message};
use spandrel_signer::{LocalKey, sign_verdict};
use spandrel_verifiers::{Checkpoint, DepositId, SignedVerdict, Verdict};

use crate::members::NAME;
use crate::spread::{AMOUNT, Spread, beside_a_spread_bridge};

/// Speaks on the bus with a verifier's stolen key to it: verdicts that no verifier signed.
async fn lie(spread: &Spread, bus: &Nats, deposit: &str) -> Result<()> {
    let deposit_id = DepositId(deposit.parse()?);
    let transfer = spread.user.read(&format!("/v1/transfers/{deposit}")).await?;
    let proof = spread.user.read(&format!("/v1/transfers/{deposit}/proof")).await?;
    let root = proof["root"].as_str().context("root")?.parse()?;
    ensure!(transfer["status"] == "proven", "{transfer}");
    for seed in 1..=3u8 {
        let key = LocalKey::from_bytes(&[seed; 32])?;
        let checkpoint = Checkpoint {
            chain: spread.chains.bitcoin_id(),
            height: 1,
            root,
            time: unix_now(),
            up_to: Checkpoint::ANY_AMOUNT,
        };
        let verdict = Verdict { deposit_id, checkpoint, epoch: 1 };
        let domain = wiring::domain(&spread.bridge.config.destination[0]);
        let signed: SignedVerdict = sign_verdict(&key, verdict, &domain).await?;
        bus.publish(Message::Verdict(Box::new(signed))).await?;
    }
    Ok(())
}

/// Says more than anyone can read, until it is dropped.
async fn flood(bus: &Nats) -> anyhow::Error {
    loop {
        for n in 0..10_000_u64 {
            let deposit = DepositId(U256::from(n).into());
            let said = bus.publish(Message::Doubt { deposit, reason: "d".repeat(400) }).await;
            if said.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Without a quorum of verifiers nothing is proven, whatever is said on the bus; when the server and the verifiers are back,
/// what waited goes on, whatever a stolen key floods the bus with.
#[tokio::test(flavor = "multi_thread")]
async fn a_lying_bus_proves_nothing_and_a_bus_that_was_away_loses_nothing() -> Result<()> {
    beside_a_spread_bridge(async |spread| {
        for verifier in &mut spread.verifiers[1..] {
            verifier.kill().await?;
        }
        let recipient = Address::repeat_byte(0xb3);
        let id = spread.deposit("light_client", recipient).await?;
        let proven = spread.user.until(&id, |transfer| transfer["status"] == "proven");
        let waiting = spread.while_mined(proven).await?;
        let deposit = waiting["deposit"].as_str().context("deposit")?.to_owned();
        let (member, user) = &spread.users.verifiers[0];
        let (url, name, members) = (spread.server.url(), NAME.to_owned(), Default::default());
        let options = NatsOptions { url, name, credentials: Some(user.seed.clone()), ca: None, members };
        let liar = Nats::connect(options, Hears::Evidence, 16).await?.speaking_as(*member);
        while !liar.is_connected() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        lie(spread, &liar, &deposit).await?;
        spread.server.kill().await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let still = spread.user.read(&format!("/v1/transfers/{id}")).await?;
        ensure!(still["status"] == "proven" && spread.paid(recipient).await?.is_zero(), "{still}");
        spread.server.resume().await?;
        spread.verifiers = vec![spread.verifier(1)?, spread.verifier(2)?];
        let events = tokio::select! {
            events = spread.while_mined(spread.user.follow(&id)) => events?,
            error = flood(&liar) => return Err(error),
        };
        ensure!(spread.paid(recipient).await? == U256::from(AMOUNT), "{events:?}");
        Ok(())
    })
    .await
}

//! One node decides nothing for good where there is a second one. The lying node is a chain of its own with the same
//! contracts at the same addresses.

use serde_json::{Value, json};
use spandrel_core::Effect;
use spandrel_core::submission::{Lasting, Progress, Submitter};
use spandrel_submit::EvmConfig;

use crate::claims::pay_as_governor;
use crate::world::*;

/// A destination on `world`, with a witness at `url`.
fn witnessed(world: &World, url: &str) -> EvmConfig {
    EvmConfig { witnesses: vec![url.parse().unwrap()], ..world.config() }
}

/// An honest world and one that will lie.
async fn worlds() -> Option<(World, World)> {
    let (honest, lying) = (World::start().await?, World::start().await?);
    assert_eq!(honest.at.inbox, lying.at.inbox);
    Some((honest, lying))
}

async fn move_time(world: &World, time: u64) {
    world.anvil.rpc::<Value>("evm_setNextBlockTimestamp", json!([time])).await.unwrap();
    world.anvil.mine(2).await.unwrap();
}

#[tokio::test]
async fn a_node_that_says_paid_alone_ends_nothing() {
    let Some((honest, lying)) = worlds().await else { return };
    let due = honest.fast(&[honest.deposit(60)]);
    pay_as_governor(&lying, &due[0].effect).await;
    lying.anvil.mine(1).await.unwrap();
    let config = witnessed(&lying, honest.anvil.url());
    let destination = lying.destination_with(config, honest.journal.clone()).await;
    assert_eq!(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]), None);
    // Nor does the honest one when its witness lies: it holds.
    let config = witnessed(&honest, lying.anvil.url());
    let destination = honest.destination_with(config, honest.journal.clone()).await;
    pay_as_governor(&honest, &due[0].effect).await;
    honest.anvil.mine(1).await.unwrap();
    let answers = destination.submit(&due, &Open).await.unwrap();
    assert!(is_final(&said(&answers, &due[0])), "now both say so");
}

#[tokio::test]
async fn a_node_whose_refusal_lasts_only_by_its_own_word_delays() {
    let Some((honest, lying)) = worlds().await else { return };
    let deposit = honest.deposit(60);
    let due = honest.fast(std::slice::from_ref(&deposit));
    move_time(&lying, deposit.expiry + 1).await;
    let alone = lying.destination().await;
    assert_eq!(refusal(said(&alone.submit(&due, &Open).await.unwrap(), &due[0])).1, Lasting::WithThisProof);
    let destination = lying.destination_with(witnessed(&lying, honest.anvil.url()), lying.journal.clone()).await;
    let (reason, lasting) = refusal(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    assert!(lasting == Lasting::ForNow && reason.contains("endpoints disagree"), "{reason}");
    move_time(&honest, deposit.expiry + 1).await;
    let (_, lasting) = refusal(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    assert_eq!(lasting, Lasting::WithThisProof);
}

#[tokio::test]
async fn a_node_that_says_expired_unpaid_alone_ends_nothing() {
    let Some((honest, lying)) = worlds().await else { return };
    let deposit = honest.deposit(60);
    let ask = [due(&deposit, Effect::ConfirmUnpaid { deposit: deposit.clone() })];
    pay_as_governor(&honest, &honest.fast(std::slice::from_ref(&deposit))[0].effect).await;
    move_time(&lying, deposit.expiry + 1).await;
    move_time(&honest, deposit.expiry + 1).await;
    let destination = lying.destination_with(witnessed(&lying, honest.anvil.url()), lying.journal.clone()).await;
    assert_eq!(said(&destination.submit(&ask, &Open).await.unwrap(), &ask[0]), None);
}

#[tokio::test]
async fn a_transaction_is_final_only_when_every_endpoint_has_it() {
    let Some((honest, other)) = worlds().await else { return };
    for (url, is_final_in_the_end) in [
        ("http://127.0.0.1:9".to_owned(), false),
        (other.anvil.url().to_owned(), false),
        (honest.anvil.url().to_owned(), true),
    ] {
        let destination =
            honest.destination_with(witnessed(&honest, &url), spandrel_store::Sqlite::memory().await.unwrap()).await;
        let deposit = honest.deposit(60);
        let due = honest.fast(std::slice::from_ref(&deposit));
        destination.submit(&due, &Open).await.unwrap();
        let mut heard = Vec::new();
        for _ in 0..4 {
            honest.anvil.mine(1).await.unwrap();
            heard.extend(destination.follow(&Open).await.unwrap());
        }
        let is_included = heard.iter().any(|(_, progress)| matches!(progress, Progress::Included { .. }));
        assert!(is_included || is_final_in_the_end, "{heard:?}");
        assert_eq!(is_final(&said(&heard, &due[0])), is_final_in_the_end, "{url}");
    }
}

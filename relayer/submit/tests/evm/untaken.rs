//! What a node refuses for what it is does not keep what comes after it waiting.

use serde_json::Value;
use spandrel_core::Effect;
use spandrel_core::journal::Journal;
use spandrel_core::submission::Submitter;
use spandrel_risk::Scope;
use spandrel_submit::EvmConfig;
use spandrel_testnets::FaultProxy;

use crate::world::*;

/// A node that takes no transaction of more bytes, in geth's words.
async fn taking_at_most(world: &World, most: usize) -> FaultProxy {
    let proxy = FaultProxy::start(world.anvil.url()).await.unwrap();
    proxy.refuse(move |method, params| {
        let found = params.get(0).and_then(Value::as_str)?.len() / 2;
        let is_refused = method == "eth_sendRawTransaction" && found > most;
        is_refused.then(|| (-32_000, format!("oversized data: transaction size {found}, limit {most}")))
    });
    proxy
}

fn on(world: &World, proxy: &FaultProxy) -> EvmConfig {
    EvmConfig { rpc_url: proxy.url().parse().unwrap(), ..world.config() }
}

#[tokio::test]
async fn a_group_that_no_node_takes_gives_its_nonce_back_and_goes_one_by_one() {
    let Some(world) = World::start().await else { return };
    let deposits = [world.deposit(10), world.deposit(20)];
    let due = world.fast(&deposits);
    let destination = world.destination().await;
    // The attestation goes before, and is short.
    let proxy = taking_at_most(&world, 1_300).await;
    let refused = world.destination_with(on(&world, &proxy), world.journal.clone()).await;
    refused.submit(&due, &Open).await.unwrap();
    let together = world.journal.tx_of(due[0].id).await.unwrap().unwrap();
    assert_eq!(together.tx.effects.len(), 2, "both in one");
    assert!(together.attempts[0].raw.len() > 1_300, "{}", together.attempts[0].raw.len());
    let before = world.mined().await;
    refused.follow(&Open).await.unwrap();
    assert_eq!(world.mined().await, before, "it may be taken yet");

    world.pass(31);
    refused.follow(&Open).await.unwrap();
    assert_eq!(world.mined().await, before + 1, "its nonce is used by nothing");
    for _ in 0..3 {
        world.anvil.mine(1).await.unwrap();
        refused.follow(&Open).await.unwrap();
    }
    assert!(!destination.is_sent(due[0].id).await.unwrap());
    refused.submit(&due, &Open).await.unwrap();
    for due in &due {
        assert_eq!(world.journal.tx_of(due.id).await.unwrap().unwrap().tx.effects.len(), 1, "by itself");
    }
    follow_to_the_end(&world, &refused, &due).await;
    assert_eq!((world.received(&deposits[0]).await, world.received(&deposits[1]).await), (10, 20));
}

#[tokio::test]
async fn a_claim_that_no_node_takes_waits_for_minutes_and_a_pause_does_not_wait_for_it() {
    let Some(world) = World::start().await else { return };
    world.make_guardian(submitter_key().address()).await;
    let due = world.fast(&[world.deposit(10)]);
    // The attestation and pauses are shorter.
    let proxy = taking_at_most(&world, 700).await;
    let destination = world.destination_with(on(&world, &proxy), world.journal.clone()).await;
    destination.submit(&due, &Open).await.unwrap();
    let raw = world.journal.tx_of(due[0].id).await.unwrap().unwrap().attempts[0].raw.len();
    assert!(raw > 700, "{raw}");
    let pause = crate::world::due(&world.deposit(1), Effect::Pause { scope: Scope::Global, ttl: 600, stated: None });
    destination.submit(std::slice::from_ref(&pause), &Open).await.unwrap();
    world.pass(31);
    destination.follow(&Open).await.unwrap();
    follow_to_the_end(&world, &destination, std::slice::from_ref(&pause)).await;

    for _ in 0..3 {
        world.anvil.mine(1).await.unwrap();
        destination.follow(&Open).await.unwrap();
    }
    let sent = world.mined().await;
    destination.submit(&due, &Open).await.unwrap();
    assert_eq!(world.mined().await, sent, "nothing more is spent on it for now");
    assert!(!destination.is_sent(due[0].id).await.unwrap());
}

//! Who is told of what.

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_store::ApiScope;

use super::{deliver, deposit, register};
use crate::receiver::{Manner, Receiver};
use crate::world::{NOW, World, answer, bitcoin};

#[tokio::test]
async fn a_key_is_told_of_its_own_transfers_in_order_and_of_no_others() {
    let world = World::new().await;
    let (own, strange) = (Receiver::start(Manner::Status(200)).await, Receiver::start(Manner::Status(200)).await);
    register(&world, &world.key, &own.url).await;
    let stranger = world.new_key(&[ApiScope::WebhooksWrite]).await;
    register(&world, &stranger, &strange.url).await;
    let order = deposit(&world, 1).await;
    let id = order["transfer"]["order"].as_str().unwrap();
    let seen = answer(world.get(&format!("/v1/transfers/{id}")), StatusCode::OK).await;
    world.reorg(seen["deposit"].as_str().unwrap().parse().map(spandrel_verifiers::DepositId).unwrap()).await;
    assert_eq!(deliver(&world).await, 2);
    let told: Vec<Value> = own.received().iter().map(|received| received.json()).collect();
    assert_eq!(told[0]["type"], "transfer.observed");
    assert_eq!(told[1]["type"], "transfer.source_reorged");
    assert_eq!(told[0]["data"], json!({ "transfer": id, "deposit": seen["deposit"], "sequence": 0 }));
    assert!(told[0]["id"] != told[1]["id"] && told[0]["id"] == own.received()[0].delivery.as_str());
    assert!(strange.received().is_empty());
    assert_eq!(deliver(&world).await, 0, "nothing is told twice");
}

#[tokio::test]
async fn what_happened_before_a_webhook_was_registered_is_not_told() {
    let world = World::new().await;
    deposit(&world, 1).await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    register(&world, &world.key, &receiver.url).await;
    assert_eq!(deliver(&world).await, 0);
    deposit(&world, 2).await;
    assert_eq!(deliver(&world).await, 1);
}

#[tokio::test]
async fn a_revoked_key_is_told_of_nothing_more() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(500)).await;
    register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "two"), StatusCode::CREATED).await;
    assert_eq!(deliver(&world).await, 1);
    let id = world.key.split('_').nth(1).unwrap().to_owned();
    world.store.revoke_api_key(&id, NOW).await.unwrap();
    world.deposit(&order, B256::with_last_byte(2)).await;
    world.clock.pass(1_000_000);
    assert_eq!(deliver(&world).await, 0);
    assert_eq!(receiver.received().len(), 1);
}

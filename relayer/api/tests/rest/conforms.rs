//! Every operation of the document succeeds once, as the document says.

use std::collections::BTreeSet;

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_store::NewDelivery;

use crate::receiver::{Manner, Receiver};
use crate::world::{World, answer, bitcoin, document, ethereum};

#[tokio::test]
async fn every_operation_succeeds_as_the_document_says() {
    let world = World::new().await;
    read_and_order(&world).await;
    webhooks(&world).await;
    let missing: BTreeSet<_> = document::operations().difference(&document::checked()).cloned().collect();
    assert!(missing.is_empty(), "no success was looked at: {missing:?}");
    assert!(document::operations().len() > 20, "{}", document::operations().len());
}

async fn read_and_order(world: &World) {
    for path in ["/v1/chains", "/v1/assets", "/v1/routes", "/v1/status", "/v1/transfers", "/healthz", "/readyz"] {
        answer(world.get(path), StatusCode::OK).await;
    }
    let route = world.route(&bitcoin()).await;
    answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await;
    answer(world.post("/v1/keys", &json!({})), StatusCode::CREATED).await;
    for (n, source) in [bitcoin(), ethereum(), ethereum()].iter().enumerate() {
        let quote = world.quote(source, 20_000).await;
        let order = answer(world.order(&quote, &format!("key-{n}")), StatusCode::CREATED).await;
        answer(world.order(&quote, &format!("key-{n}")), StatusCode::OK).await;
        let path = format!("/v1/transfers/{}", order["transfer"]["id"].as_str().unwrap());
        if n == 0 {
            answer(world.post(&format!("{path}/cancel"), &json!({})).bearer_auth(&world.key), StatusCode::ACCEPTED)
                .await;
            continue;
        }
        let told = json!({ "source_tx": B256::with_last_byte(n as u8).to_string() });
        let tell = || world.put(&format!("{path}/source-tx"), &told).bearer_auth(&world.key);
        answer(tell(), StatusCode::ACCEPTED).await;
        let deposit = world.deposit(&order, B256::with_last_byte(n as u8)).await;
        answer(tell(), StatusCode::OK).await;
        world.prove(deposit).await;
        world.pay(deposit, B256::repeat_byte(n as u8)).await;
        for of_it in ["", "/events", "/proof", "/instructions"] {
            answer(world.get(&format!("{path}{of_it}")), StatusCode::OK).await;
        }
    }
    answer(world.get("/v1/transfers?limit=1"), StatusCode::OK).await;
}

async fn webhooks(world: &World) {
    let receiver = Receiver::start(Manner::Status(200)).await;
    let made: Value = answer(world.register(&world.key, &receiver.url, "one"), StatusCode::CREATED).await;
    answer(world.register(&world.key, &receiver.url, "one"), StatusCode::OK).await;
    let id = made["webhook"]["id"].as_str().unwrap();
    for action in ["test", "rotate"] {
        answer(world.on_webhook(&world.key, id, action, "one"), StatusCode::OK).await;
    }
    // One waits, and the other is more than may wait.
    let delivery = |n: u8| NewDelivery {
        id: format!("dl_{n}"),
        webhook: id.to_owned(),
        event: "transfer.observed".to_owned(),
        body: "{}".to_owned(),
    };
    world.store.queue_deliveries(0, 0, &[delivery(1), delivery(2)], 1, world.service.now()).await.unwrap();
    let path = format!("/v1/webhooks/{id}");
    answer(world.get(&format!("{path}/deliveries")).bearer_auth(&world.key), StatusCode::OK).await;
    let redeliver = world.post(&format!("{path}/deliveries/dl_2/redeliver"), &json!({}));
    answer(redeliver.bearer_auth(&world.key), StatusCode::ACCEPTED).await;
    answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
    answer(world.delete(&path).bearer_auth(&world.key), StatusCode::NO_CONTENT).await;
}

//! Registrations and tests, done once however often they are asked for.

use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_store::{ApiScope, NewDelivery};

use super::{deliver, register};
use crate::receiver::{Manner, Receiver};
use crate::world::{NOW, World, answer, problem, refusal};

#[tokio::test]
async fn a_registration_that_is_repeated_makes_one_webhook() {
    let world = World::new().await;
    let (here, there) = ("http://127.0.0.1:9/here", "http://127.0.0.1:9/there");
    let without = world.post("/v1/webhooks", &json!({ "url": here })).bearer_auth(&world.key);
    let refused = problem(without, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "Idempotency-Key");
    let first = answer(world.register(&world.key, here, "one"), StatusCode::CREATED).await;
    let again = world.register(&world.key, here, "one").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(crate::world::body(again, StatusCode::OK).await, first);
    problem(world.register(&world.key, there, "one"), StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
    let many = (0..8).map(|_| world.register(&world.key, there, "two").send());
    let mut made = 0;
    for answered in futures::future::join_all(many).await {
        match answered.unwrap() {
            answered if answered.status() == StatusCode::CREATED => made += 1,
            answered if answered.status() == StatusCode::OK => {}
            answered => drop(refusal(answered, StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT").await),
        }
    }
    assert_eq!(made, 1);
    let listed = answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
    assert_eq!(listed.as_array().unwrap().len(), 2);
    // Another's key of the same name is another's.
    let stranger = world.new_key(&[ApiScope::WebhooksWrite]).await;
    let others = answer(world.register(&stranger, there, "one"), StatusCode::CREATED).await;
    assert_ne!(others["webhook"]["id"], first["webhook"]["id"]);
    // Once it was rotated, or after a day, nobody is shown its secret again.
    let rotated = answer(world.register(&world.key, here, "three"), StatusCode::CREATED).await;
    let id = rotated["webhook"]["id"].as_str().unwrap();
    answer(world.on_webhook(&world.key, id, "rotate", "four"), StatusCode::OK).await;
    problem(world.register(&world.key, here, "three"), StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED")
        .await;
    world.clock.pass(86_401);
    problem(world.register(&world.key, here, "one"), StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
    // What was deleted does not come back by a repetition that was late.
    let id = first["webhook"]["id"].as_str().unwrap();
    answer(world.delete(&format!("/v1/webhooks/{id}")).bearer_auth(&world.key), StatusCode::NO_CONTENT).await;
    problem(world.register(&world.key, here, "one"), StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
}

#[tokio::test]
async fn a_key_has_a_bounded_number_of_webhooks() {
    let world = World::new().await;
    for n in 0..10 {
        register(&world, &world.key, &format!("http://127.0.0.1:9/{n}")).await;
    }
    let more = world.register(&world.key, "http://127.0.0.1:9/more", "more");
    problem(more, StatusCode::CONFLICT, "TOO_MANY_WEBHOOKS").await;
}

#[tokio::test]
async fn a_test_event_is_sent_signed_and_its_outcome_told() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, secret) = register(&world, &world.key, &receiver.url).await;
    let test = || world.on_webhook(&world.key, &id, "test", "one");
    assert_eq!(answer(test(), StatusCode::OK).await, json!({ "delivered": true, "status": 200 }));
    let received = receiver.received().remove(0);
    received.verify(&secret, NOW).unwrap();
    assert_eq!(received.json()["type"], "webhook.test");
    receiver.answer(Manner::Status(500));
    let failed = answer(test(), StatusCode::OK).await;
    assert_eq!(failed, json!({ "delivered": false, "status": 500, "error": "it answered 500" }));
}

#[tokio::test]
async fn a_test_that_is_repeated_has_the_same_id_and_none_beside_it() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, _) = register(&world, &world.key, &receiver.url).await;
    let test = |key: &str| world.on_webhook(&world.key, &id, "test", key);
    let without = world.post(&format!("/v1/webhooks/{id}/test"), &json!({})).bearer_auth(&world.key);
    let refused = problem(without, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "Idempotency-Key");
    for key in ["one", "one", "two"] {
        answer(test(key), StatusCode::OK).await;
    }
    let ids: Vec<_> = receiver.received().into_iter().map(|received| received.delivery).collect();
    assert!(ids[0] == ids[1] && ids[0] != ids[2] && ids[0].starts_with("dl_test_"), "{ids:?}");
    receiver.answer(Manner::Hang);
    let waiting = tokio::spawn(test("three").send());
    receiver.wait(4).await;
    problem(test("three"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT").await;
    let failed: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!((&failed["delivered"], receiver.received().len()), (&json!(false), 4));
}

/// What takes no idempotency key: a delivery that was given up waits again once, however often that is asked for.
#[tokio::test]
async fn a_delivery_that_is_queued_again_twice_is_sent_once() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, _) = register(&world, &world.key, &receiver.url).await;
    let delivery = |n: u8| NewDelivery {
        id: format!("dl_{n}"),
        webhook: id.clone(),
        event: "transfer.observed".to_owned(),
        body: "{}".to_owned(),
    };
    // One waits, and the other is more than may wait.
    world.store.queue_deliveries(0, 0, &[delivery(1), delivery(2)], 1, NOW).await.unwrap();
    assert_eq!(deliver(&world).await, 1);
    let path = format!("/v1/webhooks/{id}/deliveries/dl_2/redeliver");
    let redeliver = || world.post(&path, &json!({})).bearer_auth(&world.key);
    let mut queued = 0;
    for answered in futures::future::join_all((0..8).map(|_| redeliver().send())).await {
        match answered.unwrap() {
            answered if answered.status() == StatusCode::ACCEPTED => queued += 1,
            answered => drop(refusal(answered, StatusCode::NOT_FOUND, "UNKNOWN_DELIVERY").await),
        }
    }
    assert_eq!(queued, 1);
    assert_eq!(deliver(&world).await, 1);
    problem(redeliver(), StatusCode::NOT_FOUND, "UNKNOWN_DELIVERY").await;
    assert_eq!(deliver(&world).await, 0);
    let sent: Vec<_> = receiver.received().into_iter().map(|received| received.delivery).collect();
    assert_eq!(sent, ["dl_1", "dl_2"]);
}

//! What deliveries are signed with, and who gets to see it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use spandrel_store::ApiScope;

use super::{deliver, deposit, register};
use crate::receiver::{Manner, Receiver};
use crate::world::{NOW, World, answer, problem};

#[tokio::test]
async fn deliveries_verify_by_the_documented_recipe_and_forgeries_do_not() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(204)).await;
    let (_, secret) = register(&world, &world.key, &receiver.url).await;
    let (_, other_secret) = register(&world, &world.key, &Receiver::start(Manner::Status(200)).await.url).await;
    deposit(&world, 1).await;
    deliver(&world).await;
    let received = receiver.received().remove(0);
    received.verify(&secret, NOW).unwrap();
    assert!(received.verify(&other_secret, NOW).is_err(), "another webhook's secret");
    assert!(received.verify(&secret, NOW + 301).is_err(), "a delivery kept for later");
    let mut forged = received.clone();
    forged.body = forged.body.replace("observed", "executed");
    assert!(forged.verify(&secret, NOW).is_err(), "an altered body");
    let mut forged = received.clone();
    forged.signature = forged.signature.replace(&format!("t={NOW}"), &format!("t={}", NOW + 200));
    assert!(forged.verify(&secret, NOW + 400).is_err(), "an altered time");
}

#[tokio::test]
async fn after_a_rotation_the_old_secret_verifies_for_a_day_and_then_no_more() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, old) = register(&world, &world.key, &receiver.url).await;
    let rotate = world.on_webhook(&world.key, &id, "rotate", "once");
    let new = answer(rotate, StatusCode::OK).await["secret"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    deposit(&world, 1).await;
    deliver(&world).await;
    world.clock.pass(86_400);
    deposit(&world, 2).await;
    deliver(&world).await;
    let received = receiver.received();
    received[0].verify(&old, NOW).unwrap();
    received[0].verify(&new, NOW).unwrap();
    assert!(received[1].verify(&old, NOW + 86_400).is_err());
    received[1].verify(&new, NOW + 86_400).unwrap();
}

#[tokio::test]
async fn a_secret_is_shown_once_and_a_webhook_is_its_keys_alone() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(200)).await;
    let (id, secret) = register(&world, &world.key, &receiver.url).await;
    let listed = answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
    assert_eq!(listed[0]["id"], id.as_str());
    assert!(!listed.to_string().contains(&secret));
    let stranger = world.new_key(&[ApiScope::WebhooksWrite]).await;
    assert_eq!(answer(world.get("/v1/webhooks").bearer_auth(&stranger), StatusCode::OK).await, json!([]));
    for action in ["test", "rotate"] {
        let asked = world.on_webhook(&stranger, &id, action, "one");
        problem(asked, StatusCode::NOT_FOUND, "UNKNOWN_WEBHOOK").await;
    }
    let path = format!("/v1/webhooks/{id}");
    problem(world.delete(&path).bearer_auth(&stranger), StatusCode::NOT_FOUND, "UNKNOWN_WEBHOOK").await;
    problem(world.delete(&path), StatusCode::UNAUTHORIZED, "UNAUTHORIZED").await;
    let unscoped = world.new_key(&[ApiScope::TransfersWrite]).await;
    problem(world.get("/v1/webhooks").bearer_auth(&unscoped), StatusCode::FORBIDDEN, "SCOPE_MISSING").await;
    answer(world.delete(&path).bearer_auth(&world.key), StatusCode::NO_CONTENT).await;
    deposit(&world, 1).await;
    assert_eq!(deliver(&world).await, 0);
    problem(world.delete(&path).bearer_auth(&world.key), StatusCode::NOT_FOUND, "UNKNOWN_WEBHOOK").await;
}

#[tokio::test]
async fn a_rotation_that_is_repeated_rotates_once() {
    let world = World::new().await;
    let (id, first) = register(&world, &world.key, "http://127.0.0.1:9/").await;
    let (other, _) = register(&world, &world.key, "http://127.0.0.1:9/other").await;
    let rotate = |id: &str, key: &str| world.on_webhook(&world.key, id, "rotate", key);
    let without = world.post(&format!("/v1/webhooks/{id}/rotate"), &json!({})).bearer_auth(&world.key);
    let refused = problem(without, StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    assert_eq!(refused["parameter"], "Idempotency-Key");
    let rotated = answer(rotate(&id, "one"), StatusCode::OK).await;
    assert_ne!(rotated["secret"], first.as_str());
    world.clock.pass(86_400);
    let again = rotate(&id, "one").send().await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(crate::world::body(again, StatusCode::OK).await, rotated);
    // For another webhook, after a day, and after another rotation it is another request.
    problem(rotate(&other, "one"), StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
    world.clock.pass(1);
    problem(rotate(&id, "one"), StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
    let next = rotate(&id, "two").send().await.unwrap();
    assert_eq!(next.headers()["idempotency-replayed"], "false");
    assert_ne!(crate::world::body(next, StatusCode::OK).await["secret"], rotated["secret"]);
    problem(rotate(&id, "one"), StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
    // One at a time.
    let busy = world.keep_busy().await;
    let waiting = tokio::spawn(rotate(&id, "three").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    problem(rotate(&id, "three"), StatusCode::CONFLICT, "IDEMPOTENCY_KEY_IN_FLIGHT").await;
    busy.end().await;
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
}

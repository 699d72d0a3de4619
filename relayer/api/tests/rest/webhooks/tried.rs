//! Receivers that fail, are slow, or are told twice.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use spandrel_api::webhooks::Courier;
use spandrel_store::Sqlite;

use super::{deliver, deliveries, deposit, register};
use crate::receiver::{Manner, Receiver};
use crate::world::{NOW, Options, World, answer, problem};

#[tokio::test]
async fn a_failing_receiver_is_tried_again_later_each_time_and_given_up_after_a_bound() {
    let world = World::new().await;
    let receiver = Receiver::start(Manner::Status(503)).await;
    let (id, _) = register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    let mut gaps = Vec::new();
    for attempt in 1..=14_u64 {
        assert_eq!(deliver(&world).await, 1, "attempt {attempt}");
        assert_eq!(deliver(&world).await, 0, "not before its time");
        let now = world.service.now();
        let Some(next) = world.store.next_delivery(now).await.unwrap() else { break };
        gaps.push(next - now);
        world.clock.pass(next - now);
    }
    assert_eq!(gaps.len(), 13);
    assert!(gaps[0] <= 20 && gaps[12] >= 3 * 3_600, "{gaps:?}");
    let received = receiver.received();
    assert_eq!(received.len(), 14);
    assert!(received.iter().all(|again| again.delivery == received[0].delivery && again.body == received[0].body));
    let dead = deliveries(&world, &id).await;
    assert_eq!((&dead[0]["status"], &dead[0]["attempts"]), (&json!("dead"), &json!(14)));
    assert_eq!(dead[0]["last_error"], "it answered 503");
    world.clock.pass(1_000_000);
    assert_eq!(deliver(&world).await, 0, "dead is dead");
    receiver.answer(Manner::Status(200));
    let path = format!("/v1/webhooks/{id}/deliveries/{}/redeliver", dead[0]["id"].as_str().unwrap());
    let redeliver = || world.post(&path, &json!({})).bearer_auth(&world.key);
    answer(redeliver(), StatusCode::ACCEPTED).await;
    assert_eq!(deliver(&world).await, 1);
    assert_eq!(deliveries(&world, &id).await[0]["status"], "delivered");
    problem(redeliver(), StatusCode::NOT_FOUND, "UNKNOWN_DELIVERY").await;
}

#[tokio::test]
async fn a_crash_between_delivery_and_mark_sends_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.db");
    let receiver = Receiver::start(Manner::Hang).await;
    let options = Options { store: Sqlite::open(&file).await.unwrap(), ..Options::new().await };
    let clock = options.clock.clone();
    let world = World::with(options).await;
    let (_, secret) = register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    let courier = Courier::new(world.service.clone()).unwrap();
    courier.queue().await.unwrap();
    let delivering = tokio::spawn(async move { courier.deliver_due().await });
    receiver.wait(1).await;
    delivering.abort();
    world.store.close().await;

    receiver.answer(Manner::Status(200));
    let world = World::with(Options { store: Sqlite::open(&file).await.unwrap(), clock, ..Options::new().await }).await;
    assert_eq!(deliver(&world).await, 0, "its lease holds: the other process might live");
    world.clock.pass(60);
    assert_eq!(deliver(&world).await, 1);
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!((&received[0].delivery, &received[0].body), (&received[1].delivery, &received[1].body));
    received[1].verify(&secret, NOW + 60).unwrap();
    assert_eq!(deliver(&world).await, 0);
}

#[tokio::test]
async fn a_slow_receiver_delays_nobody_but_itself() {
    let world = World::new().await;
    let (slow, quick) = (Receiver::start(Manner::Hang).await, Receiver::start(Manner::Status(200)).await);
    let (slow_id, _) = register(&world, &world.key, &slow.url).await;
    register(&world, &world.key, &quick.url).await;
    let courier = Courier::new(world.service.clone()).unwrap();
    let running = tokio::spawn(async move { courier.run(std::future::pending()).await });
    let started = Instant::now();
    for n in 1..=5 {
        deposit(&world, n).await;
    }
    quick.wait(5).await;
    assert!(started.elapsed() < Duration::from_secs(7), "the slow receiver had not timed out");
    assert_eq!(slow.received().len(), 1, "one at a time");
    slow.wait(2).await;
    running.abort();
    let listed = deliveries(&world, &slow_id).await;
    assert_eq!(listed[4]["last_error"], "it did not answer in time", "{listed}");
}

#[tokio::test]
async fn a_full_queue_gives_up_what_is_more_and_other_webhooks_go_on() {
    let world = World::new().await;
    let (id, _) = register(&world, &world.key, "http://127.0.0.1:9/full").await;
    let delivery = |n: usize| spandrel_store::NewDelivery {
        id: format!("dl_{n}"),
        webhook: id.clone(),
        event: "transfer.observed".to_owned(),
        body: "{}".to_owned(),
    };
    let many: Vec<_> = (0..1_000).map(delivery).collect();
    world.store.queue_deliveries(0, 0, &many, 1_000, NOW + 9_999).await.unwrap();
    let receiver = Receiver::start(Manner::Status(200)).await;
    register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    assert_eq!(deliver(&world).await, 1);
    let listed = answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
    assert_eq!((&listed[0]["waiting"], &listed[0]["dead"]), (&json!(1_000), &json!(1)));
    assert_eq!(receiver.received().len(), 1);
    assert_eq!(deliveries(&world, &id).await[0]["last_error"], "too many deliveries wait for this webhook");
}

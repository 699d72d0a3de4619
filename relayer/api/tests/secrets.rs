//! Nothing that a session of the API logs, at any level and of any crate, holds a key or a webhook's secret.

mod captured;
#[path = "rest/receiver.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod receiver;
#[path = "rest/world/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod world;

use alloy::primitives::B256;
use captured::Captured;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use receiver::{Manner, Receiver};
use reqwest::StatusCode;
use serde_json::json;
use spandrel_api::grpc::proto;
use spandrel_api::grpc::proto::transfers_client::TransfersClient;
use spandrel_api::webhooks::Courier;
use world::{WEBHOOK_KEY, World, answer, bitcoin};

/// Every secret of a session, by name.
async fn session(world: &World) -> Vec<(&'static str, String)> {
    let receiver = Receiver::start(Manner::Status(500)).await;
    let made = answer(world.register(&world.key, &receiver.url, "one"), StatusCode::CREATED).await;
    let id = made["webhook"]["id"].as_str().unwrap().to_owned();
    let post = |action: &str| world.on_webhook(&world.key, &id, action, "one");
    answer(post("test"), StatusCode::OK).await;
    let rotated = answer(post("rotate"), StatusCode::OK).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    world.deposit(&order, B256::with_last_byte(1)).await;
    let courier = Courier::new(world.service.clone()).unwrap();
    courier.queue().await.unwrap();
    assert_eq!(courier.deliver_due().await.unwrap(), 1);
    receiver.answer(Manner::Status(200));
    answer(post("test"), StatusCode::OK).await;
    // Keys that users get by themselves, at both doors, and keys in the metadata of calls.
    let own = answer(world.post("/v1/keys", &json!({})), StatusCode::CREATED).await;
    let own = own["key"].as_str().unwrap().to_owned();
    let connected = Client::builder(TokioExecutor::new()).http2_only(true).build_http::<tonic::body::Body>();
    let mut calls = TransfersClient::with_origin(connected, world.base.parse().unwrap());
    let called = calls.create_key(proto::CreateKeyRequest { name: None }).await.unwrap().into_inner().key;
    for key in [&own, &called, &format!("{called}00")] {
        let mut cancel = tonic::Request::new(proto::CancelTransferRequest { id: format!("0x{}", "1".repeat(64)) });
        cancel.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        calls.cancel_transfer(cancel).await.unwrap_err();
    }
    // Wrong in every way that is refused.
    let wrong = format!("{}00", world.key);
    for key in [&wrong, &world.key.replace("sk_", "pk_")] {
        answer(world.get("/v1/chains").bearer_auth(key), StatusCode::UNAUTHORIZED).await;
    }
    let refused = world.register(&world.key, "https://user:hunter2@example.com", "two");
    answer(refused, StatusCode::UNPROCESSABLE_ENTITY).await;
    // A ledger that fails.
    world.store.close().await;
    answer(world.get("/v1/status"), StatusCode::SERVICE_UNAVAILABLE).await;
    let secret = |made: &serde_json::Value| made["secret"].as_str().unwrap().to_owned();
    let of_key = |key: &str| key.rsplit('_').next().unwrap().to_owned();
    vec![
        ("API key", of_key(&world.key)),
        ("API key for whoever asks", of_key(&own)),
        ("API key for whoever calls", of_key(&called)),
        ("webhook secret", secret(&made)),
        ("rotated webhook secret", secret(&rotated)),
        ("key of webhook secrets", WEBHOOK_KEY.to_owned()),
        ("password in an address", "hunter2".to_owned()),
        ("signed quote", quote["id"].as_str().unwrap().to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_of_a_session_holds_a_secret() {
    let captured = Captured::start(tracing::Level::TRACE);
    let world = World::new().await;
    let secrets = session(&world).await;
    let log = captured.text();
    assert!(log.contains("webhook delivery") && log.contains("the ledger failed a request"), "the session was logged");
    assert!(log.lines().count() > 100, "{} lines", log.lines().count());
    for (name, secret) in secrets {
        let held: Vec<_> = log.lines().filter(|line| line.contains(&secret)).collect();
        assert!(held.is_empty(), "{name} in: {}", held[0].replace(&secret, "…"));
    }
    println!("{} log lines, none with a secret", log.lines().count());
}

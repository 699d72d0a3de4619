//! Orders with keys that users get by themselves: so many of one address wait for their deposits at once.

use std::net::IpAddr;
use std::num::NonZeroU32;

use alloy::primitives::B256;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use spandrel_api::grpc::proto;
use tonic::Code;

use crate::calls::{info, keyed, transfers};
use crate::world::{Options, RECIPIENT, REFUND_KEY, World, answer, bitcoin, problem};

const MOST: NonZeroU32 = NonZeroU32::new(2).unwrap();

async fn world() -> World {
    World::with(Options { open_orders: MOST, ..Options::new().await }).await
}

async fn own_key(world: &World) -> String {
    let made = answer(world.post("/v1/keys", &json!({})), StatusCode::CREATED).await;
    made["key"].as_str().unwrap().to_owned()
}

async fn terms(world: &World) -> Value {
    let quote = world.quote(&bitcoin(), 20_000).await;
    json!({ "quote": quote["id"], "recipient": RECIPIENT, "refund_key": REFUND_KEY })
}

/// An order with the next idempotency key.
async fn order(world: &World, key: &str, name: &str) -> RequestBuilder {
    world.post("/v1/transfers", &terms(world).await).bearer_auth(key).header("Idempotency-Key", name)
}

async fn refused(request: RequestBuilder) -> u64 {
    let problem = problem(request, StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_OPEN_ORDERS").await;
    assert_eq!(problem["retryable"], true);
    problem["retry_after"].as_u64().unwrap()
}

#[tokio::test]
async fn an_address_has_so_many_open_orders_whatever_keys_it_has() {
    let world = world().await;
    let (one, two) = (own_key(&world).await, own_key(&world).await);
    let body = terms(&world).await;
    let first = || world.post("/v1/transfers", &body).bearer_auth(&one).header("Idempotency-Key", "first");
    answer(first(), StatusCode::CREATED).await;
    world.clock.pass(1_000);
    answer(order(&world, &two, "second").await, StatusCode::CREATED).await;
    for key in [&one, &two] {
        let wait = refused(order(&world, key, "third").await).await;
        // Until the first one expires: a day to deposit, and an hour to finality.
        assert_eq!(wait, 86_400 + 3_600 - 1_000);
    }
    // What was ordered is answered again, the operator's keys are not bounded, nor is who comes from elsewhere.
    answer(first(), StatusCode::OK).await;
    for n in 0..4 {
        answer(order(&world, &world.key, &format!("operator {n}").replace(' ', "-")).await, StatusCode::CREATED).await;
    }
    let elsewhere = Client::builder().local_address(IpAddr::from([127, 0, 0, 2])).build().unwrap();
    let asked = elsewhere.post(format!("{}/v1/transfers", world.base)).json(&terms(&world).await);
    answer(asked.bearer_auth(&one).header("Idempotency-Key", "elsewhere"), StatusCode::CREATED).await;
}

#[tokio::test]
async fn calling_an_order_off_leaves_no_room_and_a_deposit_or_its_expiry_does() {
    let world = world().await;
    let key = own_key(&world).await;
    let mut orders = Vec::new();
    for name in ["one", "two"] {
        orders.push(answer(order(&world, &key, name).await, StatusCode::CREATED).await);
        world.clock.pass(10);
    }
    // Its script is watched until it expires: calling off is no way around.
    let id = orders[0]["transfer"]["id"].as_str().unwrap();
    answer(world.post(&format!("/v1/transfers/{id}/cancel"), &json!({})).bearer_auth(&key), StatusCode::ACCEPTED).await;
    refused(order(&world, &key, "three").await).await;
    world.deposit(&orders[1], B256::repeat_byte(7)).await;
    answer(order(&world, &key, "three").await, StatusCode::CREATED).await;
    let wait = refused(order(&world, &key, "four").await).await;
    world.clock.pass(wait - 1);
    assert_eq!(refused(order(&world, &key, "four").await).await, 1);
    world.clock.pass(1);
    answer(order(&world, &key, "four").await, StatusCode::CREATED).await;
}

#[tokio::test]
async fn open_orders_are_not_forgotten_at_a_restart() {
    let before = world().await;
    let key = own_key(&before).await;
    for name in ["one", "two"] {
        answer(order(&before, &key, name).await, StatusCode::CREATED).await;
    }
    let (store, clock) = (before.store.clone(), before.clock.clone());
    let again = World::with(Options { open_orders: MOST, store, clock, ..Options::new().await }).await;
    refused(order(&again, &key, "three").await).await;
    refused(order(&again, &own_key(&again).await, "three").await).await;
}

/// Who sends many at once gets no more than who sends one after the other; nor who calls instead.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_are_bounded_too_and_so_is_the_other_door() {
    let world = world().await;
    let key = own_key(&world).await;
    let names: Vec<String> = (0..16).map(|n| format!("key-{n}")).collect();
    let body = terms(&world).await;
    let sent = names
        .iter()
        .map(|name| world.post("/v1/transfers", &body).bearer_auth(&key).header("Idempotency-Key", name).send());
    let answered = futures::future::join_all(sent).await;
    let placed = answered.iter().filter(|answer| answer.as_ref().unwrap().status() == StatusCode::CREATED).count();
    assert_eq!(placed, 2);
    let request = proto::CreateTransferRequest {
        idempotency_key: "call".to_owned(),
        quote: body["quote"].as_str().unwrap().to_owned(),
        recipient: RECIPIENT.to_owned(),
        refund_key: Some(REFUND_KEY.to_owned()),
    };
    let refused = transfers(&world).create_transfer(keyed(&key, request.clone())).await.unwrap_err();
    assert_eq!((refused.code(), info(&refused).0.as_str()), (Code::ResourceExhausted, "TOO_MANY_OPEN_ORDERS"));
    transfers(&world).create_transfer(keyed(&world.key, request)).await.unwrap();
}

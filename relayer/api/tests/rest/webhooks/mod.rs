//! Webhooks: real requests to a real server, and every way in which they could be turned against somebody.

mod inside;
mod repeated;
mod secrets;
mod told;
mod tried;

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::Value;
use spandrel_api::webhooks::Courier;

use crate::world::{World, answer, bitcoin};

/// Registers a webhook of `key`; its id and secret.
async fn register(world: &World, key: &str, url: &str) -> (String, String) {
    let made = world.register(key, url, &rand::random::<u64>().to_string());
    let made = answer(made, StatusCode::CREATED).await;
    (made["webhook"]["id"].as_str().unwrap().to_owned(), made["secret"].as_str().unwrap().to_owned())
}

/// A deposit on a new order of the world's key.
async fn deposit(world: &World, n: u8) -> Value {
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, &n.to_string()), StatusCode::CREATED).await;
    world.deposit(&order, B256::with_last_byte(n)).await;
    order
}

async fn deliver(world: &World) -> usize {
    let courier = Courier::new(world.service.clone()).unwrap();
    courier.queue().await.unwrap();
    courier.deliver_due().await.unwrap()
}

async fn deliveries(world: &World, id: &str) -> Value {
    let listed = world.get(&format!("/v1/webhooks/{id}/deliveries")).bearer_auth(&world.key);
    answer(listed, StatusCode::OK).await
}

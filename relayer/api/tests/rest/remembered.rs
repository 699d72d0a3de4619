//! Who reads waits for nobody who writes, and what is remembered for readers never outlives a change.

use std::time::Duration;

use alloy::primitives::B256;
use reqwest::StatusCode;
use serde_json::json;
use spandrel_risk::{RiskEvent, Scope};
use spandrel_store::{OrderId, Sqlite};

use crate::world::{NOW, Options, World, answer, bitcoin};

#[tokio::test]
async fn quotes_and_limits_are_told_while_a_decision_waits_to_be_stored() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let mut limits = reqwest::Url::parse(&format!("{}/v1/limits", world.base)).unwrap();
    limits.query_pairs_mut().append_pair("route", &world.route(&bitcoin()).await);
    let limits = limits.as_str().trim_start_matches(&world.base).to_owned();
    let busy = world.keep_busy().await;
    let pause = RiskEvent::Paused { scope: Scope::Global, until: NOW + 600, reason: "drill".to_owned() };
    let book = world.book.clone();
    let waits = tokio::spawn(async move { book.record_risk(pause).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let reads = async {
        answer(world.get(&limits), StatusCode::OK).await;
        world.quote(&bitcoin(), 20_000).await;
        answer(world.get(&format!("/v1/transfers/{}", order["transfer"]["id"].as_str().unwrap())), StatusCode::OK).await
    };
    tokio::time::timeout(Duration::from_secs(2), reads).await.expect("readers wait for a writer");
    assert!(!waits.is_finished());
    busy.end().await;
    waits.await.unwrap().unwrap();
    let told = answer(world.get(&limits), StatusCode::OK).await;
    assert_eq!(told[0]["closed"]["code"], "PAUSED", "and what was stored is told at once");
}

#[tokio::test]
async fn what_is_remembered_is_forgotten_with_each_change() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/v1/transfers/{}", order["transfer"]["id"].as_str().unwrap());
    let status = async || answer(world.get(&path), StatusCode::OK).await;
    assert_eq!(status().await["substatus"], json!(null));
    let named = json!({ "source_tx": "11".repeat(32) });
    let request = world.put(&format!("{path}/source-tx"), &named).bearer_auth(&world.key);
    answer(request, StatusCode::ACCEPTED).await;
    assert_eq!(status().await["substatus"], "source_tx_not_observed");
    let first = world.deposit(&order, B256::repeat_byte(0x11)).await;
    assert_eq!(status().await["deposit"], first.to_string());
    let second = world.deposit(&order, B256::repeat_byte(0x12)).await;
    assert_eq!(status().await["more_deposits"], json!([second.to_string()]));
    world.reorg(first).await;
    assert_eq!(status().await["status"], "reorged");
}

#[tokio::test]
async fn what_another_process_stores_is_told_within_a_second() {
    let world = World::with(Options::new().await).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let id = order["transfer"]["id"].as_str().unwrap();
    let status = async || answer(world.get(&format!("/v1/transfers/{id}")), StatusCode::OK).await["status"].clone();
    assert_eq!(status().await, "awaiting_deposit");
    let other: Sqlite = world.another().await;
    assert!(other.cancel_order(OrderId(id.parse().unwrap()), world.service.now()).await.unwrap());
    world.second_later().await;
    assert_eq!(status().await, "cancelled");
}
